"""Pauses as the API takes and shows them."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.reply import ALWAYS_WHOLE, Reply, Time
from functions.api.schemas.shared.policy import Rfc3339, TypeName
from whendue.pauses.model import Pause
from whendue.quotas import PAUSE_REASON_BYTES
from whendue.settings import NOTIFICATIONS, Settings


def _is_short(text: str) -> str:
    if not 0 < len(text.encode()) <= PAUSE_REASON_BYTES:
        raise ValueError(f"must have 1 to {PAUSE_REASON_BYTES} bytes")
    return text


class QueuePauseBody(Body):
    """Why a queue is paused, and until when."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "the payment provider is down"}})

    reason: Annotated[str, AfterValidator(_is_short)] = Field(
        description=f"Why it is paused, 1 to {PAUSE_REASON_BYTES} bytes.", examples=["the payment provider is down"]
    )
    expires_at: Rfc3339 | None = Field(
        default=None, description="When the pause ends automatically. Default: only when it is resumed."
    )

    @property
    def until(self) -> int | None:
        """When it ends by itself, ms UTC."""
        return None if self.expires_at is None else times.read(self.expires_at)


class TenantPauseBody(QueuePauseBody):
    """What of the tenant is paused, why, and until when."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"type": "demo.greet", "reason": "the payment provider is down"}}
    )

    type: TypeName | None = Field(
        default=None, description="Task type to pause. Default: all jobs of the tenant.", examples=["demo.greet"]
    )


class PauseReply(Reply):
    """A pause that is in effect. Only operators see who paused a queue and why."""

    by: str | None = Field(
        description="Subject of the token that paused it; null for a queue without the scope `operator`."
    )
    reason: str | None = Field(description="Why it is paused; null for a queue without the scope `operator`.")
    since: Time | None = Field(description="When it was paused.")
    expires_at: Time | None = Field(description="When it ends automatically; null if it ends only when it is resumed.")


class TenantPauseReply(PauseReply):
    """A pause of the tenant, or of one of its task types, that is in effect."""

    type: str | None = Field(description="The task type; null for all jobs of the tenant.")


class PauseListReply(Reply):
    """All pauses of the tenant that are in effect."""

    items: list[TenantPauseReply] = Field(description="The pauses.")
    cursor: None = Field(default=None, description=ALWAYS_WHOLE)


class QueueReply(Reply):
    """A queue of the deployment, with the jobs of all tenants. Only operators see how full it is."""

    name: str = Field(
        description="`critical`, `high`, `normal`, `low`, `notifications`, or the name of one of the deployment's own."
    )
    own: bool = Field(
        default=False, description="Whether it is one of the deployment's own, which has workers of its own."
    )
    draining: bool = Field(
        default=False, description="Whether it is to be removed: what is in it runs, and no job is accepted for it."
    )
    timeout_seconds: int | None = Field(
        default=None,
        description="Longest time that an attempt of its jobs may take, in seconds; null for `notifications`.",
    )
    weight: int | None = Field(
        default=None,
        description="Its share while several queues have work: `critical` has 8, `high` 4, `normal` 2, `low` 1.",
    )
    memory_mb: int | None = Field(
        default=None,
        alias="memoryMb",
        description="Memory of its worker function, in MB; null if the queue is not an own one.",
    )
    batch_size: int | None = Field(
        default=None, description="Maximum number of its messages that a worker function gets at once; null likewise."
    )
    maximum_concurrency: int | None = Field(
        default=None, description="Maximum number of its worker functions that run at once; null likewise."
    )
    depth: int | None = Field(
        description="Approximate number of messages waiting for a worker; null without the scope `operator`."
    )
    in_flight: int | None = Field(
        description="Approximate number of messages that workers have received; null without the scope `operator`."
    )
    delayed: int | None = Field(
        description="Approximate number of messages of jobs that are due soon; null without the scope `operator`."
    )
    oldest_due_at: Time | None = Field(
        description="When the job that has been waiting longest was due; null without the scope `operator`."
    )
    paused: PauseReply | None = Field(description="The pause that is in effect; null if it is not paused.")


def queue_properties(name: str, settings: Settings) -> dict[str, Any]:
    """Show what is known of a queue without asking for it."""
    own = settings.own_queues.get(name)
    return {
        "name": name,
        "own": own is not None,
        "draining": own is not None and own.draining,
        "timeout_seconds": None if name == NOTIFICATIONS else settings.longest_attempt_s(name),
        "weight": settings.weights[name],
        "memory_mb": own.memory_mb if own else None,
        "batch_size": own.batch_size if own else None,
        "maximum_concurrency": own.maximum_concurrency if own else None,
    }


class QueueListReply(Reply):
    """All queues."""

    items: list[QueueReply] = Field(description="The queues.")
    cursor: None = Field(default=None, description=ALWAYS_WHOLE)


def pause_reply(pause: Pause) -> PauseReply:
    """Show a queue's pause."""
    return PauseReply(**_fields(pause))


def queue_pause_reply(pause: Pause, *, whole: bool) -> PauseReply:
    """Show a queue's pause: all of it to operators, to others only that it is in effect."""
    return PauseReply(**_fields(pause) | ({} if whole else {"by": None, "reason": None}))


def tenant_pause_reply(task: str | None, pause: Pause) -> TenantPauseReply:
    """Show a tenant's pause."""
    return TenantPauseReply(**_fields(pause), type=task)


def _fields(pause: Pause) -> dict[str, Any]:
    return {
        "by": pause.by,
        "reason": pause.reason,
        "since": times.to_timestamp(pause.since),
        "expires_at": times.to_timestamp(pause.until),
    }
