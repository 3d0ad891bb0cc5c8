"""Items to DynamoDB's typed JSON and back, and what an item may hold: both stores refuse by it, and alike.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html (data types) and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (sizes, nesting, keys).
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from whendue.aws_quotas import (
    DYNAMODB_ITEM_BYTES,
    DYNAMODB_MAX_DEPTH,
    DYNAMODB_NUMBER_DIGITS,
    DYNAMODB_NUMBER_MAX_EXPONENT,
    DYNAMODB_NUMBER_MIN_EXPONENT,
    DYNAMODB_PARTITION_KEY_BYTES,
    DYNAMODB_SORT_KEY_BYTES,
)
from whendue.errors import UnstorableError
from whendue.jobs.model import item_bytes
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Below, Condition, In, Is, Less, Plus, Write

# No number of fewer bits has more than 38 digits.
_SHORT_BITS: Final = 126


def to_attribute(value: object, depth: int = 0) -> dict[str, Any]:
    """Write a value as an AttributeValue.

    Args:
        value: of the kinds that our items hold: truth, number, text, set of whole numbers, map.
        depth: how many maps it stands in.

    Raises:
        UnstorableError: the table can hold no such value.
    """
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": _number(value)}
        case str():
            return {"S": _text(value)}
        case frozenset():
            if not value:
                raise UnstorableError("a set must have members")
            return {"NS": [_number(number) for number in sorted(value)]}
        case Mapping():
            if depth >= DYNAMODB_MAX_DEPTH:
                raise UnstorableError(f"values must be nested at most {DYNAMODB_MAX_DEPTH} levels deep")
            return {"M": {_text(str(name)): to_attribute(part, depth + 1) for name, part in value.items()}}
        case _:
            raise UnstorableError(f"a value of type {type(value).__name__} cannot be stored")


def _number(value: float) -> str:
    """Write a number: at most 38 digits, and 0 or from 1E-130 to below 1E+126; -0.0 is 0."""
    if isinstance(value, int) and value.bit_length() < _SHORT_BITS:
        return str(value)
    if isinstance(value, int) and value.bit_length() > 4 * DYNAMODB_NUMBER_MAX_EXPONENT:
        raise UnstorableError("a number is out of the table's range")
    number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    if not number.is_finite():
        raise UnstorableError("a number is not finite")
    if not number:
        return "0"
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    if len(digits) > DYNAMODB_NUMBER_DIGITS:
        raise UnstorableError(f"a number has more than {DYNAMODB_NUMBER_DIGITS} digits")
    if not DYNAMODB_NUMBER_MIN_EXPONENT <= number.adjusted() <= DYNAMODB_NUMBER_MAX_EXPONENT:
        raise UnstorableError("a number is out of the table's range")
    return format(number, "f")


def _text(text: str) -> str:
    """Insist that a text can be written as UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UnstorableError("a text has half of a surrogate pair") from None
    return text


def check(write: Write) -> None:
    """Check what DynamoDB checks of a write whatever it finds at its key.

    Raises:
        UnstorableError: DynamoDB would answer ValidationException.
    """
    check_key(write.key)
    for value in _values(write):
        to_attribute(value)
    for name, change in write.changes.items():
        if not name:
            raise UnstorableError("a field must have a name")
        _check_indexed(name, change)
    if write.inserts:
        check_size({"pk": write.key.pk, "sk": write.key.sk} | dict(write.changes))


def _values(write: Write) -> Iterable[Any]:
    """List the values that a write sends."""
    for change in write.changes.values():
        match change:
            case Plus(amount):
                yield amount
            case Less(members):
                yield members
            case _ if change is not REMOVE:
                yield change
    for condition in write.expected:
        yield from _expected(condition)


def _expected(condition: Condition) -> Iterable[Any]:
    match condition:
        case In(_, values):
            yield from values
        case Is(_, value) | Below(_, value):
            yield value


def check_key(key: Key) -> None:
    """Check a primary key.

    Raises:
        UnstorableError: no item can have it.
    """
    for text, most in ((key.pk, DYNAMODB_PARTITION_KEY_BYTES), (key.sk, DYNAMODB_SORT_KEY_BYTES)):
        if not 0 < len(_text(text).encode()) <= most:
            raise UnstorableError(f"a key must have 1 to {most} bytes")


def _check_indexed(name: str, change: object) -> None:
    """Check a field that is a key of an index: a text that is a key, or a number."""
    if change is REMOVE or isinstance(change, Plus):
        return
    is_key = isinstance(change, str) and 0 < len(change.encode()) <= DYNAMODB_PARTITION_KEY_BYTES
    if name in ("due_pk", "tenant_pk") and not is_key:
        raise UnstorableError(f"{name} must be a text of 1 to {DYNAMODB_PARTITION_KEY_BYTES} bytes")
    if name in ("check_at", "created_at") and (isinstance(change, bool) or not isinstance(change, int | float)):
        raise UnstorableError(f"{name} must be a number")


def check_size(item: Mapping[str, Any]) -> None:
    """Check an item's size.

    Raises:
        UnstorableError: it is larger than an item may be.
    """
    if item_bytes(item) > DYNAMODB_ITEM_BYTES:
        raise UnstorableError(f"it must have at most {DYNAMODB_ITEM_BYTES} bytes, all fields together")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """Read an AttributeValue; whole numbers come back as int, others as float, sets as frozensets.

    Kinds that we do not write are read all the same: what stands in one item must not keep others from being read.
    """
    [(kind, value)] = attribute.items()
    read = _READERS.get(kind)
    return read(value) if read else value


def _from_number(text: str) -> int | float:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Read an item."""
    return {name: from_attribute(part) for name, part in item.items()}


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "N": _from_number,
    "M": from_item,
    "NS": lambda numbers: frozenset(map(_from_number, numbers)),
    "SS": frozenset,
    "BS": frozenset,
    "L": lambda parts: [from_attribute(part) for part in parts],
    "NULL": lambda _: None,
}
