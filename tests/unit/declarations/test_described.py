"""whendue.declarations.described: payloads of tasks that are not imported."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel

from whendue.declarations.described import DescribedTask, compiled
from whendue.declarations.discovery import ModuleFailure
from whendue.declarations.registry import Registry, task
from whendue.declarations.validation import PLACES
from whendue.errors import InvalidPayloadError, UnknownTaskError
from whendue.manifest.accepted_schema import AcceptedSchema

SECRET = "a-secret-value"
ADDRESS = {"type": "object", "properties": {"zip": {"type": "integer"}}, "required": ["zip"]}


class Payload(BaseModel):
    """A payload."""


def work(payload: Payload) -> None:
    """Do nothing."""


def described(accepts: dict[str, Any] | None, name: str = "order.remind") -> DescribedTask:
    return DescribedTask(name, "tasks.orders", accepts=accepts)


def refusal(schema: dict[str, Any], payload: object) -> list[dict[str, str]]:
    with pytest.raises(InvalidPayloadError, match=r"does not fit the task order\.remind") as refused:
        described(schema).parse(payload)
    errors: list[dict[str, str]] = refused.value.details["errors"]  # type: ignore[assignment]
    return errors


def test_a_payload_that_fits_is_accepted() -> None:
    """Any is, without a schema."""
    described({"type": "object", "properties": {"home": ADDRESS}}).parse({"home": {"zip": 8000}}, "acme")
    described(None).parse(["any", {"thing": None}])


def test_a_fault_is_named_by_its_place() -> None:
    """The path within the payload, as for a task that is imported."""
    schema = {"type": "object", "properties": {"homes": {"type": "array", "items": ADDRESS}}}
    [wrong] = refusal(schema, {"homes": [{"zip": 1}, {"zip": "x"}]})
    assert wrong["where"] == "homes.1.zip"
    assert "integer" in wrong["problem"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "integer"},
        {"enum": ["a", "b"]},
        {"const": 1},
        {"maxLength": 3},
        {"pattern": "^a+$"},
        {"anyOf": [{"type": "integer"}, {"maxLength": 2}]},
        {"anyOf": [{"anyOf": [{"const": 1}, {"type": "null"}]}, {"pattern": "^z"}]},
        {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        {"not": {"type": "string"}},
        {"format": "date", "type": "number"},
    ],
    ids=str,
)
def test_an_error_never_shows_the_value(part: dict[str, Any]) -> None:
    """A payload may hold what no log and no answer may show."""
    [wrong] = refusal({"properties": {"token": part}}, {"token": SECRET})
    assert wrong["where"] == "token"
    assert SECRET not in wrong["problem"]
    assert wrong["problem"]


def test_a_union_says_what_each_choice_asks_for() -> None:
    """`int | None` is the most common of all."""
    [wrong] = refusal({"properties": {"n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}, {"n": "x"})
    assert '"integer"' in wrong["problem"]
    assert '"null"' in wrong["problem"]
    assert "anyOf" not in wrong["problem"]


def test_few_of_many_faults_are_named() -> None:
    """An answer stays small, whatever was sent."""
    errors = refusal({"type": "array", "items": {"type": "string"}}, list(range(5000)))
    assert len(errors) == PLACES + 1
    assert errors[-1] == {"where": "", "problem": "more places are not valid"}


def test_a_pattern_that_backtracks_without_end_refuses() -> None:
    """Nothing can interrupt the library, so its steps are bounded: with the library's own bound this takes minutes."""
    [wrong] = refusal({"properties": {"a": {"pattern": r"^(?=(a+)+$)\1b"}}}, {"a": "a" * 64 + "!"})
    assert wrong["where"] == "a"


def test_a_value_that_the_library_cannot_read_is_refused() -> None:
    """No JSON has such a value; a library that fails must not fail the request."""
    [wrong] = refusal({"additionalProperties": {"type": "string"}}, {"a": object()})
    assert "its validation raised" in wrong["problem"]


def test_nothing_is_fetched() -> None:
    """A schema of users could name an address inside the deployment's network."""
    with pytest.raises(ValueError, match="another document"):
        compiled({"$ref": "http://169.254.169.254/latest/meta-data"})


def test_a_schema_is_compiled_once() -> None:
    """A process answers many submits of the same task."""
    task_described = described({"type": "object"})
    task_described.parse({})
    validator = task_described._validator
    task_described.parse({})
    assert task_described._validator is validator


# --- in a registry ----------------------------------------------------------------------------------------------


def test_a_registry_finds_a_described_task_and_does_not_run_it() -> None:
    """To run it, it has to be imported."""
    registry = Registry()
    registry.describe(described({}))
    assert registry.find("order.remind") is registry.description("order.remind")
    assert registry.names() == ["order.remind"]
    assert registry.may_have("order.remind")
    with pytest.raises(UnknownTaskError):
        registry.get("order.remind")


def test_a_declared_task_counts_more_than_a_described_one() -> None:
    """A module with a channel is imported in the API: its tasks are then known as any."""
    registry = Registry()
    registry.describe(described({}, "work"))
    task("work", registry=registry)(work)
    assert registry.find("work") is registry.get("work")


def test_an_unavailable_task_is_refused_with_the_reason() -> None:
    """And one that nobody knows with the modules that it may be in."""
    registry = Registry()
    registry.describe(described({}))
    registry.lose("order.pay", "its module tasks.pay could not be imported")
    registry.failed(ModuleFailure("tasks.pay", "ImportError", "tasks/pay.py:3"))
    for name in ("order.pay", "order.ship"):
        with pytest.raises(UnknownTaskError, match=r"tasks\.pay"):
            registry.find(name)
    assert registry.unavailable == {"order.pay": "its module tasks.pay could not be imported"}


class Price(BaseModel):
    """What people send wrongly most often."""

    unit: Decimal
    count: int
    paid: bool
    due: date
    zip: str = Field(pattern=r"^\d{5}$")


def test_errors_are_in_words_for_people() -> None:
    """And not in the patterns that the schema has for what pydantic converts."""
    described = DescribedTask("price.set", "tasks", accepts=Price.model_json_schema(schema_generator=AcceptedSchema))
    wrong = {"unit": "abc", "count": "many", "paid": "perhaps", "due": "sunday", "zip": "1234"}
    with pytest.raises(InvalidPayloadError) as caught:
        described.parse(wrong)
    assert {each["where"]: each["problem"] for each in caught.value.details["errors"]} == {  # type: ignore[attr-defined]
        "unit": "the value is not a number",
        "count": "the value is not an integer",
        "paid": "the value is not a boolean",
        "due": "the value is not a time",
        "zip": 'the value does not match "^\\d{5}$"',
    }
    with pytest.raises(InvalidPayloadError) as caught:
        described.parse({"unit": 1, "count": 1, "paid": True, "due": 0})
    assert caught.value.details["errors"] == [{"where": "zip", "problem": "is required"}]


def test_a_large_payload_is_refused_without_a_search() -> None:
    """Naming all that is wrong in a tree of many values took seconds."""
    accepts = RootModel[list[int | None]].model_json_schema(schema_generator=AcceptedSchema)
    described = DescribedTask("sum", "tasks", accepts=accepts)
    with pytest.raises(InvalidPayloadError) as caught:
        described.parse(["x"] * 50_000)
    assert caught.value.details["errors"] == [{"where": "", "problem": "it does not fit; it is too large to say where"}]
