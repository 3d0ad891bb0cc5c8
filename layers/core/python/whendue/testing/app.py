"""A whole whendue in memory, with a clock that moves when a test says so: submit, let time pass, look at what ran."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from whendue.bootstrap.application import App
from whendue.declarations.registry import TASKS
from whendue.jobs.due_index import live_partition
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import Definition
from whendue.settings import OwnQueue
from whendue.submission.request import Dependency, JobRequest
from whendue.support.clock import Clock, ManualClock
from whendue.table.index import Index
from whendue.testing import assertions
from whendue.testing.deployment import MemoryDeployment
from whendue.testing.job_record import JobRecord, json_of, record_of, records_of, to_ms
from whendue.testing.memory import memory_settings
from whendue.testing.recording import RecordingRegistry
from whendue.testing.runs import Run, Runs, errors_text, moment
from whendue.testing.simulated_time import ChangeCountingStore, SimulatedTime
from whendue.testing.tasks import discover_shipped, name_of

if TYPE_CHECKING:
    # httpx is an extra.
    from whendue.client import Client

# A Friday, at a full minute.
START: Final = datetime(2027, 1, 15, 8, tzinfo=UTC)
DAY_S: Final = 86_400.0


class WhendueApp:
    """A whendue in memory: nothing of it leaves the process, and time passes only when a test lets it.

    A submit checks payloads by JSON Schema, as a deployment does. Workers run tasks as `@task` declares them; a payload
    that a validator or `check` refuses ends its job dead, with `invalid_payload`. Shipped tasks (`http`, `email`,
    `lambda`) and deliveries of notifications are checked, accepted and noted, and do nothing; `replace` lets a function
    run for them.

    Args:
        start: the time at the beginning, with its offset. Default: 2027-01-15T08:00:00Z.
        tenant: whose jobs it submits.
        tasks: the only tasks that there are, besides the shipped ones. Default: all that the process has declared.
        own_queues: queues besides those that every deployment has, by name (docs/guide/queues.md). Default: none; the
            fixture `whendue_app` has those of the project.
        seed: of ids and jitter: equal tests see equal values.
    """

    def __init__(
        self,
        *,
        start: datetime | str = START,
        tenant: str = "test",
        tasks: Iterable[object] | None = None,
        own_queues: Mapping[str, OwnQueue] = MappingProxyType({}),
        seed: int = 0,
    ) -> None:
        """Begin with no jobs."""
        discover_shipped()
        only = None if tasks is None else frozenset(map(name_of, tasks))
        table = ChangeCountingStore()
        self.tenant = tenant
        self.clock = ManualClock(start_ms=to_ms(start), seed=seed)
        self._runs = Runs(self.clock.now_ms)
        self.registry = RecordingRegistry(TASKS, self._runs, only)
        self._whendue = MemoryDeployment(memory_settings(own_queues), self.registry, self.clock, self._runs, table)
        self._table = table
        self._time = SimulatedTime(self._whendue, table)
        # None while submits do not run; whether errors of tasks are raised while they do.
        self._inline: bool | None = None

    @property
    def services(self) -> App:
        """The services of the API and the timer, for what has no method here."""
        return self._whendue.api

    @cached_property
    def client(self) -> "Client":
        """A client of the API. Requests are answered in this process, and waiting lets time pass.

        Raises:
            ConfigurationError: a library that the API needs is not installed; the message has the extra.
        """
        from whendue.testing.memory_client import client_of

        clock = self._whendue.system
        return client_of(self.services, self.tenant, Clock(clock.now_ms, clock.bits, self.advance), self._run_if_inline)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let `delay`, `submit` and handles of tasks use `client` within a block, as `whendue.client.use` does."""
        from whendue.client import use

        with use(self.client):
            yield

    # --- doing ------------------------------------------------------------------------------------------------

    def submit(
        self,
        task: object,
        payload: object = None,
        *,
        in_s: float | None = None,
        at: datetime | str | None = None,
        priority: str | None = None,
        queue: str | None = None,
        key: str | None = None,
        depends_on: Iterable[JobRecord | str] = (),
        **request: Any,
    ) -> JobRecord:
        """Submit a job.

        Args:
            task: a declared function, or its name.
            payload: a JSON value, or a model; None is `{}`.
            in_s: the delay until it is due, seconds.
            at: when it is due, with its offset.
            priority: `critical`, `high`, `normal` or `low`.
            queue: one of the four, or a queue of the project's own.
            key: its Idempotency-Key.
            depends_on: jobs, or their ids, that must succeed first.
            request: further fields of `whendue.submission.request.JobRequest`, as `policy` and `tags`.

        Raises:
            InvalidRequestError: it is refused, as the API refuses it; a subclass says why.
            ValueError: `in_s` and `at` are both given, or `in_s` is negative.
            BaseException: in `inline`, what the task raises.
        """
        if in_s is not None and (at is not None or not in_s >= 0):
            raise ValueError(f"in_s is {in_s}: pass 0 or more, or at alone")
        wanted = JobRequest(
            name_of(task, self.registry),
            {} if payload is None else json_of(payload),
            due_at=None if at is None else to_ms(at),
            delay_s=in_s,
            queue=queue or priority,
            idempotency_key=key,
            depends_on=tuple(Dependency(job=_id_of(job)) for job in depends_on),
            **request,
        )
        job = self.services.submit.one(self.tenant, wanted).job
        self._run_if_inline()
        return self.job(job.id)

    def schedule(
        self,
        name: str,
        task: object,
        payload: object = None,
        *,
        cron: str | None = None,
        every_s: int | None = None,
        timezone: str = "UTC",
    ) -> None:
        """Put a schedule; `client.put_schedule` takes all that the API does.

        Args:
            name: the schedule's.
            task: a declared function, or its name.
            payload: as in `submit`.
            cron: when it fires, as the API takes it.
            every_s: the interval in which it fires, seconds. Send this or `cron`.
            timezone: of `cron`, a name of the IANA database.

        Raises:
            InvalidRequestError: it is refused; a subclass says why.
        """
        template = JobRequest(name_of(task, self.registry), {} if payload is None else json_of(payload))
        recurrence = Recurrence(cron=cron, every_s=every_s, timezone=timezone)
        self.services.schedules.put(self.tenant, name, Definition(recurrence, template))

    def pause(self, task: object | None = None, *, until: datetime | str | None = None) -> None:
        """Pause the tenant, or one task of it.

        Args:
            task: a declared function, or its name. Default: all.
            until: when the pause ends by itself, with its offset. Default: never.
        """
        name = None if task is None else name_of(task, self.registry)
        self.services.pauses.pause_tenant(
            self.tenant, name, "a test", "a test", None if until is None else to_ms(until)
        )

    def resume(self, task: object | None = None) -> None:
        """End a pause of the tenant, or of one task."""
        self.services.resume.tenant(self.tenant, None if task is None else name_of(task, self.registry))

    def replace(self, task: object, function: Any) -> None:
        """Let a function run for a task from now on: a shipped task, or one that a test has to do without.

        Args:
            task: a declared function, or its name.
            function: called with the payload, and with the context if it takes two arguments.
        """
        self.registry.replace(name_of(task, self.registry), function)

    @contextmanager
    def inline(self, *, raises: bool = True) -> Iterator[None]:
        """Run jobs when they are submitted, as far as they are due: by `submit`, and by `client`.

        Args:
            raises: whether the submit raises what a task raises, which is recorded all the same.
        """
        former, self._inline = self._inline, raises
        try:
            yield
        finally:
            self._inline = former

    def _run_if_inline(self) -> None:
        if self._inline is None:
            return
        before = len(self._runs.every)
        self._whendue.work()
        errors = [run.error for run in self._runs.every[before:] if run.error is not None]
        if self._inline and errors:
            raise errors[0]

    # --- time -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The time, UTC."""
        return moment(self.clock.now_ms())

    def advance(self, time: float | timedelta) -> None:
        """Let time pass: the timer ticks every minute, and workers run what is due.

        Args:
            time: seconds, or a timedelta; 0 runs what is due now.

        Raises:
            ValueError: it is negative.
        """
        seconds = time.total_seconds() if isinstance(time, timedelta) else time
        if not seconds >= 0:
            raise ValueError(f"time cannot pass by {seconds} s: pass 0 or more")
        self._time.advance_to(self.clock.now_ms() + round(seconds * 1000))

    def advance_to(self, at: datetime | str) -> None:
        """Let time pass until a time, with its offset.

        Raises:
            ValueError: it is past, or no time.
        """
        until_ms = to_ms(at)
        if until_ms < self.clock.now_ms():
            raise ValueError(f"{at} is past: it is {self.now.isoformat()}")
        self._time.advance_to(until_ms)

    def run_until_idle(self, most_s: float = DAY_S) -> None:
        """Let time pass until all jobs have ended, retries and jobs of jobs included.

        Args:
            most_s: how much time may pass, seconds. Default: a day.

        Raises:
            AssertionError: not all have ended by then; the message lists them, and errors of tasks.
        """
        __tracebackhide__ = True
        until_ms = self.clock.now_ms() + round(most_s * 1000)
        self._whendue.work()
        while self._has_live_jobs():
            event_ms = self._time.next_event_ms()
            if event_ms is None or event_ms > until_ms:
                raise AssertionError(assertions.unfinished_text(most_s, self.submitted, self._runs.every))
            self._time.step(event_ms)

    def _has_live_jobs(self) -> bool:
        settings = self._whendue.settings
        shards = range(settings.shards)
        entries = self._table.indexes[Index.DUE]
        return any(entries.get(live_partition(queue, shard)) for queue in settings.all_queues for shard in shards)

    # --- looking ----------------------------------------------------------------------------------------------

    @property
    def ran(self) -> list[Run]:
        """The attempts of all jobs, in the order in which they began, with what they raised."""
        return list(self._runs.every)

    @property
    def errors(self) -> str:
        """The tracebacks of the newest errors of tasks; empty where no task has failed."""
        return errors_text(self._runs.failed)

    @property
    def submitted(self) -> list[JobRecord]:
        """All jobs as they are now, the oldest first; those of schedules and workflows, too, and no deliveries."""
        return records_of(self.services, self._table)

    def jobs(self, *, state: str | None = None, task: object | None = None) -> list[JobRecord]:
        """Return the jobs in a state, of a task, or both; as `submitted`."""
        name = None if task is None else name_of(task, self.registry)
        return [job for job in self.submitted if state in (None, job.state) and name in (None, job.task)]

    def job(self, job: JobRecord | str) -> JobRecord:
        """Return a job as it is now.

        Args:
            job: its id, or an earlier record of it.

        Raises:
            JobNotFoundError: the tenant has no such job.
        """
        return record_of(self.services.query.get(self.tenant, _id_of(job)), self.clock.now_ms())

    # --- asserting --------------------------------------------------------------------------------------------

    def assert_submitted(
        self,
        task: object,
        payload: object = None,
        *,
        times: int | None = None,
        in_s: float | None = None,
        at: datetime | str | None = None,
    ) -> list[JobRecord]:
        """Assert that jobs of a task were submitted; return them.

        Args:
            task: a declared function, or its name.
            payload: a part of the payload: objects may have more members. Default: any.
            times: how many. Default: at least one.
            in_s: the delay from the submit until the job is due, seconds. Default: any.
            at: when it is due, with its offset. Default: any.

        Raises:
            AssertionError: there are others; the message lists what was submitted.
        """
        __tracebackhide__ = True
        name, part = name_of(task, self.registry), None if payload is None else json_of(payload)
        due_at, submitted = None if at is None else moment(to_ms(at)), self.submitted
        found = assertions.matching_jobs(submitted, name, part, in_s, due_at)
        if not assertions.is_expected(len(found), times):
            expected = assertions.expectation("job", name, part, times, {"in_s": in_s, "due": due_at})
            raise AssertionError(assertions.submitted_text(expected, len(found), submitted))
        return found

    def assert_not_submitted(self, task: object, payload: object = None) -> None:
        """Assert that no job of a task was submitted, or none with this part of a payload.

        Raises:
            AssertionError: there is such a job; the message lists what was submitted.
        """
        __tracebackhide__ = True
        self.assert_submitted(task, payload, times=0)

    def assert_ran(
        self, task: object, payload: object = None, *, times: int | None = None, attempt: int | None = None
    ) -> list[Run]:
        """Assert that attempts of a task were made; return them.

        Args:
            task: a declared function, or its name.
            payload: a part of the payload, as in `assert_submitted`.
            times: how many attempts. Default: at least one.
            attempt: which attempt of their jobs they were, from 1. Default: any.

        Raises:
            AssertionError: there were others; the message lists them, and the errors of tasks.
        """
        __tracebackhide__ = True
        name, part = name_of(task, self.registry), None if payload is None else json_of(payload)
        found = assertions.matching_runs(self._runs.every, name, part, attempt)
        if not assertions.is_expected(len(found), times):
            expected = assertions.expectation("attempt", name, part, times, {"attempt": attempt})
            raise AssertionError(assertions.ran_text(expected, len(found), self._runs.every))
        return found


def _id_of(job: JobRecord | str) -> str:
    return job if isinstance(job, str) else job.id
