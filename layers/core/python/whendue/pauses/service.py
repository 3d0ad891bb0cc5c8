"""Pauses: begin, end and list them, and find the jobs that they hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

from whendue.engine.commit import commit
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import (
    QueueNotFoundError,
    StateConflictError,
    UnavailableError,
    invalid_at,
)
from whendue.jobs.failures import clip
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition
from whendue.notifications.publisher import NotificationPublisher
from whendue.pauses.events import pause_event
from whendue.pauses.model import (
    Held,
    Pause,
    Scope,
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
from whendue.pauses.resumption import Resumption, of_pause
from whendue.pauses.resumption import begin as begin_resumption
from whendue.quotas import PAUSE_BY_BYTES, PAUSE_CACHE_MS, PAUSES_REMEMBERED
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.support.ttl_cache import TtlCache
from whendue.table.keys import Key
from whendue.table.writes import Write


class PauseService:
    """Reads and changes pauses."""

    def __init__(self, runtime: Runtime, notifications: NotificationPublisher) -> None:
        """Use this runtime; `notifications` creates the deliveries of pause events."""
        self._runtime = runtime
        self._notifications = notifications
        self._fresh: TtlCache[Key, Item | None] = TtlCache(runtime.clock, PAUSE_CACHE_MS, PAUSES_REMEMBERED)

    def held(self, jobs: Sequence[Job]) -> set[str]:
        """Return the ids of the jobs that a pause holds, by a cache of at most 2 s: one read, or none.

        Raises:
            UnavailableError: the table does not answer. Older cached pauses are not used: a pause guarantees that
                nothing is claimed, and the claim would go to the same table.
        """
        return set(self.held_until(jobs))

    def held_until(self, jobs: Sequence[Job]) -> dict[str, int | None]:
        """Return the ids of the jobs that a pause holds, as `held`, each with the time at which the pause ends, ms UTC.

        The last of several pauses counts; None for one that does not end by itself.

        Raises:
            UnavailableError: as `held`.
        """
        now_ms = self._runtime.clock.now_ms()
        keys = [key for job in jobs for key in pauses_of(job)]
        known = self._fresh.get_many(keys, self._runtime.store.get)
        pauses = {key: self._read(key, item) for key, item in known.items() if item}
        lasting = {key: pause.until for key, pause in pauses.items() if pause.lasts(now_ms)}
        untils = {job.id: [lasting[key] for key in pauses_of(job) if key in lasting] for job in jobs}
        return {job_id: _last(of_job) for job_id, of_job in untils.items() if of_job}

    def forget(self, key: Key) -> None:
        """Read a pause anew when it is next asked for."""
        self._fresh.forget(key)

    def of_job(self, job: Job) -> Held | None:
        """Return the widest pause that holds a job now; a queue's without `by` and `reason`, which are not for tenants.

        Raises:
            UnavailableError: the table does not answer.
        """
        keys = pauses_of(job)
        found = [(key, pause) for key, pause in zip(keys, self._lasting(keys), strict=True) if pause]
        if not found:
            return None
        key, pause = found[0]
        if key == queue_pause(job.queue):
            return Held(replace(pause, by="", reason=""), Scope.QUEUE)
        return Held(pause, Scope.TENANT if type_of(key.sk) is None else Scope.TYPE)

    def of_queues(self) -> dict[str, Pause]:
        """Return the current pauses of queues, by queue.

        Raises:
            UnavailableError: the table does not answer.
        """
        queues = self._runtime.settings.all_queues
        found = self._lasting([queue_pause(queue) for queue in queues])
        return {queue: pause for queue, pause in zip(queues, found, strict=True) if pause}

    def of_tenant(self, tenant: str) -> list[tuple[str | None, Pause]]:
        """List a tenant's current pauses, each with its task type, None for the whole tenant.

        Raises:
            UnavailableError: the table does not answer.
        """
        now_ms = self._runtime.clock.now_ms()
        items = self._runtime.store.query(tenant_pause(tenant).pk)
        read = readable(self._runtime, items, lambda item: _if_lasting(item, now_ms), "list_pauses")
        return [(type_of(sk), pause) for sk, pause in read if pause]

    def _lasting(self, keys: Sequence[Key]) -> list[Pause | None]:
        now_ms = self._runtime.clock.now_ms()
        items = self._runtime.store.get(keys)
        known = [self._read(key, item) if item else None for key, item in zip(keys, items, strict=True)]
        return [pause if pause and pause.lasts(now_ms) else None for pause in known]

    def _read(self, key: Key, item: Item) -> Pause:
        """Read a pause; one that cannot be read still holds its jobs, and is logged."""
        try:
            pause = from_item(item)
            pause.lasts(0)
        except Exception as error:  # noqa: BLE001 - it is this pause's alone
            self._runtime.bulkhead.note("pause", key.pk, error)
            return Pause("this pause cannot be read", "whendue", 0, "")
        return pause

    def pause_queue(self, queue: str, reason: str, by: str, until: int | None, tenant: str | None = None) -> Pause:
        """Pause a queue for all tenants; a paused queue gets the new reason and end.

        Args:
            queue: its name.
            reason: why.
            by: the caller, cut to 128 bytes.
            until: when it ends by itself, ms UTC; None for never.
            tenant: the tenant whose subscriptions are notified; None for no notification.

        Raises:
            QueueNotFoundError: no queue has this name.
            InvalidRequestError: the end is not in the future.
            UnavailableError: the pause or its deliveries may not be stored; send the same request again.
        """
        key = _key_of(queue, self._runtime.settings.all_queues)
        made = self._begin(key, reason, by, until)
        if tenant is not None:
            self._notify(self._notifications.deliveries_of(tenant, pause_event(key, made, queue=queue)))
        return made

    def pause_tenant(self, tenant: str, task: str | None, reason: str, by: str, until: int | None) -> Pause:
        """Pause a tenant, or one of its task types; otherwise as `pause_queue`.

        Raises:
            UnknownTaskError: no task has this name.
            InvalidRequestError: the end is not in the future.
            UnavailableError: the pause or its deliveries may not be stored; send the same request again.
        """
        # A task whose module is broken can be paused, too: its jobs wait for the deploy that repairs it.
        if task is not None and not self._runtime.registry.may_have(task):
            self._runtime.registry.find(task)
        key = _tenant_key(tenant, task)
        made = self._begin(key, reason, by, until)
        self._notify(self._notifications.deliveries_of(tenant, pause_event(key, made, task=task)))
        return made

    def resume_queue(self, queue: str) -> Resumption | None:
        """Resume a queue; return what the timer brings back what it held by, None if it is not paused.

        Raises:
            QueueNotFoundError: no queue has this name.
            UnavailableError: the table does not answer; send the same request again.
        """
        return self._end(_key_of(queue, self._runtime.settings.all_queues))

    def resume_tenant(self, tenant: str, task: str | None) -> Resumption | None:
        """Resume a tenant, or one of its task types, as `resume_queue`.

        Raises:
            UnavailableError: the table does not answer; send the same request again.
        """
        return self._end(_tenant_key(tenant, task))

    def _begin(self, key: Key, reason: str, by: str, until: int | None) -> Pause:
        mark = self._runtime.clock.new_id()
        made: list[Pause] = []

        def step(old: Pause | None, now_ms: int) -> Write:
            if until is not None and until <= now_ms:
                raise invalid_at("expiresAt", "must be in the future")
            if until is not None and old and old.lasts(now_ms):
                self._plan_resumption(key, until)
            made[:] = [renewed(old, Pause(reason, clip(by, PAUSE_BY_BYTES), now_ms, mark, until))]
            return begin(key, old, made[0])

        self._change(key, step)
        return made[0]

    def _plan_resumption(self, key: Key, until: int) -> Resumption:
        """Let the timer bring back what a pause holds once it has ended: rescue looks at that much later.

        Raises:
            UnavailableError: it may not be stored; send the same request again.
        """
        settings = self._runtime.settings
        queues = [key.pk.removeprefix("QUEUE#")] if key.pk.startswith("QUEUE#") else settings.all_queues
        planned = of_pause(self._runtime.clock.new_id(), key, until, queues, settings.shards)
        [result] = self._runtime.store.apply([begin_resumption(planned)])
        result.done_or_raise()
        return planned

    def _notify(self, deliveries: Sequence[Transition]) -> None:
        """Create the deliveries of a pause event; a repeated request creates them once."""
        now_ms = self._runtime.clock.now_ms()
        results = commit(self._runtime, deliveries, now_ms) if deliveries else []
        if any(result.status is WriteStatus.UNAVAILABLE for result in results):
            raise UnavailableError(
                "it is paused, but not all subscriptions have been notified; send the same request again"
            )

    def _end(self, key: Key) -> Resumption | None:
        mark = self._runtime.clock.new_id()
        planned: list[Resumption] = []

        def step(old: Pause | None, now_ms: int) -> Write | None:
            if old is None or not old.lasts(now_ms):
                return None
            # Stored first: if this process dies after the pause has ended, the timer brings the jobs back.
            planned[:] = [self._plan_resumption(key, now_ms)]
            return end(key, old, mark, now_ms)

        return planned[0] if self._change(key, step) else None

    def _change(self, key: Key, step: Callable[[Pause | None, int], Write | None]) -> bool:
        """Change a pause by a step of its current value and the time (ms UTC); returns False if nothing is written.

        Raises:
            StateConflictError: it keeps changing.
            UnavailableError: the table does not answer; send the same request again.
            UnstorableError: the table can hold no such pause.
        """

        def read() -> tuple[Pause | None, int]:
            now_ms = self._runtime.clock.now_ms()
            [item] = self._runtime.store.get([key])
            return (from_item(item) if item else None), now_ms

        def decide(known: tuple[Pause | None, int]) -> Write | NoWrite[bool]:
            return step(*known) or NoWrite(result=False)

        def apply(write: Write) -> bool | Conflict:
            [result] = self._runtime.store.apply([write])
            if not result.done_or_raise():
                return CONFLICT
            self._fresh.forget(key)
            return True

        return retry_on_conflict(read, decide, apply, exhausted=_keeps_changing)


def _last(untils: Sequence[int | None]) -> int | None:
    known = [until for until in untils if until is not None]
    return max(known) if len(known) == len(untils) else None


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the pause keeps changing; try again")


def _if_lasting(item: Item, now_ms: int) -> tuple[str, Pause | None]:
    pause = from_item(item)
    return item["sk"], pause if pause.lasts(now_ms) else None


def _key_of(queue: str, known: Sequence[str]) -> Key:
    if queue not in known:
        raise QueueNotFoundError(f"queue must be one of {', '.join(known)}")
    return queue_pause(queue)


def _tenant_key(tenant: str, task: str | None) -> Key:
    return tenant_pause(tenant) if task is None else type_pause(tenant, task)
