"""Pauses: begin and end them, show them, and say which jobs they hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

from whendue.engine.commit import commit
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import (
    InvalidRequestError,
    QueueNotFoundError,
    StateConflictError,
    UnavailableError,
)
from whendue.jobs.failures import clip
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition
from whendue.notifications.publisher import NotificationPublisher
from whendue.pauses.events import pause_event
from whendue.pauses.model import (
    Pause,
    begin,
    end,
    from_item,
    pauses_of,
    queue_pause,
    renewed,
    tenant_pause,
    type_of,
    type_pause,
)
from whendue.quotas import PAUSE_BY_BYTES, PAUSE_CACHE_MS, PAUSES_REMEMBERED
from whendue.settings import ALL_QUEUES
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.support.ttl_cache import TtlCache
from whendue.table.keys import Key
from whendue.table.writes import Write


class PauseService:
    """Reads and changes pauses."""

    def __init__(self, runtime: Runtime, notifications: NotificationPublisher) -> None:
        """Use this runtime; `notifications` knows who is to be told of a pause."""
        self._runtime = runtime
        self._notifications = notifications
        self._fresh: TtlCache[Key, Item | None] = TtlCache(runtime.clock, PAUSE_CACHE_MS, PAUSES_REMEMBERED)

    def held(self, jobs: Sequence[Job]) -> set[str]:
        """Give the ids of the jobs that a pause holds, by what was read at most 2 s ago: one read, or none.

        Raises:
            UnavailableError: the table does not answer. An older answer would not do: whoever paused was promised
                that nothing is claimed, and the claim would go to the same table.
        """
        now_ms = self._runtime.clock.now_ms()
        keys = [key for job in jobs for key in pauses_of(job)]
        known = self._fresh.get_many(keys, self._runtime.store.get)
        lasting = {key for key, item in known.items() if item and self._read(key, item).lasts(now_ms)}
        return {job.id for job in jobs if not lasting.isdisjoint(pauses_of(job))}

    def of_job(self, job: Job) -> Pause | None:
        """Give the widest pause that holds a job now; of its queue's, whose words are not for tenants, only how long.

        Raises:
            UnavailableError: the table does not answer.
        """
        [of_queue, *own] = self._lasting(pauses_of(job))
        return replace(of_queue, by="", reason="") if of_queue else next(filter(None, own), None)

    def of_queues(self) -> dict[str, Pause]:
        """Give the pauses of queues that last now, by queue.

        Raises:
            UnavailableError: the table does not answer.
        """
        found = self._lasting([queue_pause(queue) for queue in ALL_QUEUES])
        return {queue: pause for queue, pause in zip(ALL_QUEUES, found, strict=True) if pause}

    def of_tenant(self, tenant: str) -> list[tuple[str | None, Pause]]:
        """List a tenant's pauses that last now, each with its task type, None for the whole tenant.

        Raises:
            UnavailableError: the table does not answer.
        """
        now_ms = self._runtime.clock.now_ms()
        family = self._runtime.store.query(tenant_pause(tenant).pk)
        read = readable(self._runtime, family, lambda item: _if_lasting(item, now_ms), "list_pauses")
        return [(type_of(sk), pause) for sk, pause in read if pause]

    def _lasting(self, keys: Sequence[Key]) -> list[Pause | None]:
        now_ms = self._runtime.clock.now_ms()
        items = self._runtime.store.get(keys)
        known = [self._read(key, item) if item else None for key, item in zip(keys, items, strict=True)]
        return [pause if pause and pause.lasts(now_ms) else None for pause in known]

    def _read(self, key: Key, item: Item) -> Pause:
        """Read a pause; one that cannot be read holds what it is of, and the log says so."""
        try:
            pause = from_item(item)
            pause.lasts(0)
        except Exception as error:  # noqa: BLE001 - it is this pause's alone
            self._runtime.bulkhead.note("pause", key.pk, error)
            return Pause("this pause cannot be read", "whendue", 0, "")
        return pause

    def pause_queue(self, queue: str, reason: str, by: str, until: int | None, tenant: str | None = None) -> Pause:
        """Pause a queue for all tenants; one that is paused gets the new reason and end.

        Args:
            queue: its name.
            reason: why.
            by: who, cut to 128 bytes.
            until: when it ends by itself, ms UTC; None never.
            tenant: whose subscriptions are told that it began; None: nobody's.

        Raises:
            QueueNotFoundError: there is no such queue.
            InvalidRequestError: the end is not in the future.
            UnavailableError: nobody knows, or nobody has been told; ask again.
        """
        key = _key_of(queue)
        made = self._begin(key, reason, by, until)
        if tenant is not None:
            self._tell(self._notifications.deliveries_of(tenant, pause_event(key, made, queue=queue)))
        return made

    def pause_tenant(self, tenant: str, task: str | None, reason: str, by: str, until: int | None) -> Pause:
        """Pause a tenant, or one of its task types; otherwise as `pause_queue`.

        Raises:
            UnknownTaskError: there is no such task.
            InvalidRequestError: the end is not in the future.
            UnavailableError: nobody knows, or nobody has been told; ask again.
        """
        # One whose module is broken can be paused all the more: its jobs wait for the deploy that mends it.
        if task is not None and not self._runtime.registry.may_have(task):
            self._runtime.registry.get(task)
        key = _tenant_key(tenant, task)
        made = self._begin(key, reason, by, until)
        self._tell(self._notifications.deliveries_of(tenant, pause_event(key, made, task=task)))
        return made

    def resume_queue(self, queue: str) -> bool:
        """Resume a queue; one that is not paused stays as it is, and is False.

        Raises:
            QueueNotFoundError: there is no such queue.
            UnavailableError: nobody knows; ask again.
        """
        return self._end(_key_of(queue))

    def resume_tenant(self, tenant: str, task: str | None) -> bool:
        """Resume a tenant, or one of its task types; what is not paused stays as it is, and is False.

        Raises:
            UnavailableError: nobody knows; ask again.
        """
        return self._end(_tenant_key(tenant, task))

    def _begin(self, key: Key, reason: str, by: str, until: int | None) -> Pause:
        mark = self._runtime.clock.new_id()
        made: list[Pause] = []

        def step(old: Pause | None, now_ms: int) -> Write:
            if until is not None and until <= now_ms:
                raise InvalidRequestError("expiresAt must be in the future")
            made[:] = [renewed(old, Pause(reason, clip(by, PAUSE_BY_BYTES), now_ms, mark, until))]
            return begin(key, old, made[0])

        self._change(key, step)
        return made[0]

    def _tell(self, made: Sequence[Transition]) -> None:
        """Create the deliveries that tell of a pause; a repeated request creates them once."""
        now_ms = self._runtime.clock.now_ms()
        ends = commit(self._runtime, made, now_ms) if made else []
        if any(end.status is WriteStatus.UNAVAILABLE for end in ends):
            raise UnavailableError(
                "it is paused, but not all subscriptions have been notified; send the same request again"
            )

    def _end(self, key: Key) -> bool:
        mark = self._runtime.clock.new_id()
        return self._change(key, lambda old, now_ms: end(key, old, mark, now_ms) if old and old.lasts(now_ms) else None)

    def _change(self, key: Key, step: Callable[[Pause | None, int], Write | None]) -> bool:
        """Change a pause by a step of what it is and the time (ms UTC). False where nothing is to be written.

        Raises:
            StateConflictError: it keeps changing.
            UnavailableError: nobody knows; ask again.
            UnstorableError: the table can hold no such pause.
        """

        def read() -> tuple[Pause | None, int]:
            now_ms = self._runtime.clock.now_ms()
            [item] = self._runtime.store.get([key])
            return (from_item(item) if item else None), now_ms

        def decide(known: tuple[Pause | None, int]) -> Write | NoWrite[bool]:
            return step(*known) or NoWrite(result=False)

        def apply(write: Write) -> bool | Conflict:
            [end] = self._runtime.store.apply([write])
            if not end.done_or_raise():
                return CONFLICT
            self._fresh.forget(key)
            return True

        return retry_on_conflict(read, decide, apply, exhausted=_keeps_changing)


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the pause keeps changing; try again")


def _if_lasting(item: Item, now_ms: int) -> tuple[str, Pause | None]:
    pause = from_item(item)
    return item["sk"], pause if pause.lasts(now_ms) else None


def _key_of(queue: str) -> Key:
    if queue not in ALL_QUEUES:
        raise QueueNotFoundError(f"queue must be one of {', '.join(ALL_QUEUES)}")
    return queue_pause(queue)


def _tenant_key(tenant: str, task: str | None) -> Key:
    return tenant_pause(tenant) if task is None else type_pause(tenant, task)
