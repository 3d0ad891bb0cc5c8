"""Notification events of pauses."""

from whendue.notifications.events import NotificationEvent
from whendue.pauses.model import Pause
from whendue.support.timestamps import to_timestamp
from whendue.table.keys import Key


def pause_event(key: Key, pause: Pause, *, queue: str | None = None, task: str | None = None) -> NotificationEvent:
    """Return the event of a new pause of a queue, a tenant or a task type; a change of one that lasts makes none."""
    data = {
        "queue": queue,
        "type": task,
        "reason": pause.reason,
        "by": pause.by,
        "since": to_timestamp(pause.since),
        "expiresAt": to_timestamp(pause.until),
    }
    return NotificationEvent("queue_paused", f"{key.pk} {key.sk} {pause.since}", pause.since, data, task, queue)
