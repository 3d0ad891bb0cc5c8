"""A pause: while it lasts, no job of a queue, of a tenant, or of one of a tenant's task types is claimed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from whendue.jobs.model import Job
from whendue.settings import NOTIFICATIONS
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Is, Write, insert


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause, as stored. It stays in the table when it is over, so that a write can be conditional on it.

    Args:
        reason: the reason given in the request.
        by: the token's subject, or the tenant if the token has none.
        since: when it began, ms UTC.
        mark: a unique id of the write that stored it.
        until: when it ends or ended, ms UTC; None until a resume.
    """

    reason: str
    by: str
    since: int
    mark: str
    until: int | None = None

    def lasts(self, now_ms: int) -> bool:
        """Return whether it holds jobs at this time (ms UTC)."""
        return self.until is None or now_ms < self.until


class Scope(StrEnum):
    """What a pause holds; of a tenant, all its jobs or those of a task type."""

    QUEUE = "queue"
    TENANT = "tenant"
    TYPE = "type"


class Held(NamedTuple):
    """The pause that holds a job, and what it holds."""

    pause: Pause
    scope: Scope


def queue_pause(queue: str) -> Key:
    """Return the key of a queue's pause, which holds all tenants."""
    return Key(f"QUEUE#{queue}", "pause")


def tenant_pause(tenant: str) -> Key:
    """Return the key of a tenant's pause; those of its task types have the same `pk`."""
    return Key(f"PAUSE#{tenant}", "tenant")


def type_pause(tenant: str, task: str) -> Key:
    """Return the key of the pause of one of a tenant's task types."""
    return Key(f"PAUSE#{tenant}", f"type#{task}")


def type_of(sk: str) -> str | None:
    """Return the task type of a tenant's pause, None for the whole tenant."""
    return sk.removeprefix("type#") if sk.startswith("type#") else None


def pauses_of(job: Job) -> tuple[Key, ...]:
    """Return the keys of all pauses that can hold a job, the widest first; a paused tenant is still notified."""
    narrow = (queue_pause(job.queue), type_pause(job.tenant, job.type))
    return narrow if job.queue == NOTIFICATIONS else (narrow[0], tenant_pause(job.tenant), narrow[1])


def begin(key: Key, old: Pause | None, new: Pause) -> Write:
    """Begin a pause, or change one that lasts; refused if it has changed since `old` was read."""
    if old is None:
        return insert("pause", key, _fields(new))
    return Write("pause", key, [Is("mark", old.mark)], _fields(new) | ({} if new.until else {"until": REMOVE}))


def end(key: Key, old: Pause, mark: str, now_ms: int) -> Write:
    """End a pause now; refused if it has changed since `old` was read."""
    return Write("resume", key, [Is("mark", old.mark)], {"until": now_ms, "mark": mark})


def renewed(old: Pause | None, new: Pause) -> Pause:
    """Return the pause that replaces another one: it keeps the beginning of one that still lasts."""
    return replace(new, since=old.since) if old and old.lasts(new.since) else new


def from_item(item: Mapping[str, Any]) -> Pause:
    """Read a pause from its item."""
    return Pause(**{name: item[name] for name in Pause.__slots__ if name in item})


def _fields(pause: Pause) -> dict[str, Any]:
    values = {name: getattr(pause, name) for name in Pause.__slots__}
    return {name: value for name, value in values.items() if value is not None}
