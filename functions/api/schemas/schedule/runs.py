"""Requests that create jobs of a schedule: trigger and backfill."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.job_requests import TIMES_ELSEWHERE, Tags
from functions.api.schemas.schedule.definitions import Reason
from functions.api.schemas.shared.policy import Priority, QueueBody, QueueName, Rfc3339
from whendue.quotas import REASON_BYTES
from whendue.schedule_quotas import BACKFILL_FIRES


class TriggerBody(QueueBody):
    """Values of this run that replace those of the template; a field that is left out is the template's."""

    ELSEWHERE: ClassVar[Mapping[str, str]] = TIMES_ELSEWHERE

    model_config = ConfigDict(json_schema_extra={"example": {"payload": {"name": "Grace"}}})

    payload: Any = Field(
        default_factory=dict,
        description="Payload of this run: it replaces the template's as a whole. Default: the template's.",
        examples=[{"name": "Grace"}],
    )
    priority: Priority | None = Field(
        default=None, description="Queue of this run, one of these four. Default: the template's."
    )
    queue: QueueName | None = Field(
        default=None,
        description="Queue of this run, one of the four priorities or of the deployment's own. Send this or "
        "`priority`. Default: the template's.",
    )
    tags: Tags | None = Field(
        default=None, description="Tags of this run: they replace the template's. Default: the template's."
    )

    reason: Reason | None = Field(
        default=None,
        description=f"Why it is triggered, up to {REASON_BYTES} bytes: shown with its fire. Default: null.",
        examples=["a customer asked for it"],
    )

    def changes(self) -> dict[str, Any]:
        """Return what was sent, as fields of the service's request."""
        values = {"queue": self.queue_name, "tags": self.tags}
        sent = {name: value for name, value in values.items() if value is not None}
        # As null is a payload, too.
        return sent | ({"payload": self.payload} if "payload" in self.model_fields_set else {})


class BackfillBody(Body):
    """A range of past nominal times to create jobs for."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "limit": 100}}
    )

    from_: Rfc3339 = Field(alias="from", description="First nominal time, included.")
    to: Rfc3339 = Field(description="Last nominal time, included. A time in the future means now.")
    limit: int | None = Field(
        default=None,
        ge=1,
        le=BACKFILL_FIRES,
        description=f"Maximum number of jobs to create. Default: {BACKFILL_FIRES}.",
    )
    force: bool = Field(default=False, description="Also create jobs for fires that already had one.")
    reason: Reason | None = Field(
        default=None,
        description=f"Why it is asked for, up to {REASON_BYTES} bytes: shown with the backfill. Default: null.",
        examples=["the scheduler was down"],
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if times.read(self.from_) > times.read(self.to):
            raise ValueError("from must not be later than to")
        return self
