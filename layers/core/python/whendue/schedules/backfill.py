"""Backfills: make the jobs of a past range, a chunk at a time; the timer goes on with what the request began."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from whendue.bulkhead import RAISED_BY_USERS
from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult as Ended
from whendue.engine.ports import WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import (
    BackfillNotFoundError,
    InvalidRequestError,
    ScheduleNotFoundError,
    UnavailableError,
    UnstorableError,
    WhendueError,
)
from whendue.jobs.transition import Transition
from whendue.quotas import BACKFILL_FIRES
from whendue.schedules.backfill_model import (
    Backfill,
    BackfillState,
    backfill_key,
    chunk,
    create,
    from_item,
    moved,
    request_of,
    step,
)
from whendue.schedules.enqueuer import FireEnqueuer, why
from whendue.schedules.fires import Fire, FireOutcome, enter, fire_from, revise
from whendue.schedules.service import find_schedule
from whendue.submission.submit import Submit
from whendue.table.writes import Write

NEEDS_NOTHING = (FireOutcome.RAN, FireOutcome.CAUGHT_UP)


class BackfillService:
    """Makes jobs for the past."""

    def __init__(self, runtime: Runtime, submit: Submit, firing: FireEnqueuer) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._submit = submit
        self._firing = firing

    def begin(self, tenant: str, name: str, from_ms: int, to_ms: int, limit: int | None, *, force: bool) -> Backfill:
        """Begin a backfill and do its first chunk.

        Args:
            tenant: whose schedule.
            name: its name.
            from_ms: the first nominal time, ms UTC.
            to_ms: the last one, ms UTC; what is not past yet is left out.
            limit: at most so many jobs.
            force: also for fires that had a job.

        Raises:
            ScheduleNotFoundError: there is none.
            InvalidRequestError: the range is empty or begins before 1970, or its job would be refused.
            UnavailableError: nothing was begun; ask again.
        """
        if from_ms < 0:
            raise InvalidRequestError("from must not be before 1970")
        now_ms = self._runtime.clock.now_ms()
        # What is past is decided: no timer will say otherwise.
        schedule = self._firing.settled(find_schedule(self._runtime.store, tenant, name), now_ms)
        if from_ms > min(to_ms, now_ms):
            raise InvalidRequestError("from must be in the past and not later than to")
        begun = Backfill(
            tenant=tenant,
            name=name,
            id=self._runtime.clock.new_id(),
            definition=schedule.definition,
            version=schedule.version,
            from_ms=from_ms,
            to_ms=min(to_ms, now_ms),
            limit=limit or BACKFILL_FIRES,
            force=force,
            created_at=now_ms,
            cursor=from_ms - 1,
            schedule_made_at=schedule.created_at,
        )
        self._submit.prepare(tenant, begun.definition.template, now_ms)
        [end] = self._runtime.store.apply([create(begun, self._runtime.settings.shards)])
        if not end.done:
            raise UnavailableError
        with suppress(UnavailableError):
            return self.further(begun)
        return begun

    def get(self, tenant: str, name: str, backfill_id: str) -> Backfill:
        """Show a backfill.

        Raises:
            ScheduleNotFoundError, BackfillNotFoundError: there is none.
            UnavailableError: the table does not answer.
        """
        find_schedule(self._runtime.store, tenant, name)
        [item] = self._runtime.store.get([backfill_key(tenant, name, backfill_id)])
        if item is None:
            raise BackfillNotFoundError(f"the schedule {name} has no backfill with the id {backfill_id}")
        return from_item(item)

    def further(self, backfill: Backfill) -> Backfill:
        """Do the next chunk; each step of it can be repeated by anybody.

        Raises:
            UnavailableError: some of it is still to be done.
        """
        try:
            schedule = find_schedule(self._runtime.store, backfill.tenant, backfill.name)
            if backfill.schedule_made_at not in (0, schedule.created_at):
                # Its own was deleted; this one has only the name.
                raise ScheduleNotFoundError  # noqa: TRY301 - the answer is the same as to one that is not there
            then = self._chunk_done(backfill)
        except UnavailableError:
            raise
        except ScheduleNotFoundError as error:
            then = replace(backfill, state=BackfillState.FAILED, error=error.code)
        except RAISED_BY_USERS as error:
            # The template can no longer make the job. A validator of a payload may raise anything.
            if not isinstance(error, WhendueError):
                self._runtime.bulkhead.note("backfill", f"{backfill.tenant}/{backfill.name}/{backfill.id}", error)
            then = replace(backfill, state=BackfillState.FAILED, error=why(error, "its jobs could not be created"))
        [end] = self._runtime.store.apply([step(backfill, then)])
        if end.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError
        # There is an older one where somebody else has done this chunk, too.
        return then if end.current is None else from_item(end.current)

    def _chunk_done(self, backfill: Backfill) -> Backfill:
        fires, left = chunk(backfill, self._runtime.ids), backfill.limit - backfill.made
        there = self._there(fires)
        wanted: list[Fire] = []
        looked_at: list[Fire] = []
        for fire in fires:
            if len(wanted) == left:
                break
            looked_at.append(fire)
            if _is_wanted(backfill, there.get(fire.nominal)):
                wanted.append(fire)
        if not looked_at:
            return replace(backfill, state=BackfillState.FINISHED)
        now_ms = self._runtime.clock.now_ms()
        jobs = [self._submit.prepare(backfill.tenant, request_of(backfill, fire), now_ms) for fire in wanted]
        self._enter(wanted, there)
        self._create(jobs, now_ms)
        return moved(backfill, looked_at, len(wanted))

    def _there(self, fires: Sequence[Fire]) -> dict[int, Fire]:
        items = self._runtime.store.get([fire.key for fire in fires]) if fires else []
        return {one.nominal: one for one in (fire_from(item) for item in items if item)}

    def _enter(self, wanted: Sequence[Fire], there: dict[int, Fire]) -> None:
        pairs = [(fire, there.get(fire.nominal)) for fire in wanted]
        writes: list[Write] = [
            revise("backfill_fire", old, fire) if old else enter(fire) for fire, old in pairs if old != fire
        ]
        ends = self._runtime.store.apply(writes) if writes else []
        _insist_that_they_are_storable(ends)
        if not all(end.done for end in ends):
            # Or somebody else was at the same fire: the next look sees it.
            raise UnavailableError

    def _create(self, jobs: Sequence[Transition], now_ms: int) -> None:
        ends = commit(self._runtime, jobs, now_ms) if jobs else []
        _insist_that_they_are_storable(ends)
        if any(end.status is WriteStatus.UNAVAILABLE for end in ends):
            raise UnavailableError


def _insist_that_they_are_storable(ends: Sequence[Ended]) -> None:
    if any(end.status is WriteStatus.INVALID for end in ends):
        raise UnstorableError


def _is_wanted(backfill: Backfill, there: Fire | None) -> bool:
    """Say whether a fire makes a job: it has none, or is to have one all the same, or got it from this backfill."""
    if there is None or there.backfill == backfill.id:
        return True
    return backfill.force or there.outcome not in NEEDS_NOTHING
