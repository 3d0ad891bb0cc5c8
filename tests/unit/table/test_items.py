"""Items of the table as dataclasses: the types that they may hold, and the positions that they keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from whendue.table.items import checked, position_of
from whendue.table.keys import Key


def everything() -> type:
    """Return a new dataclass with a field of each kind that dataclasses of the table have: types are remembered."""

    @dataclass(frozen=True, slots=True)
    class Everything:
        number: int = 0
        factor: float = 0.0
        names: tuple[str, ...] = ()
        tags: Mapping[str, str] | None = None
        kind: Literal["a", "b"] | None = None

    return Everything


@pytest.mark.parametrize(
    "values",
    [
        {"number": 1},
        {"factor": 0.5},
        {"factor": 1},
        {"names": ("a",)},
        {"tags": {"a": "b"}},
        {"tags": None},
        {"kind": "a"},
        {"kind": None},
    ],
)
def test_a_value_of_the_declared_type_is_taken(values: Mapping[str, Any]) -> None:
    """Or an item that is sound could not be read."""
    assert checked(everything(), values) == values


@pytest.mark.parametrize(
    "values", [{"number": "1"}, {"number": True}, {"names": "a"}, {"tags": "a"}, {"kind": 1}, {"number": None}]
)
def test_a_value_of_another_type_is_refused_with_its_field(values: Mapping[str, Any]) -> None:
    """Later code relies on the types."""
    with pytest.raises(TypeError, match=rf"Everything\.{next(iter(values))} "):
        checked(everything(), values)


def test_an_item_that_keeps_no_position_has_none() -> None:
    """A scan that goes by it begins at the start."""
    assert position_of(None) is None
    assert position_of({"finished": True}) is None
    assert position_of({"at_pk": "JOB#1", "at_sk": "job"}) == Key("JOB#1", "job")
