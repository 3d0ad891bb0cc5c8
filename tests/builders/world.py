"""A whole whendue in memory, with a clock that moves when told: the stage of most tests."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from whendue.adapters.threads import ThreadRunner
from whendue.declarations.context import Context
from whendue.declarations.registry import TASKS, Registry, task
from whendue.jobs.model import Job, State
from whendue.operations.reader import JobView
from whendue.settings import ALL_QUEUES, OwnQueue, Settings
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock, system_clock
from whendue.support.secret import Secret
from whendue.table.ids import Ids
from whendue.tasks.workflow import workflow
from whendue.testing.memory import MemoryWhendue

TENANT = "acme"
SECRET = Secret.read("a-secret-of-worlds-in-memory-of-more-than-32-bytes")
IDS = Ids(SECRET.id_key)
SETTINGS = Settings(
    "table", "bucket", {queue: queue for queue in ALL_QUEUES}, "dead_letter", visibility_s=360, secret=SECRET
)
MINUTE_MS = 60_000


class Anything(BaseModel, extra="allow"):
    """A payload of any fields."""


class World(MemoryWhendue):
    """The services on memory adapters; `store` and `queue` may be wrapped to inject faults."""

    def __init__(
        self,
        seed: int = 0,
        max_receive_count: int = 10,
        clock: ManualClock | None = None,
        own_queues: Mapping[str, OwnQueue] | None = None,
    ) -> None:
        queues = {queue: queue for queue in (*ALL_QUEUES, *(own_queues or {}))}
        settings = replace(SETTINGS, queues=queues, own_queues=own_queues or {})
        super().__init__(settings, Registry(), clock or ManualClock(seed=seed), max_receive_count=max_receive_count)
        self.ran: list[tuple[str, int, int]] = []
        self.task("ok", lambda payload, ctx: payload.model_dump() | {"attempt": ctx.attempt})
        self.task("bad", _bad)
        task("workflow", registry=self.registry, expands="workflow")(workflow)

    def task(self, name: str, function: Callable[[Any, Context], Any], **options: Any) -> None:
        """Declare a task whose runs are noted in `ran` as (job id, attempt, time)."""

        def noted(payload: Anything, ctx: Context) -> Any:
            self.ran.append((ctx.job_id, ctx.attempt, self.clock.now_ms()))
            return function(payload, ctx)

        # A test may replace a task by another one; a deployment may not.
        if name in self.registry.all_names():
            self.registry.remove(name)
        task(name, registry=self.registry, **options)(noted)

    def use(self, *names: str) -> None:
        """Let workers run tasks that imported modules declare, with all their options."""
        for name in names:
            self.registry.add(TASKS.get(name))

    def fails_first(self, name: str) -> None:
        """Add a task that fails when it is first tried, and not again."""
        tries = iter([False])

        def run(payload: Any, ctx: Any) -> None:
            if not next(tries, True):
                raise RuntimeError("not yet")

        self.task(name, run)

    def submit(self, kind: str = "ok", payload: Any = None, **wanted: Any) -> Job:
        """Submit a job of the tenant `acme`."""
        return self.app.submit.one(TENANT, JobRequest(kind, payload if payload is not None else {}, **wanted)).job

    def pass_time(self, seconds: float, step_s: float = 1) -> None:
        """Let time pass with a tick every minute and workers always listening."""
        until_ms = self.clock.now_ms() + round(seconds * 1000)
        while self.clock.now_ms() < until_ms:
            self.clock.advance(step_s)
            if self.clock.now_ms() // 1000 % 60 < step_s:
                self.tick()
            self.work()

    def job(self, job: Job) -> Job:
        """Read a job as stored."""
        return self.view(job).job

    def view(self, job: Job) -> JobView:
        """Show a job as a user sees it."""
        return self.app.query.get(TENANT, job.id)

    def runs(self, job: Job) -> list[int]:
        """List the times at which a job's task began."""
        return [at for job_id, _, at in self.ran if job_id == job.id]


class RealTime(World):
    """The same world on threads and the real clock, for what only real time shows."""

    def __init__(self) -> None:
        super().__init__()
        self.system = system_clock()
        self.queues.clock = self.system
        self.runner = ThreadRunner()
        self.app = self.build()
        self.release = threading.Event()

    def run(self, kind: str, **policy: object) -> tuple[object, State]:
        """Run one job; return its last error or its result, and its state."""
        job = self.submit(kind, policy=policy)
        self.app.work.handle(self.queues.receive("normal"), self.system.now_ms() + 60_000)
        view = self.view(job)
        return view.attempts[-1].type if view.attempts else view.result, view.job.state


def _bad(payload: Anything, ctx: Context) -> Any:
    raise RuntimeError(f"attempt {ctx.attempt} is bad")
