"""How fires end: a pure function of the schedule and the time of deciding. Two steps, so that all timers agree.

`proposed` says up to where a timer would decide now. Once that is written into the schedule (`as_of`, `until`), `plan`
returns how each fire ends, and returns the same in every process.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, takewhile

from whendue.jobs.transition import Transition
from whendue.quotas import FIRES_PER_PLAN
from whendue.schedules.calendar.recurrence import Nominal, after, jitter_ms, latest
from whendue.schedules.fires import MISFIRED, PAUSED, Fire, FireOutcome, MissedRange
from whendue.schedules.model import Definition, Schedule, ScheduleState, next_fire
from whendue.submission.request import JobRequest
from whendue.table.ids import Ids


@dataclass(frozen=True, slots=True)
class FirePlan:
    """How the fires of a range of time end.

    Args:
        fires: those that make a job, as entered when all goes well.
        gap: those that make none.
    """

    fires: list[Fire]
    gap: MissedRange | None


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """How far the standing plan of a schedule is carried out.

    Args:
        schedule: with its standing plan.
        plan: how its fires end.
        jobs: the jobs to create, as their fires are in the history.
        incomplete: some of it could not be done now; the plan is left standing for the next tick.
        error: why a fire made no job, for the schedule's owner.
    """

    schedule: Schedule
    plan: FirePlan
    jobs: tuple[Transition, ...] = ()
    incomplete: bool = False
    error: str | None = None


def proposed(schedule: Schedule, now_ms: int, ahead_ms: int) -> Schedule | None:
    """Propose a plan for the undecided fires up to some time ahead; None while there are none, or a plan stands.

    A paused schedule decides the past alone. A plan holds a bounded number of fires that are on time; what is beyond is
    left to the next plan.
    """
    first = next_fire(schedule)
    if schedule.state is ScheduleState.PAUSED:
        ahead_ms = 0
    if schedule.as_of or first is None or first > now_ms + ahead_ms:
        return None
    late_until = max(schedule.cursor, now_ms - _grace_ms(schedule))
    until = now_ms + ahead_ms
    if schedule.state is ScheduleState.ACTIVE:
        window = _until(after(schedule.definition.recurrence, late_until), until)
        on_time = list(islice(window, FIRES_PER_PLAN + 1))
        if len(on_time) > FIRES_PER_PLAN:
            until = on_time[-2]
    return replace(schedule, as_of=now_ms, until=until)


def plan(schedule: Schedule, ids: Ids) -> FirePlan:
    """Return how each fire of the schedule's plan ends; `ids` derives the ids of their jobs."""
    recurrence, misfire = schedule.definition.recurrence, schedule.definition.misfire
    if schedule.state is ScheduleState.PAUSED:
        return FirePlan([], _gap(schedule, schedule.until, FireOutcome.SKIPPED, PAUSED))
    late_until = min(schedule.as_of - _grace_ms(schedule), schedule.until)
    late = latest(recurrence, schedule.cursor, late_until, misfire.runs) if misfire.runs else []
    caught_up = [_fire(schedule, ids, fire.at_ms, FireOutcome.CAUGHT_UP) for fire in late]
    gap = _gap(schedule, late[0].at_ms - 1 if late else late_until, FireOutcome.MISSED, MISFIRED)
    on_time = _until(after(recurrence, max(schedule.cursor, late_until)), schedule.until)
    return FirePlan([*caught_up, *(_fire(schedule, ids, at_ms, FireOutcome.RAN) for at_ms in on_time)], gap)


def advanced(schedule: Schedule) -> Schedule:
    """Return the schedule after its plan is carried out."""
    return replace(schedule, cursor=schedule.until, as_of=0, until=0)


def request_of(schedule: Schedule, fire: Fire) -> JobRequest:
    """Return the request for a fire's job: due at the nominal time, or now if that was missed, plus the jitter."""
    due_at = fire.nominal if fire.outcome is FireOutcome.RAN else fire.decided_at
    due_at += jitter_ms(schedule.identity, schedule.definition.jitter_s)
    overlap = schedule.definition.overlap
    return replace(
        schedule.definition.template,
        due_at=due_at,
        expires_at=_expiry(schedule.definition, due_at),
        idempotency_key=_mark(schedule, fire.nominal),
        schedule=schedule.name,
        nominal_at=fire.nominal,
        overlap=None if overlap == "allow" else overlap,
    )


def _expiry(definition: Definition, due_at: int) -> int | None:
    """Return when the job of a fire that is due at this time expires, ms UTC: at the first nominal time after that.

    So the job of a fire that was missed, or has a jitter, has some time, too. None where it does not, or none follows.
    """
    following = next(after(definition.recurrence, due_at), None) if definition.expires else None
    return following.at_ms if following else None


def _until(times: Iterator[Nominal], until_ms: int) -> Iterator[int]:
    return (fire.at_ms for fire in takewhile(lambda fire: fire.at_ms <= until_ms, times))


def _mark(schedule: Schedule, nominal: int) -> str:
    # The spaces keep it apart from every Idempotency-Key of a user.
    return f"schedule {schedule.name} {schedule.version} {nominal}"


def _fire(schedule: Schedule, ids: Ids, nominal: int, outcome: FireOutcome) -> Fire:
    job_id = ids.of_key(schedule.tenant, _mark(schedule, nominal))
    return Fire(schedule.fires_pk, nominal, outcome, schedule.version, schedule.as_of, job_id)


def _gap(schedule: Schedule, until: int, outcome: FireOutcome, reason: str) -> MissedRange | None:
    recurrence = schedule.definition.recurrence
    first = next(_until(after(recurrence, schedule.cursor), until), None)
    if first is None:
        return None
    return MissedRange(schedule.fires_pk, first, until, outcome, reason, schedule.version, schedule.as_of, recurrence)


def _grace_ms(schedule: Schedule) -> int:
    return schedule.definition.misfire.grace_s * 1000
