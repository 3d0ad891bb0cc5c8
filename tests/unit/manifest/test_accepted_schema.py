"""whendue.manifest.accepted_schema: what a model accepts, submit accepts; and what no model takes is refused there."""

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    AnyUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Json,
    PlainValidator,
    SecretStr,
    Strict,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from whendue.declarations.described import DescribedTask
from whendue.errors import InvalidPayloadError
from whendue.manifest.accepted_schema import AcceptedSchema


class Colour(StrEnum):
    """Texts."""

    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    """Numbers."""

    LOW = 1
    HIGH = 2


class Guessing(Enum):
    """Takes what it does not know."""

    KNOWN = "known"

    @classmethod
    def _missing_(cls, value: object) -> "Guessing":
        return cls.KNOWN


class Point(BaseModel):
    """Nested, closed."""

    model_config = ConfigDict(extra="forbid")

    x: int
    y: int = Field(default=0, ge=-10, le=10)


class ByName(BaseModel):
    """Fields of two names."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    first_name: str = Field(alias="firstName")


class ByChoice(BaseModel):
    """A field of several places."""

    number: int = Field(validation_alias=AliasChoices("number", "no", AliasPath("numbers", 0)))


class Reshaped(BaseModel):
    """A validator that takes another form."""

    a: int

    @model_validator(mode="before")
    @classmethod
    def _of_list(cls, value: Any) -> Any:
        return {"a": value[0]} if isinstance(value, list) and value else value


class Stripped(BaseModel):
    """Texts are changed before they are measured."""

    model_config = ConfigDict(str_strip_whitespace=True, str_max_length=3, coerce_numbers_to_str=True)

    text: str


class Exact(BaseModel):
    """Nothing is converted."""

    model_config = ConfigDict(strict=True)

    count: int
    flag: bool = False


class Cat(BaseModel):
    """A choice."""

    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    """Another choice."""

    kind: Literal["dog"]
    lives: float = 1


class Tree(BaseModel):
    """Refers to itself."""

    value: int
    branches: list["Tree"] = []


class Pair(NamedTuple):
    """By position or by name."""

    left: int
    right: str = ""


class Options(TypedDict, total=False):
    """Fields of an object."""

    retries: int


@dataclass
class Size:
    """A dataclass."""

    width: int
    height: float = 1.0


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
Shape = Annotated[
    Annotated[Point, Tag("dict")] | Annotated[int, Tag("other")],
    Discriminator(lambda value: "dict" if isinstance(value, dict) else "other"),
]
TYPES: dict[str, Any] = {
    "int": int,
    "bounded int": Annotated[int, Field(ge=0, lt=100, multiple_of=2)],
    "strict int": Annotated[int, Strict()],
    "float": float,
    "bounded float": Annotated[float, Field(gt=0, multiple_of=0.1)],
    "bool": bool,
    "str": str,
    "bounded str": Annotated[str, Field(min_length=2, max_length=4)],
    "pattern": Annotated[str, Field(pattern=r"^\d{2,3}$")],
    "python's pattern": Annotated[str, StringConstraints(pattern=r"^\d+$", strip_whitespace=True)],
    "lower": Annotated[str, StringConstraints(to_lower=True, pattern="^[a-z]+$")],
    "bytes": Annotated[bytes, Field(min_length=2, max_length=6)],
    "optional": int | None,
    "union": int | str | list[int],
    "date": date,
    "datetime": datetime,
    "time": time,
    "timedelta": timedelta,
    "decimal": Decimal,
    "bounded decimal": Annotated[Decimal, Field(max_digits=4, decimal_places=2, ge=0)],
    "fraction": Fraction,
    "complex": complex,
    "uuid": UUID,
    "url": AnyUrl,
    "path": Path,
    "ip": ipaddress.IPv4Address,
    "secret": SecretStr,
    "json": Json[list[int]],
    "any": Any,
    "list": Annotated[list[int], Field(min_length=1, max_length=3)],
    "set": Annotated[set[int], Field(min_length=1, max_length=2)],
    "frozenset": frozenset[str],
    "deque": Annotated[deque[int], Field(max_length=2)],
    "tuple": tuple[int, str],
    "tuple of many": tuple[int, ...],
    "sequence": Sequence[int],
    "iterable": Iterable[int],
    "dict": dict[str, int],
    "dict of numbers": dict[int, int],
    "dict of patterns": dict[Annotated[str, Field(pattern="^a")], int],
    "mapping": Mapping[str, list[bool]],
    "ordered": OrderedDict[str, int],
    "literal": Literal["a", 1],
    "colour": Colour,
    "level": Level,
    "guessing": Guessing,
    "model": Point,
    "by name": ByName,
    "by choice": ByChoice,
    "reshaped": Reshaped,
    "stripped": Stripped,
    "exact": Exact,
    "pet": Pet,
    "shape": Shape,
    "tree": Tree,
    "pair": Pair,
    "typed dict": Options,
    "dataclass": Size,
    "before": Annotated[int, BeforeValidator(len)],
    "wrap": Annotated[int, WrapValidator(lambda value, handler: handler(value) if value else 0)],
    "plain": Annotated[int, PlainValidator(lambda value: 7)],
    "after": Annotated[int, AfterValidator(lambda value: value + 1)],
}

WORDS = st.sampled_from(
    [
        *("", " ", "1", "-1", " 7 ", "1_000", "1.0", "1e5", "nan", "inf", "Infinity", "true", "OFF", "y", "abc", "red"),
        *("2026-11-28", "2026-11-28T07:00:00Z", "2026-11-28 07:00", "07:00", "P1DT2H", "1 day, 2:00:00", "1764313200"),
        *("12", "١٢", "ABC", "1/3", "1+2j", "12345678-1234-5678-1234-567812345678", "https://example.com", "127.0.0.1"),
        *("[1, 2]", "cat", "dog", "known", "a" * 5, "ä" * 3),
    ]
)
NAMES = st.sampled_from(
    [
        *(
            "x",
            "y",
            "a",
            "ab",
            "kind",
            "lives",
            "value",
            "branches",
            "count",
            "flag",
            "text",
            "width",
            "height",
            "retries",
        ),
        *("firstName", "first_name", "number", "no", "numbers", "left", "right", "1", "07", "é"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-300, 300)
    | st.sampled_from([2**53, 2**63, 2**64 - 1, -(2**63)])
    | st.floats(-1000, 1000)
    | st.sampled_from([0.0, 1.0, 2.0, 0.1, 0.30000000000000004, 1e20])
    | WORDS
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def task_of(kind: Any) -> DescribedTask:
    schema = TypeAdapter(kind).json_schema(schema_generator=AcceptedSchema)
    return DescribedTask("t", "m", accepts=schema)


TASKS = {name: (TypeAdapter(kind), task_of(kind)) for name, kind in TYPES.items()}


def accepts(described: DescribedTask, value: object) -> bool:
    try:
        described.parse(value)
    except InvalidPayloadError:
        return False
    return True


def takes(adapter: TypeAdapter[Any], value: object) -> bool:
    """Return whether a model takes a value; whatever else a validator raises fails in the worker, too."""
    try:
        adapter.validate_python(value)
    except (ValidationError, TypeError, ValueError, ArithmeticError):
        return False
    return True


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", TASKS)
@given(value=VALUES)
@example(value="5")
@example(value=5.0)
@example(value=True)
@example(value=["1", 1, 1])
@example(value={"x": "1"})
@example(value={"kind": "dog", "lives": 1})
@example(value={"kind": "cat", "lives": 1})
@example(value={"first_name": "a"})
@example(value={"numbers": ["1"]})
@example(value=[1])
@example(value={"text": " abc "})
@example(value={"text": 12})
@example(value={"left": 1})
@example(value=[1, "a"])
@example(value={"1": 2})
@example(value={"value": 1, "branches": [{"value": "2"}]})
def test_submit_accepts_what_a_model_accepts(name: str, value: object) -> None:
    """A job that would run is never refused: the law that makes the schema safe to refuse by."""
    adapter, described = TASKS[name]
    assert accepts(described, value) or not takes(adapter, value)


REFUSED: dict[str, list[Any]] = {
    "int": ["abc", 1.5, [], {}, None],
    "bounded int": [-2, 100, 3],
    "strict int": ["5", True, 1.5],
    "float": ["abc", [], None],
    "bounded float": [0, -1],
    "bool": [2, "maybe so", [], None],
    "str": [1, None, []],
    "bounded str": ["a", "abcde"],
    "pattern": ["a", "1", "1234"],
    "optional": ["x", []],
    "datetime": ["soon", [], {}, None],
    "timedelta": [[], None],
    "decimal": ["xyz!", [], {}],
    "uuid": [1, []],
    "path": [[], {}],
    "secret": [[], {}],
    "list": [[], [1, 2, 3, 4], ["x"], "12", {}],
    "set": [[], ["x"], {}],
    "tuple": [[1], [1, "a", 2], ["x", "a"]],
    "sequence": ["12", ["x"], {}],
    "dict": [{"a": "x"}, [], "a"],
    "literal": ["b", 2],
    "colour": ["green", 1],
    "model": [{}, {"x": 1, "z": 1}, {"x": 1, "y": 11}, [], "x"],
    "stripped": [{}, {"text": None}],
    "exact": [{"count": "1"}, {"count": 1, "flag": 1}],
    "pet": [{"kind": "cow", "lives": 1}, {"kind": "cat"}, {}],
    "tree": [{"value": 1, "branches": [{"value": "x"}]}],
    "dataclass": [{}, {"width": "x"}],
    "after": ["x"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_submit_refuses_what_no_model_takes(name: str, value: object) -> None:
    """A schema that allows all would keep the law above, too."""
    adapter, described = TASKS[name]
    assert not takes(adapter, value)
    assert not accepts(described, value)


class Local:
    """No value of JSON."""


class Sizes:
    """Claims every list."""

    class _Meta(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, list)

    class Any(metaclass=_Meta):
        """A list, whatever its class."""


class Odd(BaseModel):
    """Fields that are checked by their class alone."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    local: Local | None = None
    sizes: Sizes.Any | None = None


def test_a_field_of_a_class_accepts_the_json_that_is_an_instance_of_it() -> None:
    """Mostly none: what a model takes only from Python can never be sent."""
    described = task_of(Odd)
    assert accepts(described, {"local": None})
    assert not accepts(described, {"local": {}})
    assert accepts(described, {"sizes": [1]}) == takes(TypeAdapter(Odd), {"sizes": [1]})
