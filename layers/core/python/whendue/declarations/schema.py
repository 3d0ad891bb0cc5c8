"""What shipped tasks and channels share: strict camelCase JSON, lines without control characters, JSON answers."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from whendue.jobs.json_values import to_text
from whendue.quotas import RESULT_BYTES, RESULT_DEPTH


class Payload(BaseModel):
    """A payload in camelCase JSON: unknown fields and wrong types are refused, and errors never show a value.

    `INSTEAD` says of fields that users of other tools try what to send in their place.
    """

    INSTEAD: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_to_send(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, list(map(cls._hinted, error.errors()))) from None

    @classmethod
    def _hinted(cls, error: Any) -> InitErrorDetails:
        text = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            fields = ", ".join(sorted(field.alias or name for name, field in cls.model_fields.items()))
            text = f"is not a field; {cls.INSTEAD.get(str(error['loc'][-1]), f'the fields are {fields}')}"
        return {"type": PydanticCustomError(error["type"], text), "loc": error["loc"], "input": None}


def without_controls(text: str) -> str:
    """Return the text unchanged if it fits in one header.

    Raises:
        ValueError: it holds a control character, a line or paragraph separator, or half a surrogate pair.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("must not have control characters")
    return text


Line = Annotated[str, AfterValidator(without_controls)]


def json_or_text(text: str) -> Any:
    """Read a text as JSON; one that is not, or that could not be kept as JSON in a result, is given as it is."""
    try:
        value = json.loads(text)
        # The result in which it is kept is a level around it.
        to_text(value, most_bytes=RESULT_BYTES, most_levels=RESULT_DEPTH - 1)
    except (ValueError, RecursionError):
        return text
    return value
