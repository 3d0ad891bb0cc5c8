"""Items to DynamoDB's typed JSON and back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def to_attribute(value: object) -> dict[str, Any]:
    """Write a value as an AttributeValue.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
    """
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case float():
            return {"N": format(Decimal(str(value)), "f")}
        case str():
            return {"S": value}
        case frozenset():
            return {"NS": [str(number) for number in sorted(value)]}
        case Mapping():
            return {"M": {str(name): to_attribute(part) for name, part in value.items()}}
        case _:
            raise TypeError(f"the table holds no {type(value).__name__}")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """Read an AttributeValue; whole numbers come back as int, others as float, sets of numbers as frozensets."""
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            number = Decimal(value)
            return int(number) if number == number.to_integral_value() else float(number)
        case "M":
            return from_item(value)
        case "NS":
            return frozenset(map(int, value))
        case "S" | "BOOL":
            return value
        case _:
            raise TypeError(f"an attribute of type {kind} is not ours")


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Read an item."""
    return {name: from_attribute(part) for name, part in item.items()}
