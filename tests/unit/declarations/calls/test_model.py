"""Calls: what code asks for is plain JSON, and what cannot be sent is refused with what to write instead."""

import pickle
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from whendue import errors
from whendue.declarations.calls.model import UNSET, Call, Options, WorkflowOptions, call_of, plain, workflow_call
from whendue.errors import InvalidPayloadError, InvalidRequestError, WhendueError
from whendue.quotas import HORIZON_S


class Order(BaseModel):
    number: int
    price: Decimal = Field(default=Decimal("1.50"), alias="unitPrice")
    at: datetime | None = None


class Colour(StrEnum):
    RED = "red"


@dataclass
class Named:
    name: str


def test_a_payload_is_written_as_its_model_writes_it() -> None:
    """By its aliases, and with its defaults."""
    order = Order(number=7, at=datetime(2030, 1, 1, tzinfo=UTC))
    call = call_of(Named("order.pack"), order, None, {})
    assert call == Call(
        type="order.pack", payload={"number": 7, "unitPrice": "1.50", "at": "2030-01-01T00:00:00Z"}, fields={}
    )


@pytest.mark.parametrize(("payload", "sent"), [(UNSET, {}), (None, None), ([1], [1]), ((1, 2), [1, 2]), (7, 7)])
def test_no_payload_is_an_empty_object(payload: Any, sent: Any) -> None:
    """None is a payload: that of a RootModel may be."""
    assert call_of("a", payload, None, {}).payload == sent


def test_a_call_does_not_show_its_payload() -> None:
    """It ends up in logs."""
    assert "secret" not in repr(call_of("a", {"password": "secret"}, None, {}))


def test_values_are_plain_and_a_copy() -> None:
    """An enumeration's text is none that the table can store, and what is changed later is not sent."""
    tags: dict[str, Any] = {"colour": Colour.RED}
    payload: dict[str, Any] = {"colours": [Colour.RED]}
    call = call_of("a", payload, None, {"tags": tags, "group": None})
    tags["colour"], payload["colours"][0] = "blue", "blue"
    assert call.fields == {"tags": {"colour": "red"}}
    assert call.payload == {"colours": ["red"]}
    assert [type(value) for value in (call.fields["tags"]["colour"], call.payload["colours"][0])] == [str, str]


@given(st.floats(min_value=0, max_value=HORIZON_S))
def test_a_delay_is_the_same_in_seconds_and_as_a_timedelta(seconds: float) -> None:
    """To the millisecond, in which times are kept; a timedelta has rounded to microseconds before."""
    as_number = call_of("a", UNSET, None, {"in_": seconds}).delay_s
    as_delta = call_of("a", UNSET, None, {"in_": timedelta(seconds=seconds)}).delay_s
    assert as_number is not None
    assert as_delta == pytest.approx(as_number, abs=0.0011)
    assert abs(as_number - seconds) <= 0.0005001


@pytest.mark.parametrize("delay", [-1, -0.001, HORIZON_S + 1, float("inf"), float("nan"), timedelta(days=-1)])
def test_a_delay_out_of_range_is_refused(delay: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="in_ must be from 0 to"):
        call_of("a", UNSET, None, {"in_": delay})


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"tag": {}}, Options, "did you mean tags?"),
        ({"eta": 3}, Options, "did you mean at?"),
        ({"zebra": 3}, Options, "unknown field zebra"),
        ({"x" * 100_000: 3}, Options, "unknown field"),
        ({"at": "now"}, Options, "at must be a datetime, not str"),
        ({"in_": True}, Options, "not bool"),
        ({"retries": 3}, WorkflowOptions, "unknown field retries"),
    ],
)
def test_a_wrong_option_says_what_is_meant(options: dict[str, Any], kind: type, says: str) -> None:
    """As Python does for a name that a function does not have."""
    with pytest.raises(TypeError, match=says.replace("?", r"\?")):
        call_of("a", UNSET, None, options) if kind is Options else workflow_call([], None, options)


def test_a_task_has_a_name() -> None:
    """A function that is no task has another attribute of that name, or none."""
    wrong: Any = Named(name=7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a task or its name is needed, not Named"):
        call_of(wrong, UNSET, None, {})


def test_what_json_cannot_hold_is_named() -> None:
    """With its position, without its value."""
    with pytest.raises(InvalidPayloadError, match=r"payload\.items\[1\]"):
        plain("a", {"items": [1, {2}]})
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidPayloadError, match="holds itself"):
        plain("a", loop)


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, WhendueError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_errors_pass_from_process_to_process(kind: type[WhendueError]) -> None:
    """Whatever their constructors take: a task may run its code in a pool of processes."""
    wanted: dict[type, tuple[Any, ...]] = {
        errors.InvalidScheduleError: ("cron", "is not valid"),
        errors.InvalidWorkflowError: (("nodes", "is not valid"),),
        errors.InvalidReferenceError: (("payload", "is not valid"), ("more", "too")),
    }
    error = kind(*wanted[kind]) if kind in wanted else kind("a message", errors=["a place"])
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), copied.details) == (kind, str(error), error.details)
