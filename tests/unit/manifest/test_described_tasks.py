"""whendue.manifest.described_tasks: what is said of declared tasks."""

import functools
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema

from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.described import DescribedTask
from whendue.declarations.registry import Registry, channel, discover, task
from whendue.errors import InvalidPayloadError
from whendue.manifest.described_tasks import described_task, described_tasks, manifest_of
from whendue.quotas import REASON_BYTES, SCHEMA_BYTES


class Order(BaseModel):
    """An order."""

    number: int = Field(alias="orderNumber", ge=1)


def run(payload: Order) -> None:
    """Remind of an order.

    More that nobody lists.
    """


@pytest.fixture
def registry() -> Registry:
    return Registry()


def of(registry: Registry, function: Any, name: str = "t", **options: Any) -> DescribedTask:
    task(name, registry=registry, **options)(function)
    [described] = [each for each in manifest_of(registry, ["p"]).tasks if each.name == name]
    return described


def test_a_description_has_what_a_caller_needs(registry: Registry) -> None:
    """Its schema is that of requests, by the names that requests use."""
    described = of(registry, run, max_attempts=3, base_s=2.5, jitter="none", backoff=lambda attempt: attempt)
    assert (described.name, described.description) == ("t", "Remind of an order.")
    assert described.policy == {"max_attempts": 3, "base_s": 2.5, "jitter": "none"}
    assert described.has_backoff
    assert described.schema == Order.model_json_schema(mode="validation")
    assert "orderNumber" in described.schema["properties"]
    described.parse({"orderNumber": 1})
    with pytest.raises(InvalidPayloadError):
        described.parse({"orderNumber": 0})


def test_an_annotation_that_says_more_than_the_model_is_described(registry: Registry) -> None:
    """It is what validates."""

    def annotated(payload: Annotated[Order, WithJsonSchema({"type": "object", "title": "Annotated"})]) -> None:
        """Do nothing."""

    described = of(registry, annotated)
    assert described.schema == described.accepts == {"type": "object", "title": "Annotated"}


class Odd:
    """No value of JSON."""


class Arbitrary(BaseModel):
    """A model without a schema."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    odd: Odd | None = None
    number: int


class Raising(BaseModel):
    """A model whose schema fails."""

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: object) -> Any:
        """Fail."""
        raise SystemError("no schema")


class Lookahead(BaseModel):
    """A pattern that JSON Schema's library does not know."""

    text: Annotated[str, WithJsonSchema({"type": "string", "pattern": "(?<"})]


Large = RootModel[Annotated[dict[str, int], Field(description="x" * SCHEMA_BYTES)]]


def takes(model: Any) -> Any:
    def function(payload: Any) -> None:
        """Do nothing."""

    function.__annotations__["payload"] = model
    return function


@pytest.mark.sampled(3)
@pytest.mark.parametrize("model", [Raising, Large, Lookahead], ids=["raising", "large", "lookahead"])
def test_a_model_whose_schema_cannot_be_used_accepts_any_payload(registry: Registry, model: Any) -> None:
    """The worker validates it."""
    described = of(registry, takes(model))
    assert described.accepts is None
    described.parse({"any": "thing"})


def test_of_a_model_without_a_schema_the_rest_is_checked(registry: Registry) -> None:
    """Submit refuses what it can."""
    described = of(registry, takes(Arbitrary))
    assert described.schema is None
    described.parse({"number": 1})
    with pytest.raises(InvalidPayloadError):
        described.parse({"number": []})


def test_the_first_line_of_any_function_is_short(registry: Registry) -> None:
    """And one without a docstring has none."""

    def silent(payload: Order) -> None: ...

    def long(payload: Order) -> None: ...

    long.__doc__ = "\n  " + "ä" * 1000
    assert of(registry, silent, "silent").description == ""
    assert len(of(registry, long, "long").description.encode()) <= REASON_BYTES
    assert of(registry, functools.partial(run), "partial").description == "Remind of an order."


def test_tasks_of_deliveries_are_left_out(registry: Registry) -> None:
    """No user submits them; a user's channel is known by its module, which is imported when it is used."""

    class Config(ChannelConfig):
        """A configuration."""

    def send(event: Event, config: Config, attempt: Attempt) -> None:
        """Send nothing."""

    channel("pigeon", registry=registry)(send)
    task("t", registry=registry)(run)
    manifest = manifest_of(registry, ["p"])
    assert [described.name for described in manifest.tasks] == ["t"]
    assert list(manifest.channels) == ["pigeon"]
    assert [described.name for described in described_tasks(registry)] == ["t"]
    assert described_task(registry, "notify.pigeon") is None
    assert described_task(registry, "none") is None


def test_shipped_tasks_are_listed_and_not_validated_by_a_schema() -> None:
    """They are imported when they are first asked for: they are no code of users."""
    registry = discover("whendue.tasks", "whendue.channels")
    tasks = {described.name: described for described in manifest_of(registry, []).tasks}
    assert {"http", "email", "lambda", "workflow"} <= set(tasks)
    assert tasks["http"].accepts is None
    assert tasks["http"].schema is not None
    assert manifest_of(registry, []).channels == {}


def test_a_described_task_is_not_imported_to_be_listed(registry: Registry) -> None:
    """`GET /tasks` costs no import where there is a manifest."""
    known = DescribedTask("t", "module.that.is.nowhere")
    registry.describe(known)
    registry.defer("t", "module.that.is.nowhere")
    assert described_task(registry, "t") is known
    assert registry.failures == []
