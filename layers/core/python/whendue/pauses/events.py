"""Notification events of pauses."""

from whendue.notifications.events import Story
from whendue.pauses.model import Pause
from whendue.support.timestamps import written
from whendue.table.keys import Key


def of_pause(key: Key, pause: Pause, *, queue: str | None = None, task: str | None = None) -> Story:
    """Tell that a queue, the tenant or one of its task types was paused; one that is changed while it lasts is old."""
    data = {
        "queue": queue,
        "type": task,
        "reason": pause.reason,
        "by": pause.by,
        "since": written(pause.since),
        "until": written(pause.until),
    }
    return Story("queue_paused", f"{key.pk} {key.sk} {pause.since}", pause.since, data, task, queue)
