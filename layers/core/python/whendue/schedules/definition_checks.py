"""What a schedule may not be: it must have a fire left, and a unique key only with fires far enough apart."""

from itertools import islice, pairwise

from whendue.errors import InvalidRequestError, InvalidScheduleError, invalid_at
from whendue.jobs.limit_spec import Unique
from whendue.quotas import UNIQUE_FIRES, UNIQUE_FIRES_APART_S
from whendue.schedules.calendar.recurrence import after, anchored
from whendue.schedules.model import Definition, Schedule
from whendue.schedules.upcoming import next_fire


def insist_that_it_fires(schedule: Schedule) -> None:
    """Refuse what has no fire left, and blame what was sent.

    Raises:
        InvalidScheduleError: it never fires again.
    """
    if next_fire(schedule) is not None:
        return
    recurrence, max_runs = schedule.definition.recurrence, schedule.definition.max_runs
    if max_runs is not None and (schedule.runs or 0) >= max_runs:
        raise InvalidScheduleError("maxRuns", f"has been reached after {schedule.runs} runs; send a larger number")
    if recurrence.at_ms is not None:
        raise InvalidScheduleError("at", "is in the past; send a later time, or submit a job to run it now")
    if recurrence.end_ms is None:
        where = "cron" if recurrence.cron else "crons" if recurrence.crons else "every"
        raise InvalidScheduleError(where, "never fires again: no time in the future matches")
    past = recurrence.end_ms <= schedule.cursor
    problem = "is in the past" if past else "is before the next fire; send a later time, or leave it out"
    raise InvalidScheduleError("end", problem)


def check_unique(definition: Definition, unique: Unique, now_ms: int) -> None:
    """Refuse a unique key that fires cannot have.

    Raises:
        InvalidRequestError: it postpones, or fires come so often that each meets the one before, which is made ahead.
    """
    if unique.latest is not None:
        own = "must not be postpone in a schedule; send another one"
        declared = "the task's own unique key postpones, which a schedule's job cannot; send a unique for this schedule"
        raise invalid_at("job.unique.onConflict", own if definition.template.unique else declared)
    times = [fire.at_ms for fire in islice(after(anchored(definition.recurrence, now_ms), now_ms), UNIQUE_FIRES)]
    if any(later - earlier < 1000 * UNIQUE_FIRES_APART_S for earlier, later in pairwise(times)):
        raise InvalidRequestError(
            f"fires whose jobs have a unique key must be at least {UNIQUE_FIRES_APART_S} seconds apart, as they are "
            "made ahead of their times: use the overlap policy for these"
        )
