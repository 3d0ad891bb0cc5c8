"""What every answer's model has in common."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

CURSOR: Final = "Send it as `cursor` to get the next page; null at the end."
ALWAYS_WHOLE: Final = "Always null: the list is never split into pages."
MISSING: Final = (
    "`jobs_before_upgrade` while jobs from before a table upgrade are missing, until the operator has run `whendue "
    "migrate`. Else null."
)
Missing = Literal["jobs_before_upgrade"] | None
# Both are declared in the OpenAPI document: times are RFC 3339 in UTC, durations ISO 8601.
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Duration = Annotated[str, Field(json_schema_extra={"format": "duration"})]


class Reply(BaseModel):
    """An answer."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


def missing(*, is_complete: bool) -> Missing:
    """Say what a list of jobs lacks."""
    return None if is_complete else "jobs_before_upgrade"
