"""What shipped tasks and channels share: strict camelCase JSON, lines without control characters, JSON answers."""

import json
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Payload(BaseModel):
    """A payload in camelCase JSON: unknown fields and wrong types are refused, and errors never show a value."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
    )


def without_controls(text: str) -> str:
    """Give the text back if it fits in one header.

    Raises:
        ValueError: it holds a control character, a line or paragraph separator, or half a surrogate pair.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, AfterValidator(without_controls)]


def json_or_text(text: str) -> Any:
    """Read a text as JSON; one that is not, or that could not be stored as JSON again, is given as it is."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return text
    return value
