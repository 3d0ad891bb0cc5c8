"""Schedules: create, change, pause, resume, delete, trigger."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.errors import (
    InvalidRequestError,
    InvalidScheduleError,
    PreconditionFailedError,
    ScheduleNotFoundError,
    StateConflictError,
    TooManySchedulesError,
    UnavailableError,
)
from whendue.jobs.model import WORKFLOW, Job
from whendue.quotas import SCHEDULE_END_MS, SCHEDULE_TRIES
from whendue.schedule_quotas import IN_FLIGHT_S, SCHEDULE_BYTES, SCHEDULES_PER_TENANT
from whendue.schedules.calendar.recurrence import anchored, check
from whendue.schedules.cancel_planned import PlannedFireCanceller
from whendue.schedules.definition_checks import check_unique, insist_that_it_fires
from whendue.schedules.enqueuer import FireEnqueuer
from whendue.schedules.fires import UNKNOWN, Asked, Fire, FireOutcome, enter
from whendue.schedules.lookup import UNREADABLE, Found, find, find_schedule, read
from whendue.schedules.model import (
    LAST,
    Definition,
    Schedule,
    ScheduleState,
    create,
    forget,
    replacement,
    schedule_key,
    step,
    to_text,
)
from whendue.schedules.upcoming import changed, has_ended, is_paused, removed_at, with_next_check
from whendue.submission.submit import Submit, Submitted
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.table.preconditions import Precondition

ANYTHING: Final = Precondition()
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Put(NamedTuple):
    """A schedule as put; `created` is False for one that existed."""

    schedule: Schedule
    created: bool


class Pause(NamedTuple):
    """The pause that a schedule is created with; `until_ms` is its end, ms UTC, None: until it is resumed."""

    by: str
    reason: str
    until_ms: int | None


class SchedulePage(NamedTuple):
    """Some schedules by name, and where to go on; a cursor of None is the end."""

    schedules: list[Schedule]
    cursor: str | None


class ScheduleService:
    """Changes schedules on request."""

    def __init__(self, runtime: Runtime, submit: Submit, enqueuer: FireEnqueuer) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._submit = submit
        self._enqueuer = enqueuer
        self._canceller = PlannedFireCanceller(runtime)

    def get(self, tenant: str, name: str) -> Schedule:
        """Show a schedule.

        Raises:
            ScheduleNotFoundError: there is none.
            UnavailableError: the table does not answer.
        """
        return find_schedule(self._runtime.store, tenant, name)

    def list(self, tenant: str, limit: int, cursor: str | None) -> SchedulePage:
        """List a tenant's schedules by name.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        cursors, bound = self._runtime.cursors, ("schedules", tenant)
        pk, first = schedule_key(tenant, str(cursors.open(cursor, bound)) if cursor is not None else "")
        items = self._runtime.store.query_range(pk, first=first, last=f"schedule#{LAST}", limit=limit + 1)
        page = [item for item in items if item["sk"] != first][:limit]
        known = [read(item) for item in page]
        then = cursors.seal(page[-1]["sk"].removeprefix("schedule#"), bound) if len(items) > limit else None
        return SchedulePage([schedule for schedule in known if schedule.state is not ScheduleState.DELETED], then)

    # --- changes --------------------------------------------------------------------------------------------

    def put(
        self,
        tenant: str,
        name: str,
        definition: Definition,
        expected: Precondition = ANYTHING,
        pause: Pause | None = None,
    ) -> Put:
        """Create a schedule, or change the one of this name; its fires that were planned ahead are withdrawn.

        Putting the current definition again changes nothing. Only one that is created is paused by `pause`.

        Raises:
            InvalidScheduleError: its times are not valid, or it would never fire.
            InvalidRequestError, PayloadTooLargeError: its job would be refused.
            TooManySchedulesError: the tenant has as many as it may have.
            PreconditionFailedError: it is not the expected one.
            UnavailableError: the outcome is unknown; put it again.
        """
        self._check(tenant, definition)

        def decide(found: Found) -> Found | NoWrite[Put]:
            known = found.schedule
            if not expected.holds(known.version if known else None):
                raise PreconditionFailedError
            if known is None or found.broken:
                return found
            same = to_text(known.definition) == to_text(_anchored(definition, known.created_at))
            return NoWrite(Put(self._withdrawn(known), created=False)) if same else found

        def apply(found: Found) -> Put | Conflict:
            known = found.schedule
            if known is None:
                then = self._create(tenant, name, definition, found.forgotten, pause)
            else:
                forgets = {"runs": None} if definition.max_runs is None else {}
                anchored_now = _anchored(definition, known.created_at)
                then = self._change(known, found.broken, definition=anchored_now, **forgets)
            return then if then is CONFLICT else Put(then, created=known is None)

        return retry_on_conflict(
            partial(find, self._runtime.store, tenant, name, self._withdrawn),
            decide,
            apply,
            exhausted=_keeps_changing,
            tries=SCHEDULE_TRIES,
        )

    def pause(
        self,
        tenant: str,
        name: str,
        by: str,
        reason: str,
        expected: Precondition = ANYTHING,
        *,
        until_ms: int | None = None,
    ) -> Schedule:
        """Pause a schedule: no fire after now makes a job, until an end or until it is resumed.

        Pausing a paused one changes nothing, unless the end is another one.

        Args:
            tenant: whose schedule.
            name: its name.
            by: who pauses it.
            reason: why.
            expected: which version of it.
            until_ms: when it fires again, ms UTC; None: once it is resumed.

        Raises:
            ScheduleNotFoundError: there is none.
            InvalidScheduleError: the end of the pause is in the past.
            PreconditionFailedError: it is not the expected one.
            UnavailableError: the outcome is unknown; pause it again.
        """
        self._check_end("until", until_ms)
        changes = {"pause_reason": reason, "paused_by": by, "paused_until": until_ms}
        return self._to(tenant, name, ScheduleState.PAUSED, expected, **changes)

    def resume(self, tenant: str, name: str, expected: Precondition = ANYTHING) -> Schedule:
        """Let a schedule fire again; the fires that passed meanwhile are skipped.

        Raises: as `pause`.
        """
        changes = {"pause_reason": None, "paused_by": None, "paused_until": None}
        return self._to(tenant, name, ScheduleState.ACTIVE, expected, **changes)

    def delete(self, tenant: str, name: str, expected: Precondition = ANYTHING) -> None:
        """Delete a schedule: no fire after now makes a job; the history of past fires is kept for its time.

        Raises: as `pause`.
        """
        self._to(tenant, name, ScheduleState.DELETED, expected)

    def trigger(
        self,
        tenant: str,
        name: str,
        idempotency_key: str | None,
        changes: Mapping[str, Any] = NOTHING,
        asked: Asked = UNKNOWN,
    ) -> Submitted:
        """Run a schedule's job at once, in addition to its fires; paused or not.

        Args:
            tenant: whose schedule.
            name: its name.
            idempotency_key: equal keys are the same run.
            changes: fields of the request that replace the template's in this run.
            asked: who triggers it, and why; kept with the fire.

        Raises:
            ScheduleNotFoundError: there is none.
            InvalidRequestError: its job would be refused, or it is a workflow, which takes no changes.
            IdempotencyConflictError: the key was used with other changes.
            UnavailableError: the outcome is unknown; trigger it again, with the same Idempotency-Key.
        """
        schedule = self.get(tenant, name)
        # The spaces keep it apart from every Idempotency-Key of a submit.
        key = None if idempotency_key is None else f"trigger {name} {idempotency_key}"
        template = schedule.definition.template
        if changes and template.type == WORKFLOW:
            raise InvalidRequestError(f"{name} runs a workflow, which is triggered as it is: send `reason` alone")
        request = replace(template, **changes, idempotency_key=key, schedule=name)
        result = self._submit.one(tenant, request)
        if result.is_other:
            # Another job holds the unique key: none was made.
            return result
        made: Job = result.job
        at_ms, version = made.created_at, schedule.version
        entry = Fire(schedule.fires_pk, at_ms, FireOutcome.TRIGGERED, version, at_ms, made.id, **asked._asdict())
        # The job is what counts: an entry missing in the history is better than a second job.
        self._runtime.store.apply([enter(entry)])
        return result

    # --- how ------------------------------------------------------------------------------------------------

    def _check(self, tenant: str, definition: Definition) -> None:
        now_ms = self._runtime.clock.now_ms()
        check(anchored(definition.recurrence, now_ms))
        if len(to_text(definition).encode()) > SCHEDULE_BYTES:
            raise InvalidRequestError(f"the schedule must have at most {SCHEDULE_BYTES} bytes of JSON")
        unique = self._submit.prepare(tenant, definition.template, now_ms).job.unique
        if unique:
            check_unique(definition, unique, now_ms)

    def _check_end(self, where: str, until_ms: int | None) -> None:
        """Refuse the end of a pause that is in the past."""
        if until_ms is not None and not self._runtime.clock.now_ms() < until_ms < SCHEDULE_END_MS:
            raise InvalidScheduleError(where, "must be in the future, before the year 2200; send a later time, or none")

    def _create(
        self, tenant: str, name: str, definition: Definition, forgotten: Schedule | None, pause: Pause | None
    ) -> Schedule | Conflict:
        """Create a schedule, replacing a deleted one if there is one; CONFLICT if another request has created it."""
        pk, first = schedule_key(tenant, "")
        items = self._runtime.store.query_range(pk, first=first, last=f"schedule#{LAST}", limit=SCHEDULES_PER_TENANT)
        held = [item for item in items if item.get("state") != ScheduleState.DELETED.value]
        now_ms = max(self._runtime.clock.now_ms(), forgotten.version + 1 if forgotten else 0)
        new = Schedule(tenant, name, _anchored(definition, now_ms), version=now_ms, created_at=now_ms, cursor=now_ms)
        if pause:
            self._check_end("paused.until", pause.until_ms)
            new = replace(new, state=ScheduleState.PAUSED, pause_reason=pause.reason, paused_by=pause.by)
            new = replace(new, paused_since=now_ms, paused_until=pause.until_ms)
        made = with_next_check(new, self._enqueuer.rule)
        insist_that_it_fires(made)
        if len(held) >= SCHEDULES_PER_TENANT and not self._has_made_room(held):
            return CONFLICT
        write = step("create_schedule", forgotten, made) if forgotten else create(made)
        [result] = self._runtime.store.apply([write])
        return self._finished(made) if result.done_or_raise() else CONFLICT

    def _has_made_room(self, items: Sequence[Item]) -> bool:
        """Remove the schedule that ended first; False if it has been changed meanwhile.

        One that has just ended stays, so that no request from before its creation brings it back.

        Raises:
            TooManySchedulesError: none has ended.
        """
        before_ms = self._runtime.clock.now_ms() - IN_FLIGHT_S * 1000
        # Most of the others are known by their next check, without computing a fire.
        some = [schedule for schedule in map(read, items) if schedule.check_at in (None, removed_at(schedule))]
        ended = filter(_has_ended, sorted(some, key=attrgetter("cursor")))
        first = next(ended, None)
        if first is None or first.cursor > before_ms:
            most = SCHEDULES_PER_TENANT
            problem = f"a tenant can have at most {most} schedules that have not ended; delete one first"
            raise TooManySchedulesError(problem)
        [result] = self._runtime.store.apply([forget(first)])
        return result.done_or_raise()

    def _to(self, tenant: str, name: str, state: ScheduleState, expected: Precondition, **changes: Any) -> Schedule:
        def decide(found: Found) -> tuple[Schedule, Item | None] | NoWrite[Schedule]:
            known = found.schedule
            if known is None:
                raise ScheduleNotFoundError(f"no schedule has the name {name}")
            if not expected.holds(known.version):
                raise PreconditionFailedError
            if self._is_already(known, state, changes.get("paused_until")) and not found.broken:
                return NoWrite(self._withdrawn(known))
            return known, found.broken

        def apply(seen: tuple[Schedule, Item | None]) -> Schedule | Conflict:
            return self._change(*seen, state=state, **changes)

        return retry_on_conflict(
            partial(find, self._runtime.store, tenant, name, self._withdrawn),
            decide,
            apply,
            exhausted=_keeps_changing,
            tries=SCHEDULE_TRIES,
        )

    def _is_already(self, known: Schedule, state: ScheduleState, until_ms: int | None) -> bool:
        """Return whether a schedule is in a state; a pause that is over counts as none."""
        if state is ScheduleState.DELETED:
            return known.state is state
        paused = is_paused(known, self._runtime.clock.now_ms())
        return paused == (state is ScheduleState.PAUSED) and (not paused or known.paused_until == until_ms)

    def _change(self, known: Schedule, broken: Item | None, **changes: Any) -> Schedule | Conflict:
        """Decide everything up to now, then change it; CONFLICT if it has been changed meanwhile.

        What cannot be decided, as it is broken, is changed all the same: its owner can always mend or remove it.
        """
        at_ms = max(self._runtime.clock.now_ms(), known.version + 1)
        settled = known if broken else self._settled(known, at_ms)
        if settled.version != known.version:
            return CONFLICT
        then = with_next_check(changed(settled, at_ms, **changes), self._enqueuer.rule)
        if "definition" in changes:
            insist_that_it_fires(then)
        write = replacement(broken, then) if broken else step("change_schedule", settled, then)
        [result] = self._runtime.store.apply([write])
        return self._finished(then) if result.done_or_raise() else CONFLICT

    def _settled(self, known: Schedule, at_ms: int) -> Schedule:
        """Decide everything up to a time; a schedule whose fires cannot be worked out stays as it is."""
        try:
            return self._enqueuer.settled(known, at_ms)
        except (UnavailableError, StateConflictError):
            raise
        except Exception as error:  # noqa: BLE001 - its recurrence is one that an older version took, say
            self._runtime.bulkhead.note("settle", known.identity, error)
            return known

    def _withdrawn(self, schedule: Schedule) -> Schedule:
        """Finish a cancellation that an earlier request may have left half done, before this one is acknowledged."""
        return self._canceller.finish(schedule) if schedule.withdraw_until else schedule

    def _finished(self, schedule: Schedule) -> Schedule:
        """Withdraw what was planned ahead; and fire at once what the timer might come to too late."""
        try:
            then = self._withdrawn(schedule)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - it is changed; the timer goes on with the rest
            self._runtime.bulkhead.note("withdraw", schedule.identity, error)
            return schedule
        # It is changed, whatever becomes of this: the timer does it, too.
        try:
            return next(iter(self._enqueuer.ahead([then]).moved), then)
        except UnavailableError:
            return then
        except Exception as error:  # noqa: BLE001 - as above
            self._runtime.bulkhead.note("fire", schedule.identity, error)
            return then


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the schedule keeps changing; try again")


def _anchored(definition: Definition, at_ms: int) -> Definition:
    return replace(definition, recurrence=anchored(definition.recurrence, at_ms))


def _has_ended(schedule: Schedule) -> bool:
    """Return whether a schedule has ended; one that cannot be read, or computed, has not."""
    if schedule.last_error == UNREADABLE:
        return False
    try:
        return has_ended(schedule)
    except Exception:  # noqa: BLE001 - its owner is to mend it
        return False
