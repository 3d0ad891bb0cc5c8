"""Values of Python that have one form in JSON, and the place of what has none."""

import json
import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, SecretStr, field_serializer
from pydantic.dataclasses import dataclass as pydantic_dataclass

from whendue.jobs.json_values import NotJsonError, to_text


def text(value: Any, most_bytes: int = 10_000) -> str:
    return to_text(value, most_bytes=most_bytes, most_levels=100)


class Item(BaseModel):
    """A model with a field for anything."""

    price: Any = None
    bought_at: datetime | None = Field(default=None, alias="boughtAt")


class Bill(BaseModel):
    """A model with members that only pydantic writes."""

    items: list[Item] = []
    tags: set[str] = set()
    key: SecretStr = SecretStr("secret")
    internal: int = Field(default=1, exclude=True)


@dataclass
class Entry:
    """A dataclass with members of any kind."""

    price: Any
    below: Any = None


@pydantic_dataclass
class Checked:
    """A dataclass of pydantic."""

    price: Any


class Colour(Enum):
    """An enumeration of values."""

    RED = 1


class Unreadable(dict[str, int]):
    """A mapping whose methods raise."""

    def items(self) -> Any:
        """Raise."""
        raise KeyError("secret")


BERLIN = datetime(2030, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Decimal("19.90"), "19.90"),
        (Decimal("-0.00"), "-0.00"),
        (Decimal("1E+5"), "1E+5"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (datetime(2030, 1, 1, 2, 3, 4, 5, tzinfo=UTC), "2030-01-01T02:03:04.000005Z"),
        (datetime(2030, 1, 1), "2030-01-01T00:00:00"),  # noqa: DTZ001 - one without a zone gets none
        (BERLIN, "2030-07-01T12:00:00+02:00"),
        (date(2030, 1, 1), "2030-01-01"),
        (time(1, 2), "01:02:00"),
        (Colour.RED, 1),
        ({UUID(int=5): {Decimal("1.10"): 1}}, {"00000000-0000-0000-0000-000000000005": {"1.10": 1}}),
        ({date(2030, 1, 1): {Colour.RED: 0}}, {"2030-01-01": {"1": 0}}),
        (Entry(Decimal("1.0"), [Entry(2)]), {"price": "1.0", "below": [{"price": 2, "below": None}]}),
        (Checked(Checked(3)), {"price": {"price": 3}}),
        (Item(price=BERLIN.astimezone(UTC)), {"price": "2030-07-01T10:00:00Z", "boughtAt": None}),
        (Item(boughtAt=BERLIN.astimezone(UTC)), {"price": None, "boughtAt": "2030-07-01T10:00:00Z"}),
        ([Bill(tags={"a"})], [{"items": [], "tags": ["a"], "key": "**********"}]),
        (RootModel[list[int]]([1, 2]), [1, 2]),
    ],
)
def test_what_has_one_form_in_json_is_written_in_it(value: Any, read: Any) -> None:
    """What tasks return: docs/guide/tasks.md has the list."""
    assert json.loads(text(value)) == read


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.uuids() | st.datetimes() | st.dates() | st.times())
def test_such_a_value_is_read_back_from_its_text(value: Any) -> None:
    """Nothing is lost: trailing zeros, microseconds."""
    kind = type(value)
    read = getattr(kind, "fromisoformat", kind)
    assert str(read(json.loads(text(value)))) == str(value)


@given(st.datetimes(timezones=st.timezones()))
def test_the_instant_of_a_time_with_a_zone_is_kept(value: datetime) -> None:
    """The name of its zone is not."""
    assert datetime.fromisoformat(json.loads(text(value))) == value.astimezone(UTC)


PLACES: dict[str, tuple[Any, str]] = {
    "a number": ({"items": [1, 2, 3, {"price": float("nan")}]}, "result.items[3].price: JSON cannot hold NaN or Infin"),
    "a decimal": ({"items": (Decimal("sNaN"),)}, "result.items[0]: JSON cannot hold NaN or Infinity"),
    "a key that is no name": ({"a b": [{1}]}, 'result["a b"][0]: JSON cannot hold a value of type set'),
    "a long key": ({"k" * 100: {1}}, f'result["{"k" * 40}…"]: JSON cannot hold a value of type set'),
    "a mapping with a bad key": ([{(1,): 1}], "result[0]: JSON cannot hold keys of type tuple"),
    "half a character": ({"a": ["é\udfff"]}, "result.a[0]: a text has half of a surrogate pair"),
    "an integer": ([10**5000], "result[0]: an integer has more digits"),
    "an unreadable member": ([Unreadable()], "result[0]: it could not be read: KeyError"),
    "a dataclass": (
        Entry(1, [Entry({1: timedelta(1)})]),
        'result.below[0].price["1"]: JSON cannot hold a value of type t',
    ),
    "a model": (Bill(items=[Item(), Item(price=object())], tags={"a"}), "result.items[1].price: JSON cannot hold"),
    "NaN in a model": (Bill(items=[Item(), Item(price=float("nan"))]), "result.items[1].price: JSON cannot hold NaN"),
    "NaN in a set in a model": (Item(price=[{float("inf")}]), "result.price[0][0]: JSON cannot hold NaN"),
    "bytes in a model": (Item(price=[b"\xff"]), "result.price[0]: JSON cannot hold a value of type bytes"),
    "half a character in a model": (Item(price="\ud800"), "result.price: a text has half of a surrogate pair"),
    "a class": ([Entry], "result[0]: JSON cannot hold a value of type type"),
    "the whole": (b"x", "JSON cannot hold a value of type bytes"),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_place_of_what_json_cannot_hold_is_named(name: str) -> None:
    """Whoever reads the dead job knows what to change."""
    value, said = PLACES[name]
    with pytest.raises(NotJsonError) as caught:
        text(value)
    assert str(caught.value).startswith(said)
    assert caught.value.problem == "not_json"


def test_a_place_is_short_however_deep_it_is() -> None:
    """The reason behind it is still in the error that is kept."""
    value: dict[str, Any] = {}
    value["again"] = value
    with pytest.raises(NotJsonError, match=r"^result\.again.*….*\.again: it is nested deeper") as caught:
        text(value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("kind", [Item, Entry, Checked])
def test_an_object_that_holds_itself_ends(kind: Any) -> None:
    """Parents and children do."""
    value = kind(price=None)
    value.price = [value]
    with pytest.raises(NotJsonError, match="holds itself"):
        text(value, 100_000)


def test_a_model_whose_serializer_fails_is_refused_without_its_words() -> None:
    """They may quote a value."""

    class Broken(BaseModel):
        """It cannot be written."""

        price: int = 1

        @field_serializer("price")
        def write(self, price: int) -> str:
            raise KeyError("secret")

    with pytest.raises(NotJsonError, match=r"^result\[0\]: ") as caught:
        text([Broken()])
    assert "secret" not in str(caught.value)


def test_a_model_with_a_member_of_another_type_warns_nobody() -> None:
    """The warning would quote the value."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.loads(text(Item.model_construct(price=1, bought_at="soon"))) == {"price": 1, "boughtAt": "soon"}


def test_a_whole_that_is_no_result_has_its_own_name() -> None:
    """The progress of a task."""
    with pytest.raises(NotJsonError, match=r"^progress\.done: "):
        to_text({"done": {1}}, most_bytes=100, most_levels=10, name="progress")


class Written(BaseModel):
    """A model whose members are written in JSON as something of another kind."""

    mapping: dict[str, float] = {"a": 1.0}
    pairs: list[float] = [1.0]
    price: float = float("nan")
    text: str = "a"
    number: int = 2

    @field_serializer("mapping", when_used="json")
    def write_mapping(self, _: dict[str, float]) -> str:
        """Write a mapping as text."""
        return "a=1"

    @field_serializer("pairs", when_used="json")
    def write_pairs(self, _: list[float]) -> int:
        """Write a list as a number."""
        return 1

    @field_serializer("price", when_used="json")
    def write_price(self, _: float) -> str:
        """Write what is no number as text."""
        return "unknown"

    @field_serializer("text", when_used="json")
    def write_text(self, _: str) -> dict[str, int]:
        """Write a text as a mapping."""
        return {"a": 1}

    @field_serializer("number", when_used="json")
    def write_number(self, number: int) -> list[int]:
        """Write a number as a list."""
        return [number]


def test_a_model_is_stored_as_it_is_written_whatever_its_members_are() -> None:
    """Serializers may write any kind of value, also of NaN."""
    written = {"mapping": "a=1", "pairs": 1, "price": "unknown", "text": {"a": 1}, "number": [2]}
    assert json.loads(text(Written())) == written


def test_what_is_too_large_is_so_as_a_whole() -> None:
    """The place at which the bytes were used up is none that anybody has to change."""
    with pytest.raises(NotJsonError, match=r"^it is over 100 bytes of JSON$"):
        text({"items": [{"name": "a" * 200}]}, 100)
