"""Notification events of schedules: missed fires."""

from itertools import islice, takewhile

from whendue.jobs.transition import Transition
from whendue.notifications.events import NotificationEvent
from whendue.notifications.publisher import NotificationPublisher
from whendue.quotas import MISSED_COUNTED
from whendue.schedules.calendar.recurrence import after
from whendue.schedules.fires import FireOutcome, MissedRange
from whendue.schedules.model import Schedule
from whendue.support.timestamps import to_timestamp


def missed_deliveries(notifications: NotificationPublisher, schedule: Schedule, gap: MissedRange) -> list[Transition]:
    """Return the deliveries that notify of missed fires; none for fires that were skipped.

    Raises:
        UnavailableError: the subscriptions cannot be read, or an event could not be stored.
    """
    if gap.outcome is not FireOutcome.MISSED or not notifications.known(schedule.tenant):
        return []
    return notifications.deliveries_of(schedule.tenant, missed_event(schedule, gap))


def missed_event(schedule: Schedule, gap: MissedRange) -> NotificationEvent:
    """Return the event that a schedule missed fires: those of one missed range, counted up to `MISSED_COUNTED`."""
    first, until = gap.first, gap.until
    times = takewhile(lambda fire: fire.at_ms <= until, after(gap.recurrence, first - 1))
    missed_times = [fire.at_ms for fire in islice(times, MISSED_COUNTED + 1)]
    data = {
        "schedule": schedule.name,
        "missed": len(missed_times[:MISSED_COUNTED]),
        "more": len(missed_times) > MISSED_COUNTED,
        "firstAt": to_timestamp(first),
        "lastAt": to_timestamp(until),
        "reason": gap.reason,
    }
    template = schedule.definition.template
    about = f"{gap.pk} {first}"
    return NotificationEvent(
        "schedule_missed", about, gap.decided_at, data, template.type, template.queue, schedule.name, template.notify
    )
