"""Notification events of pauses."""

from whendue.notifications.events import NotificationEvent
from whendue.pauses.model import Pause
from whendue.support.timestamps import to_timestamp
from whendue.table.keys import Key


def pause_event(key: Key, pause: Pause, *, queue: str | None = None, task: str | None = None) -> NotificationEvent:
    """Tell that a queue, the tenant or one of its task types was paused; one that is changed while it lasts is old."""
    data = {
        "queue": queue,
        "type": task,
        "reason": pause.reason,
        "by": pause.by,
        "since": to_timestamp(pause.since),
        "until": to_timestamp(pause.until),
    }
    return NotificationEvent("queue_paused", f"{key.pk} {key.sk} {pause.since}", pause.since, data, task, queue)
