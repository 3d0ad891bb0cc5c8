"""A pause: while it lasts nothing new is claimed of a queue, of a tenant, or of one of a tenant's task types."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from whendue.jobs.model import Job
from whendue.settings import NOTIFICATIONS
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Is, Write, insert


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause, as its item holds it. It stays in the table when it is over, so that a write can be compared with it.

    Args:
        reason: why, in the words of whoever paused.
        by: the token's subject, or the tenant where it names none.
        since: when it began, ms UTC.
        mark: distinguishes this write of it from every other one.
        until: when it ends or ended, ms UTC; None until somebody resumes.
    """

    reason: str
    by: str
    since: int
    mark: str
    until: int | None = None

    def lasts(self, now_ms: int) -> bool:
        """Say whether it holds jobs back at this time (ms UTC)."""
        return self.until is None or now_ms < self.until


def queue_pause(queue: str) -> Key:
    """Give the key of a queue's pause, which holds all tenants."""
    return Key(f"QUEUE#{queue}", "pause")


def tenant_pause(tenant: str) -> Key:
    """Give the key of a tenant's pause; those of its task types have the same `pk`."""
    return Key(f"PAUSE#{tenant}", "tenant")


def type_pause(tenant: str, task: str) -> Key:
    """Give the key of the pause of one of a tenant's task types."""
    return Key(f"PAUSE#{tenant}", f"type#{task}")


def type_of(sk: str) -> str | None:
    """Give the task type that a tenant's pause is of, None for the whole tenant."""
    return sk.removeprefix("type#") if sk.startswith("type#") else None


def pauses_of(job: Job) -> tuple[Key, ...]:
    """Give the keys of all pauses that can hold a job, the widest first; a paused tenant is still notified."""
    narrow = (queue_pause(job.queue), type_pause(job.tenant, job.type))
    return narrow if job.queue == NOTIFICATIONS else (narrow[0], tenant_pause(job.tenant), narrow[1])


def begin(key: Key, old: Pause | None, new: Pause) -> Write:
    """Begin a pause, or change one that lasts; refused when anybody has changed it since `old` was read."""
    if old is None:
        return insert("pause", key, _fields(new))
    return Write("pause", key, [Is("mark", old.mark)], _fields(new) | ({} if new.until else {"until": REMOVE}))


def end(key: Key, old: Pause, mark: str, now_ms: int) -> Write:
    """End a pause now; refused when anybody has changed it since `old` was read."""
    return Write("resume", key, [Is("mark", old.mark)], {"until": now_ms, "mark": mark})


def renewed(old: Pause | None, new: Pause) -> Pause:
    """Give the pause that takes the place of one: it has lasted for as long as that, if that lasts."""
    return replace(new, since=old.since) if old and old.lasts(new.since) else new


def from_item(item: Mapping[str, Any]) -> Pause:
    """Read a pause from its item."""
    return Pause(**{name: item[name] for name in Pause.__slots__ if name in item})


def _fields(pause: Pause) -> dict[str, Any]:
    values = {name: getattr(pause, name) for name in Pause.__slots__}
    return {name: value for name, value in values.items() if value is not None}
