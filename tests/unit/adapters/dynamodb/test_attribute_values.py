"""DynamoDB's typed JSON: what is written is read as it was, and what others have written can be read, too."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.adapters.dynamodb.attribute_values import check, from_attribute, from_item, to_attribute
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Plus, Write

WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)
# Larger ones are whole numbers, which come back as the nearest number of 17 digits.
FRACTIONS = st.floats(-(2.0**53), 2.0**53).filter(lambda number: number == 0 or abs(number) > 1e-100)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans() | WHOLE | FRACTIONS | TEXTS | st.frozensets(WHOLE, min_size=1),
    lambda parts: st.dictionaries(TEXTS, parts, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    """A whole number comes back as an int, which is equal to the float that was written."""
    assert from_attribute(to_attribute(value)) == value


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ({"N": "7"}, 7),
        ({"N": "7.0"}, 7),
        ({"N": "1E+3"}, 1000),
        ({"N": "0.5"}, 0.5),
        ({"BOOL": True}, True),
        ({"B": b"x"}, b"x"),
        ({"NULL": True}, None),
        ({"L": [{"N": "1"}, {"S": "a"}]}, [1, "a"]),
        ({"SS": ["a"]}, frozenset({"a"})),
    ],
)
def test_kinds_that_we_do_not_write_are_read(attribute: dict[str, Any], value: Any) -> None:
    """An item that somebody has edited by hand must not keep others from being read."""
    read = from_item({"x": attribute})["x"]
    assert (read, type(read)) == (value, type(value))


def test_a_key_of_the_index_may_be_removed_or_added_to() -> None:
    """Neither is a value of a wrong type."""
    check(Write("update", Key("a", "b"), (), {"due_pk": REMOVE, "check_at": Plus(1)}))
