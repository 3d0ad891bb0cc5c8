"""Notification events of schedules: missed fires."""

from itertools import islice, takewhile

from whendue.jobs.transition import Transition
from whendue.notifications.events import Story
from whendue.notifications.publisher import News
from whendue.quotas import MISSED_COUNTED
from whendue.schedules.calendar.recurrence import after
from whendue.schedules.fires import Gap, Outcome
from whendue.schedules.model import Schedule
from whendue.support.timestamps import written


def missed(news: News, schedule: Schedule, gap: Gap) -> list[Transition]:
    """Return the deliveries that notify of missed fires; none for fires that were skipped.

    Raises:
        UnavailableError: the subscriptions cannot be read, or an event could not be stored.
    """
    if gap.outcome is not Outcome.MISSED or not news.known(schedule.tenant):
        return []
    return news.tell(schedule.tenant, of_gap(schedule, gap))


def of_gap(schedule: Schedule, gap: Gap) -> Story:
    """Tell that a schedule missed fires: all of one entry of its ledger, counted up to some number."""
    first, until = gap.first, gap.until
    times = takewhile(lambda one: one.at_ms <= until, after(gap.recurrence, first - 1))
    missed = [one.at_ms for one in islice(times, MISSED_COUNTED + 1)]
    data = {
        "schedule": schedule.name,
        "missed": len(missed[:MISSED_COUNTED]),
        "more": len(missed) > MISSED_COUNTED,
        "firstAt": written(first),
        "until": written(until),
        "reason": gap.reason,
    }
    template = schedule.definition.template
    about = f"{gap.pk} {first}"
    return Story(
        "schedule_missed", about, gap.decided_at, data, template.type, template.queue, schedule.name, template.notify
    )
