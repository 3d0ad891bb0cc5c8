"""What all bodies of requests share: camelCase, texts of one line, no unknown fields, and what these may have meant."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from functions.api.http.problems import OBJECT, TEXT
from whendue.quotas import NAME_BYTES, SUGGESTIONS
from whendue.support.text import is_line, nearest

__all__ = ["OBJECT", "TEXT", "Body", "text_or_object"]

# A body with at most this many fields names them all when it gets an unknown one.
FIELDS_NAMED: Final = 8


def _holds_json(annotation: Any) -> bool:
    return annotation is Any or any(map(_holds_json, get_args(annotation)))


def _are_lines(value: Any) -> bool:
    match value:
        case str():
            return is_line(value)
        case list() | tuple():
            return all(map(_are_lines, value))
        case dict():
            return all(map(_are_lines, (*value, *value.values())))
        case _:
            return True


def text_or_object(value: object) -> str:
    """Return as which of two a value is validated, so that its errors are of that one alone."""
    return TEXT if isinstance(value, str) else OBJECT


class Body(BaseModel):
    """A request body. Every text in it is one line, but for fields of any JSON."""

    # Fields that are known from other requests, and what to send here instead.
    ELSEWHERE: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        regex_engine="rust-regex",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _suggests_fields(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Suggest the field that an unknown one probably means."""
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() > SUGGESTIONS:
                raise
            errors = error.errors(include_url=False, include_input=False)
            raise ValidationError.from_exception_data(cls.__name__, list(map(cls._hinted, errors))) from None

    @classmethod
    def _hinted(cls, error: Any) -> InitErrorDetails:
        from functions.api.schemas.shared.plain_words import PLAIN, UNKNOWN_FIELD, plain

        text, where = plain(error), error["loc"]
        if error["type"] == UNKNOWN_FIELD and len(where) == 1:
            fields = [field.alias or name for name, field in cls.model_fields.items()]
            text += cls._hint(str(where[0])[:NAME_BYTES], fields)
        return {"type": PydanticCustomError(PLAIN, text), "loc": where, "input": None}

    @classmethod
    def _hint(cls, unknown: str, fields: list[str]) -> str:
        if unknown in cls.ELSEWHERE:
            return f"; {cls.ELSEWHERE[unknown]}"
        if near := nearest(unknown, fields):
            return f"; did you mean {near}?"
        return f"; the fields are {', '.join(fields)}" if len(fields) <= FIELDS_NAMED else ""

    @field_validator("*")
    @classmethod
    def _is_one_line(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse control characters in every text that is stored and shown; JSON values are a task's business."""
        if not _holds_json(cls.model_fields[info.field_name or ""].annotation) and not _are_lines(value):
            raise ValueError("must have no control characters, line breaks or overrides of direction")
        return value
