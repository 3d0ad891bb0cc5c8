"""Backfills: create the jobs of a past range, a chunk at a time; the timer continues what the request began."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple, NoReturn

from whendue.bulkhead import raised_by_users
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.readable import read_one, readable
from whendue.engine.runtime import Runtime
from whendue.errors import (
    BackfillNotFoundError,
    ScheduleNotFoundError,
    StateConflictError,
    UnavailableError,
    UniqueConflictError,
    UnstorableError,
    WhendueError,
    invalid_at,
)
from whendue.jobs.transition import Transition
from whendue.quotas import SCHEDULE_TRIES
from whendue.schedule_quotas import BACKFILL_FIRES
from whendue.schedules.backfills.model import (
    Backfill,
    BackfillState,
    backfill_key,
    begun_fires,
    chosen,
    chunk,
    create,
    ended,
    from_item,
    moved,
    request_of,
    resume,
    step,
)
from whendue.schedules.calendar.recurrence import Recurrence, after
from whendue.schedules.enqueuer import FireEnqueuer
from whendue.schedules.fires import UNKNOWN, Asked, Fire, enter, error_code, error_text, fire_from, revise, skipped
from whendue.schedules.lookup import find_schedule, insist_on_a_history
from whendue.schedules.model import LAST
from whendue.submission.submit import Submit
from whendue.submission.unique_fires import commit_fires, is_held
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.support.timestamps import to_timestamp
from whendue.table.keys import job_key
from whendue.table.writes import Write

STOPPED: Final = (BackfillState.PAUSED, BackfillState.CANCELLED)


class BackfillPage(NamedTuple):
    """Some backfills, newest first, and where to go on; a cursor of None is the end."""

    backfills: list[Backfill]
    cursor: str | None


class BackfillService:
    """Creates jobs for past fires."""

    def __init__(self, runtime: Runtime, submit: Submit, enqueuer: FireEnqueuer) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._submit = submit
        self._enqueuer = enqueuer

    def begin(
        self,
        tenant: str,
        name: str,
        from_ms: int,
        to_ms: int,
        limit: int | None,
        *,
        force: bool,
        asked: Asked = UNKNOWN,
    ) -> Backfill:
        """Begin a backfill and do its first chunk.

        Args:
            tenant: whose schedule.
            name: its name.
            from_ms: the first nominal time, ms UTC.
            to_ms: the last one, ms UTC; what is not past yet is left out.
            limit: the maximum number of jobs.
            force: also for fires that had a job.
            asked: who asks for it, and why.

        Raises:
            ScheduleNotFoundError: there is none.
            InvalidRequestError: the range is empty, begins before 1970 or has no fire, or its job would be refused.
            UnavailableError: nothing was begun; ask again.
        """
        if from_ms < 0:
            raise invalid_at("from", "must not be before 1970")
        now_ms = self._runtime.clock.now_ms()
        # The past is decided now: no timer enters anything else later.
        schedule = self._enqueuer.settled(find_schedule(self._runtime.store, tenant, name), now_ms)
        if from_ms > min(to_ms, now_ms):
            raise invalid_at("from", "must be in the past and not later than to")
        _insist_on_a_fire(schedule.definition.recurrence, from_ms, min(to_ms, now_ms))
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
            by=asked.by,
            reason=asked.reason,
        )
        self._submit.prepare(tenant, begun.definition.template, now_ms)
        [result] = self._runtime.store.apply([create(begun, self._runtime.settings.shards)])
        if not result.done:
            raise UnavailableError
        with suppress(UnavailableError):
            return self.further(begun)
        return begun

    def get(self, tenant: str, name: str, backfill_id: str) -> Backfill:
        """Show a backfill, also of a schedule that has been deleted.

        Raises:
            ScheduleNotFoundError, BackfillNotFoundError: there is none.
            UnreadableError: it cannot be read.
            UnavailableError: the table does not answer.
        """
        [item] = self._runtime.store.get([backfill_key(tenant, name, backfill_id)])
        if item is None:
            insist_on_a_history(self._runtime.store, tenant, name)
            raise BackfillNotFoundError(f"the schedule {name} has no backfill with the id {backfill_id}")
        return read_one(item, from_item, f"the backfill {backfill_id}")

    def page(self, tenant: str, name: str, limit: int, cursor: str | None) -> BackfillPage:
        """List the backfills of a schedule, newest first, also of one that has been deleted.

        Raises:
            ScheduleNotFoundError: there is none, and no history of one.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        insist_on_a_history(self._runtime.store, tenant, name)
        cursors, bound = self._runtime.cursors, ("backfills", tenant, name)
        pk, first = backfill_key(tenant, name, "")
        last = first + LAST if cursor is None else str(cursors.open(cursor, bound))
        items = self._runtime.store.query_range(pk, first=first, last=last, limit=limit + 2, newest_first=True)
        page = [item for item in items if cursor is None or item["sk"] != last]
        more = cursors.seal(page[limit - 1]["sk"], bound) if len(page) > limit else None
        return BackfillPage(readable(self._runtime, page[:limit], from_item, "list_backfills"), more)

    def to(self, tenant: str, name: str, backfill_id: str, state: BackfillState) -> Backfill:
        """Pause, resume or cancel a backfill: one that is in this state already stays as it is.

        Raises:
            ScheduleNotFoundError, BackfillNotFoundError: there is none.
            StateConflictError: it has ended.
            UnavailableError: the outcome is unknown; ask again.
        """

        def decide(backfill: Backfill) -> Backfill | NoWrite[Backfill]:
            if backfill.state is state:
                return NoWrite(backfill)
            if backfill.state not in (BackfillState.RUNNING, BackfillState.PAUSED):
                raise StateConflictError(f"the backfill is {backfill.state.value}; begin another one")
            return backfill

        def apply(backfill: Backfill) -> Backfill | Conflict:
            shards, now_ms = self._runtime.settings.shards, self._runtime.clock.now_ms()
            if state is BackfillState.RUNNING:
                then, write = replace(backfill, state=state, settles_at=None), resume(backfill, shards, now_ms)
            else:
                then = ended(backfill, state, now_ms)
                write = step(backfill, then, shards)
            [result] = self._runtime.store.apply([write])
            return then if result.done_or_raise() else CONFLICT

        return retry_on_conflict(
            lambda: self._of_a_schedule(tenant, name, backfill_id),
            decide,
            apply,
            exhausted=_keeps_changing,
            tries=SCHEDULE_TRIES,
        )

    def _of_a_schedule(self, tenant: str, name: str, backfill_id: str) -> Backfill:
        """Read a backfill to change it; of a deleted schedule there is nothing to change.

        Raises: as `get`.
        """
        find_schedule(self._runtime.store, tenant, name)
        return self.get(tenant, name, backfill_id)

    def further(self, backfill: Backfill) -> Backfill:
        """Do the next chunk; each step of it can be repeated by any process.

        Of one that was stopped, or has failed, complete the chunk that may have begun, once no other process can be
        at it; until then it is returned as it is.

        Raises:
            UnavailableError: some of it is still to be done.
        """
        if backfill.state is not BackfillState.RUNNING:
            return self._settled(backfill)
        then = self._with_next_chunk(backfill)
        [result] = self._runtime.store.apply([step(backfill, then, self._runtime.settings.shards)])
        if result.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError
        # A current item means that the write was refused: another process has done this chunk, or it was stopped.
        return then if result.current is None else self._stopped(backfill, then, from_item(result.current))

    def _stopped(self, before: Backfill, then: Backfill, current: Backfill) -> Backfill:
        """Count the chunk that a pause or a cancel met halfway: its jobs exist."""
        if current.cursor != before.cursor or current.state not in STOPPED:
            return current
        counted = replace(then, state=current.state, error=None, settles_at=current.settles_at)
        [result] = self._runtime.store.apply([step(current, counted, self._runtime.settings.shards)])
        return counted if result.done else current

    def _settled(self, backfill: Backfill) -> Backfill:
        """Complete what a process may have begun before the backfill was stopped; then the timer is done with it."""
        if backfill.settles_at is None or self._runtime.clock.now_ms() < backfill.settles_at:
            return backfill
        then = replace(self._with_begun_chunk(backfill), state=backfill.state, settles_at=None)
        [result] = self._runtime.store.apply([step(backfill, then, self._runtime.settings.shards)])
        if result.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError
        return then if result.current is None else from_item(result.current)

    def _with_begun_chunk(self, backfill: Backfill) -> Backfill:
        """Return the backfill after the next chunk, if any fire of it is entered; the same if none is.

        If its jobs can no longer be created, the fires without a job are skipped, as the history must not name one.
        """
        fires = chunk(backfill, self._runtime.ids)
        entries = begun_fires(backfill, fires, self._entered(fires))
        if not entries:
            return backfill
        try:
            self._check_schedule(backfill)
            return self._chunk_done(backfill)
        except UnavailableError:
            raise
        except raised_by_users() as error:
            self._note(backfill, error)
            self._skip_without_job(entries, error_code(error))
            return backfill

    def _skip_without_job(self, entries: Sequence[Fire], reason: str) -> None:
        """Change entries whose jobs do not exist to skipped, with a reason."""
        jobs = self._runtime.store.get([job_key(entry.job or "") for entry in entries])
        lost = [entry for entry, job in zip(entries, jobs, strict=True) if job is None]
        self._skip(lost, reason)

    def _skip(self, fires: Sequence[Fire], reason: str) -> None:
        writes = [revise("skip_fire", fire, skipped(fire, reason)) for fire in fires]
        results = self._runtime.store.apply(writes) if writes else []
        if any(result.status is WriteStatus.UNAVAILABLE for result in results):
            raise UnavailableError

    def _note(self, backfill: Backfill, error: BaseException) -> None:
        """Log what a validator of a payload raised; it may be anything."""
        if not isinstance(error, WhendueError):
            self._runtime.bulkhead.note("backfill", f"{backfill.tenant}/{backfill.name}/{backfill.id}", error)

    def _with_next_chunk(self, backfill: Backfill) -> Backfill:
        """Return the backfill after its next chunk, or as failed when its jobs can no longer be created.

        Raises:
            UnavailableError: some of the chunk is still to be done.
        """
        try:
            self._check_schedule(backfill)
            return self._chunk_done(backfill)
        except UnavailableError:
            raise
        except ScheduleNotFoundError as error:
            return self._failed(backfill, error.code)
        except raised_by_users() as error:
            # The template no longer makes a valid job.
            self._note(backfill, error)
            return self._failed(backfill, error_text(error, "its jobs could not be created"))

    def _failed(self, backfill: Backfill, error: str) -> Backfill:
        return ended(backfill, BackfillState.FAILED, self._runtime.clock.now_ms(), error)

    def _check_schedule(self, backfill: Backfill) -> None:
        """Insist that the backfill's schedule exists, and not only another one of its name."""
        schedule = find_schedule(self._runtime.store, backfill.tenant, backfill.name)
        if backfill.schedule_made_at not in (0, schedule.created_at):
            raise ScheduleNotFoundError

    def _chunk_done(self, backfill: Backfill) -> Backfill:
        """Enter the fires of the next chunk, create their jobs, and return the backfill as it is then."""
        fires = chunk(backfill, self._runtime.ids)
        entered = self._entered(fires)
        done, wanted = chosen(backfill, fires, entered)
        if not done:
            return replace(backfill, state=BackfillState.FINISHED)
        now_ms = self._runtime.clock.now_ms()
        jobs = [self._submit.prepare(backfill.tenant, request_of(backfill, fire), now_ms) for fire in wanted]
        self._enter(wanted, entered)
        made = self._create(backfill, wanted, jobs, now_ms)
        return moved(backfill, done, made)

    def _entered(self, fires: Sequence[Fire]) -> dict[int, Fire]:
        """Read what the history has of some fires, by nominal time."""
        items = self._runtime.store.get([fire.key for fire in fires]) if fires else []
        return {entry.nominal: entry for entry in (fire_from(item) for item in items if item)}

    def _enter(self, wanted: Sequence[Fire], entered: Mapping[int, Fire]) -> None:
        pairs = [(entered.get(fire.nominal), fire) for fire in wanted]
        writes = [_entry(before, fire) for before, fire in pairs if before != fire]
        results = self._runtime.store.apply(writes) if writes else []
        _insist_that_they_are_storable(results)
        if not all(result.done for result in results):
            # Or another process wrote the same fire: the next chunk sees it.
            raise UnavailableError

    def _create(self, backfill: Backfill, fires: Sequence[Fire], jobs: Sequence[Transition], now_ms: int) -> int:
        """Create the jobs of fires, and return how many; a fire whose unique key is held by another job is skipped."""
        asked = self._submit.unique_of(backfill.definition.template)
        results = commit_fires(self._runtime, [(job, asked) for job in jobs], now_ms) if jobs else []
        _insist_that_they_are_storable(results)
        if any(result.status is WriteStatus.UNAVAILABLE for result in results):
            raise UnavailableError
        held = [fire for fire, result in zip(fires, results, strict=True) if is_held(result)]
        self._skip(held, UniqueConflictError.code)
        return len(fires) - len(held)


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the backfill keeps changing; try again")


def _insist_on_a_fire(recurrence: Recurrence, from_ms: int, to_ms: int) -> None:
    """Refuse a range (ms UTC, both inclusive) in which the schedule has no nominal time: nothing would come of it."""
    first = next(after(recurrence, from_ms - 1), None)
    if first is not None and first.at_ms <= to_ms:
        return
    start_ms = recurrence.start_ms
    if start_ms is None or to_ms >= start_ms:
        raise invalid_at("from", "has no nominal time of the schedule between it and to; send another range")
    counted = ", from which its interval is counted" if recurrence.every_s else ""
    first_time = f"is before {to_timestamp(start_ms)}, the first time of the schedule{counted}"
    raise invalid_at("from", f"{first_time}; send a later range, or put an earlier start")


def _entry(before: Fire | None, fire: Fire) -> Write:
    return revise("backfill_fire", before, fire) if before else enter(fire)


def _insist_that_they_are_storable(results: Sequence[WriteResult]) -> None:
    if any(result.status is WriteStatus.INVALID for result in results):
        raise UnstorableError
