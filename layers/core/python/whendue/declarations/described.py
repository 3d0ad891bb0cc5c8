"""Described tasks: what a process knows of a task whose module it never imports."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from whendue.declarations.schema_cost import LOOKS, SEARCHED, looks
from whendue.declarations.validation import PLACES, fault, raised
from whendue.errors import InvalidPayloadError

if TYPE_CHECKING:
    # Imported by the process that validates the first payload of a described task.
    from jsonschema_rs import Draft202012Validator, ValidationError

# Steps of a regular expression with look-around or back-references on one text; others are linear. The library's own
# bound is a million: https://docs.rs/fancy-regex/latest/fancy_regex/struct.RegexBuilder.html
REGEX_STEPS: Final = 100_000
# Of the choices of a union, an error names the first few.
CHOICES: Final = 3
# Patterns of the schemas that whendue.manifest writes. What pydantic reads as a number or a time has no other letters.
# Classes such as \d are of all alphabets to pydantic, and of ASCII to JSON Schema: other texts pass.
INTEGER: Final = "^[^A-Za-z]+$"
NUMBER: Final = "^[^b-dg-hj-mo-su-xzB-DG-HJ-MO-SU-XZ]+$"
BOOLEAN: Final = "^[A-Za-z01]{1,5}$"
TIME: Final = "^[^a-su-yA-SU-Y]+$"
NOT_ASCII: Final = "[^\t-~]"
WORDS: Final[Mapping[str, str]] = {
    INTEGER: "the value is not an integer",
    NUMBER: "the value is not a number",
    BOOLEAN: "the value is not a boolean",
    TIME: "the value is not a time",
}
# Stands in errors for the value that does not fit.
_MASK: Final = "the value"


@dataclass(frozen=True)
class DescribedTask:
    """A task as it is described: enough to accept jobs of it, not to run them.

    Args:
        name: the job type.
        module: whose import declares it.
        description: the first line of its function's docstring.
        policy: what it asks for over the defaults, as in `TaskDefinition`.
        has_backoff: whether a function of its own returns its delays.
        schema: the JSON Schema of its payload, as its model documents it; None if there is none.
        unique: the unique key of its jobs, as in `TaskDefinition`.
        accepts: a JSON Schema that refuses no payload that its model accepts; None accepts any.
        queue: as in `TaskDefinition`.
    """

    name: str
    module: str
    description: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)
    has_backoff: bool = False
    schema: Mapping[str, Any] | None = None
    accepts: Mapping[str, Any] | None = None
    unique: Mapping[str, Any] | None = None
    queue: str | None = None

    # Deliveries and composites are shipped, and declared in every process.
    channel: ClassVar[None] = None
    expands: ClassVar[None] = None

    @cached_property
    def _looks(self) -> int:
        return looks(self.accepts or {})

    def parse(self, payload: object, tenant: str | None = None) -> None:  # noqa: ARG002 - as a TaskDefinition's
        """Refuse a payload that does not fit the schema. Validators and checks of users run in the worker.

        Raises:
            InvalidPayloadError: it does not fit; `details["errors"]` names the places, never the values.
        """
        if self.accepts is None or self._looks > LOOKS:
            return
        if errors := self._errors(payload):
            raise InvalidPayloadError(f"the payload does not fit the task {self.name}", errors=errors)

    @cached_property
    def _validator(self) -> "Draft202012Validator":
        return compiled(self.accepts or {})

    def _errors(self, payload: object) -> list[dict[str, str]]:
        try:
            if self._validator.is_valid(payload):
                return []
            if self._looks * _size(payload, SEARCHED) > SEARCHED:
                return [fault((), "it does not fit; it is too large to say where")]
            return list(_named(islice(self._validator.iter_errors(payload), PLACES + 1)))
        except Exception as error:  # noqa: BLE001 - a value that cannot be handed to the library refuses itself alone
            return [fault((), raised(error, "its validation"))]


def _size(value: object, most: int) -> int:
    """Count the values in a value, up to about `most`."""
    count, left = 0, [value]
    while left and count < most:
        part = left.pop()
        count += 1
        if isinstance(part, dict | list):
            left.extend(islice(part.values() if isinstance(part, dict) else part, most - count))
    return count


def compiled(schema: Mapping[str, Any]) -> "Draft202012Validator":
    """Compile a JSON Schema. Formats are not asserted, and nothing is fetched.

    Raises:
        ValueError: it is not valid, or it refers to another document.
    """
    from jsonschema_rs import Draft202012Validator, FancyRegexOptions

    return Draft202012Validator(
        dict(schema),
        validate_formats=False,
        retriever=_refuse,
        mask=_MASK,
        pattern_options=FancyRegexOptions(backtrack_limit=REGEX_STEPS),
    )


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"the schema refers to another document: {uri}")


def _named(errors: Iterator["ValidationError"]) -> Iterator[dict[str, str]]:
    for number, error in enumerate(errors):
        if number == PLACES:
            yield fault((), "more places are not valid")
            return
        if isinstance(missing := getattr(error.kind, "property", None), str):
            yield fault((*error.instance_path, missing), "is required")
        else:
            yield fault(tuple(error.instance_path), _problem(error))


def _problem(error: "ValidationError") -> str:
    """Describe an error without its value; of a union, what each choice asks for."""
    choices = [choice[0] for choice in getattr(error.kind, "context", [])[:CHOICES] if choice]
    named = dict.fromkeys(_problem(choice) for choice in choices if _pattern(choice) != NOT_ASCII)
    return " or ".join(named) or WORDS.get(_pattern(error), error.message)


def _pattern(error: "ValidationError") -> str:
    return str(getattr(error.kind, "pattern", ""))
