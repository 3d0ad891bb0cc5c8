"""Pauses as the API takes and shows them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.job_requests import Rfc3339, TypeName
from functions.api.schemas.reply import Reply, Time
from whendue.pauses.model import Pause
from whendue.quotas import PAUSE_REASON_BYTES


def _is_short(text: str) -> str:
    if not 0 < len(text.encode()) <= PAUSE_REASON_BYTES:
        raise ValueError(f"must have 1 to {PAUSE_REASON_BYTES} bytes")
    return text


class QueuePauseBody(Body):
    """Why to pause, and until when."""

    reason: Annotated[str, AfterValidator(_is_short)] = Field(examples=["the payment provider is down"])
    expires_at: Rfc3339 | None = Field(default=None, description="Resume by itself then; otherwise never.")

    @property
    def until(self) -> int | None:
        """When it ends by itself, ms UTC."""
        return None if self.expires_at is None else times.read(self.expires_at)


class TenantPauseBody(QueuePauseBody):
    """What to pause of one's own, why, and until when."""

    type: TypeName | None = Field(default=None, description="Only this task type; otherwise the whole tenant.")


class PauseReply(Reply):
    """A pause that lasts."""

    by: str
    reason: str
    since: Time | None
    until: Time | None = Field(description="When it ends by itself; null until somebody resumes.")


class QueuePauseReply(Reply):
    """A queue's pause that lasts; an operator wrote who and why, and only operators read it."""

    by: str | None = Field(description="Null without the scope `operator`.")
    reason: str | None = Field(description="Null without the scope `operator`.")
    since: Time | None
    until: Time | None = Field(description="When it ends by itself; null until somebody resumes.")


class TenantPauseReply(PauseReply):
    """A pause of one's own that lasts."""

    type: str | None = Field(description="The task type; null for the whole tenant.")


class PauseListReply(Reply):
    """All pauses of the tenant that last; the list is always whole."""

    items: list[TenantPauseReply]
    cursor: str | None = None


class QueueReply(Reply):
    """A queue, of all tenants together; how much of all tenants is in it is shown to operators alone."""

    name: str
    depth: int | None = Field(description="Messages that wait for a worker; null without the scope `operator`.")
    in_flight: int | None = Field(description="Messages that workers have; null without the scope `operator`.")
    delayed: int | None = Field(description="Messages of jobs due soon; null without the scope `operator`.")
    oldest_due_at: Time | None = Field(
        description="When the job that has waited longest was due; null without the scope `operator`."
    )
    paused: QueuePauseReply | None


class QueueListReply(Reply):
    """All queues; the list is always whole."""

    items: list[QueueReply]
    cursor: str | None = None


def pause_reply(pause: Pause) -> PauseReply:
    """Show a queue's pause."""
    return PauseReply(**_fields(pause))


def queue_pause_reply(pause: Pause, *, whole: bool) -> QueuePauseReply:
    """Show a queue's pause; whole to operators, to others that it lasts."""
    return QueuePauseReply(**_fields(pause) | ({} if whole else {"by": None, "reason": None}))


def tenant_pause_reply(task: str | None, pause: Pause) -> TenantPauseReply:
    """Show a tenant's pause."""
    return TenantPauseReply(**_fields(pause), type=task)


def _fields(pause: Pause) -> dict[str, Any]:
    return {
        "by": pause.by,
        "reason": pause.reason,
        "since": times.to_timestamp(pause.since),
        "until": times.to_timestamp(pause.until),
    }
