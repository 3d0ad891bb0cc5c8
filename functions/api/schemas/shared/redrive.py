"""Requests about dead jobs: which to run again, and how fast."""

from typing import ClassVar, Final

from pydantic import ConfigDict, Field

from functions.api.schemas.base import Body
from functions.api.schemas.shared.numbers import RedriveRate
from functions.api.schemas.shared.policy import Name, Priority, QueueName, TypeName
from whendue.quotas import REDRIVE_JOBS

OPERATION: Final = "POST /operations with the action redrive selects by it"
# Fields of the filters of operations.
SELECTED_ELSEWHERE: Final = (
    *("state", "tags", "schedule", "workflow"),
    *("createdAfter", "createdBefore", "finishedAfter", "finishedBefore"),
)


class DeadLetterFilter(Body):
    """Which dead jobs to select; a field that is left out selects all."""

    ELSEWHERE: ClassVar = dict.fromkeys(SELECTED_ELSEWHERE, OPERATION)

    model_config = ConfigDict(json_schema_extra={"example": {"type": "demo.broken"}})

    type: TypeName | None = Field(default=None, description="Name of the task.")
    priority: Priority | None = Field(default=None, description="Priority of the jobs.")
    queue: QueueName | None = Field(
        default=None,
        description="Queue of the jobs, one of the four priorities or of the deployment's own; or `priority`.",
    )
    fingerprint: Name | None = Field(
        default=None, description="Fingerprint of the jobs' last error, as `GET /dead-letters` shows it."
    )


class RedriveBody(Body):
    """Which dead jobs to run again, and how fast."""

    ELSEWHERE: ClassVar = dict.fromkeys(("ids", "all", *SELECTED_ELSEWHERE), OPERATION)

    model_config = ConfigDict(
        json_schema_extra={"example": {"filter": {"type": "demo.broken"}, "dryRun": True, "limit": 100}}
    )

    filter: DeadLetterFilter = Field(
        default=DeadLetterFilter(), description="Which dead jobs to run again. Default: all."
    )
    dry_run: bool = Field(default=False, description="Only count the jobs that match; change nothing.")
    rate_per_second: RedriveRate | None = Field(
        default=None, description="Maximum number of jobs that start per second. Default: all start at once."
    )
    limit: int = Field(default=100, ge=1, le=REDRIVE_JOBS, description="Maximum number of jobs in one call.")
    cursor: str | None = Field(
        default=None, description="`cursor` of the previous answer, to continue. Default: start from the beginning."
    )
