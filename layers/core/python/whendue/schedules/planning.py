"""How fires end: a pure function of the schedule and the time of deciding. Two steps, so that all timers agree.

`proposed` says up to where a timer would decide now. Once that is written into the schedule (`as_of`, `until`), `plan`
returns how each fire ends, and returns the same in every process.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, takewhile

from whendue.jobs.transition import Transition
from whendue.schedule_quotas import FIRES_PER_PLAN
from whendue.schedules.calendar.recurrence import Nominal, after, latest
from whendue.schedules.fires import MISFIRED, PAUSED, TOO_OLD, Fire, FireOutcome, MissedRange
from whendue.schedules.model import Definition, Schedule, ScheduleState
from whendue.schedules.upcoming import is_paused, next_fire, offset_ms, pause_end
from whendue.submission.request import JobRequest
from whendue.table.ids import Ids


@dataclass(frozen=True, slots=True)
class FirePlan:
    """How the fires of a range of time end.

    Args:
        fires: those that have an entry of their own, as entered when all goes well.
        gaps: those that share one, and make no job.
    """

    fires: list[Fire]
    gaps: list[MissedRange]

    @property
    def runs(self) -> int:
        """How many of them run."""
        return sum(fire.outcome is not FireOutcome.SKIPPED for fire in self.fires)


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

    A paused schedule decides the past alone, until the end of its pause is ahead. A plan holds a bounded number of
    fires with entries of their own; what is beyond is left to the next plan.
    """
    first, end = next_fire(schedule), pause_end(schedule)
    until = now_ms if end is None or end >= now_ms + ahead_ms else now_ms + ahead_ms
    if schedule.as_of or first is None or first > until:
        return None
    then = replace(schedule, as_of=now_ms, until=until)
    entered = list(islice(_entered(then), FIRES_PER_PLAN + 1))
    if len(entered) > FIRES_PER_PLAN:
        then = replace(then, until=entered[-2])
    return then if schedule.definition.max_runs is None else _within_its_runs(then)


def _within_its_runs(then: Schedule) -> Schedule:
    """Return a plan that ends with the last run that the definition allows: nothing is decided beyond it."""
    left = _runs_left(then)
    late, on_time = _running(then)
    [*running] = islice(chain(late, on_time), left)
    return then if len(running) < left else replace(then, until=running[-1])


def plan(schedule: Schedule, ids: Ids) -> FirePlan:
    """Return how each fire of the schedule's plan ends; `ids` derives the ids of their jobs."""
    late, on_time = _running(schedule)
    active_from, late_until = _bounds(schedule)
    missed_until = late[0] - 1 if late else late_until
    runs_from = _catch_up_after(schedule)
    gaps = [
        _gap(schedule, schedule.cursor, _skipped_until(schedule), FireOutcome.SKIPPED, PAUSED),
        _gap(schedule, active_from, min(runs_from, missed_until), FireOutcome.MISSED, TOO_OLD),
        _gap(schedule, runs_from, missed_until, FireOutcome.MISSED, MISFIRED),
    ]
    fires = [
        *(_skip(schedule, at_ms) for at_ms in _skipped_ahead(schedule)),
        *(_fire(schedule, ids, at_ms, FireOutcome.CAUGHT_UP) for at_ms in late),
        *(_fire(schedule, ids, at_ms, FireOutcome.RAN) for at_ms in on_time),
    ]
    return FirePlan(fires, [gap for gap in gaps if gap])


def _running(schedule: Schedule) -> tuple[list[int], Iterator[int]]:
    """Return the nominal times of a plan that are caught up, and those that run in time."""
    active_from, late_until = _bounds(schedule)
    late_from = _catch_up_after(schedule)
    recurrence, most = schedule.definition.recurrence, schedule.definition.misfire.runs
    if schedule.definition.max_runs is not None:
        most = min(most, _runs_left(schedule))
    late = [fire.at_ms for fire in latest(recurrence, late_from, late_until, most)] if most else []
    return late, _until(after(recurrence, max(active_from, late_until)), schedule.until)


def _runs_left(schedule: Schedule) -> int:
    return max(0, (schedule.definition.max_runs or 0) - (schedule.runs or 0))


def _bounds(schedule: Schedule) -> tuple[int, int]:
    """Return after when a plan's fires are not skipped, and up to when those are missed or caught up, ms UTC."""
    end = pause_end(schedule)
    active_from = schedule.until if end is None else max(schedule.cursor, min(end, schedule.until))
    return active_from, min(schedule.as_of - _grace_ms(schedule), schedule.until)


def _catch_up_after(schedule: Schedule) -> int:
    """Return after when a plan's late fires may still run, ms UTC: those before are too old."""
    active_from, misfire = _bounds(schedule)[0], schedule.definition.misfire
    if misfire.max_age_s is None or not misfire.runs:
        return active_from
    return max(active_from, schedule.as_of - misfire.max_age_s * 1000 - 1)


def _skipped_until(schedule: Schedule) -> int:
    """Return up to when a plan's fires are skipped in one entry: what is past, and in the pause. ms UTC."""
    return min(_bounds(schedule)[0], schedule.as_of)


def _skipped_ahead(schedule: Schedule) -> Iterator[int]:
    """Iterate over the nominal times to come that the pause skips; a change may withdraw each of them."""
    first, last = max(schedule.cursor, _skipped_until(schedule)), _bounds(schedule)[0]
    return _until(after(schedule.definition.recurrence, first), last) if first < last else iter(())


def _entered(schedule: Schedule) -> Iterator[int]:
    """Iterate over the nominal times of a plan that have an entry of their own, without those that are caught up."""
    active_from, late_until = _bounds(schedule)
    recurrence = schedule.definition.recurrence
    on_time = _until(after(recurrence, max(active_from, late_until)), schedule.until)
    return chain(_skipped_ahead(schedule), on_time)


def advanced(schedule: Schedule, runs: int = 0) -> Schedule:
    """Return the schedule after its plan is carried out, which had so many runs; a pause that is over leaves it."""
    then = replace(schedule, cursor=schedule.until, as_of=0, until=0)
    if schedule.definition.max_runs is not None:
        then = replace(then, runs=(schedule.runs or 0) + runs)
    if schedule.paused_until is not None and not is_paused(schedule, schedule.as_of):
        then = replace(then, state=ScheduleState.ACTIVE, pause_reason=None, paused_by=None)
        then = replace(then, paused_since=None, paused_until=None)
    return then


def request_of(schedule: Schedule, fire: Fire) -> JobRequest:
    """Return the request for a fire's job: due at the nominal time, or now if that was missed, plus the jitter."""
    due_at = fire.nominal if fire.outcome is FireOutcome.RAN else fire.decided_at
    due_at += offset_ms(schedule.identity, schedule.definition, fire.nominal)
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


def _skip(schedule: Schedule, nominal: int) -> Fire:
    outcome = FireOutcome.SKIPPED
    return Fire(schedule.fires_pk, nominal, outcome, schedule.version, schedule.as_of, reason=PAUSED)


def _gap(schedule: Schedule, after_ms: int, until: int, outcome: FireOutcome, reason: str) -> MissedRange | None:
    recurrence = schedule.definition.recurrence
    first = next(_until(after(recurrence, after_ms), until), None) if after_ms < until else None
    if first is None:
        return None
    return MissedRange(schedule.fires_pk, first, until, outcome, reason, schedule.version, schedule.as_of, recurrence)


def _grace_ms(schedule: Schedule) -> int:
    return schedule.definition.misfire.grace_s * 1000
