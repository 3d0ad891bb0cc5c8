"""Laws of unique keys over random histories: at most one job holds a key, and what has let go never holds it again.

Submits of all scopes and conflict policies, each with any time between its read and its write, among claims, ends,
retries, requeues, cancels, expiries, redrives, erasures, and time that passes. By the clock of one process a job has
expired, by that of another one it may begin yet.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.transitions import NOW, TIMING, a_job, an_error
from whendue.adapters.memory import MemoryStore
from whendue.jobs import transitions
from whendue.jobs.model import Job, State, evolve, from_item
from whendue.jobs.rescue_policy import ended_by_expiry
from whendue.jobs.transition import Transition
from whendue.submission.request import UniqueRequest
from whendue.submission.unique_policy import (
    REPLACED,
    Decision,
    decide,
    holds,
    holds_as_stored,
    succeeding,
    take,
    to_end,
    unique_of,
)
from whendue.table.keys import job_key, unique_key
from whendue.table.writes import Write, delete

KEY = "0190-key"
HOUR_MS = 3_600_000
# How far the clocks of processes are from the true time (guarantee G4), ms.
SKEW_MS = 5_000

requests = st.builds(
    UniqueRequest,
    key=st.just("k"),
    scope=st.sampled_from(["pending", "running", "until_success", "for_seconds"]),
    for_s=st.sampled_from([1.0, 7200.0]),
    on_conflict=st.sampled_from(["return", "reject", "replace", "postpone"]),
    max_wait_s=st.just(3600.0),
)


def _scoped(request: UniqueRequest) -> UniqueRequest:
    return (
        request
        if request.scope == "for_seconds"
        else UniqueRequest("k", None, request.scope, None, request.on_conflict, 3600)
    )


class History:
    """One key, its jobs, and submits that have read and not yet written."""

    def __init__(self) -> None:
        self.table, self.now, self.count = MemoryStore(), NOW, 0
        self.waiting: list[Callable[[], object]] = []
        self.released: set[str] = set()

    def jobs(self) -> list[Job]:
        return [from_item(item) for key, item in self.table.rows.items() if key.sk == "job"]

    def begin(self, request: UniqueRequest, skew_ms: int, expires_ms: int | None) -> None:
        """Read and decide; the write is for later."""
        self.count += 1
        number, now = self.count, self.now + skew_ms
        [item] = self.table.get([unique_key(KEY)])
        [stored] = self.table.get([job_key(item["job_id"])]) if item else [None]
        holder = from_item(stored) if stored else None
        decision = decide(holder, KEY, request, now)
        if decision not in (Decision.TAKE, Decision.REPLACE):
            return
        begin_by = None if expires_ms is None else now + expires_ms
        job = a_job(id=f"job-{number}", created_at=now, due_at=now + 60_000, begin_by=begin_by)
        job = evolve(job, unique=unique_of(request, KEY, now, now))
        writes: list[Write] = []
        if decision is Decision.REPLACE:
            assert holder is not None
            job = succeeding(job, holder, request, 8, TIMING)
            writes.append(transitions.skip(holder, REPLACED, "", now))
        elif holder is not None and (over := to_end(holder, KEY, now)):
            writes.append(over)
        writes += [take(job, item, f"fence-{number}"), transitions.submit(job, TIMING)]
        self.waiting.append(lambda: self.table.apply_together(writes))

    def change(self, job: Job, kind: int, skew_ms: int) -> None:
        """Do something that may happen to a job in its state."""
        steps = [step for step in _steps(job, self.now + skew_ms) if step is not None]
        if steps:
            self.table.apply([steps[kind % len(steps)]])

    def check(self) -> None:
        # By the clock that is furthest ahead, and for whom an expired job may begin yet.
        holding = {job.id for job in self.jobs() if holds_as_stored(job, KEY, self.now + SKEW_MS)}
        assert len(holding) <= 1, f"{holding} hold it"
        assert not holding & self.released, f"{holding} had let go"
        assert {job.id for job in self.jobs() if holds(job, KEY, self.now + SKEW_MS)} <= holding
        self.released |= {f"job-{number}" for number in range(1, self.count + 1) if self._is_stored(number)} - holding

    def _is_stored(self, number: int) -> bool:
        return self.table.get([job_key(f"job-{number}")]) != [None]


def _steps(job: Job, now: int) -> list[Transition | Write | None]:
    if job.terminal:
        again = None if job.state is State.SUCCEEDED else transitions.redrive(job, now, now, TIMING)
        return [again, delete("erase", job.key)]
    if job.state is State.PENDING:
        expired = None if job.started_at else transitions.expire(job, now)
        claimed = None if job.is_past_expiry(now) else transitions.claim(job, f"f{now}", now)
        return [claimed, transitions.cancel(job, now), expired, ended_by_expiry(job, now)]
    error = an_error(job)
    return [
        transitions.succeed(job, now, None),
        transitions.fail(job, error, now, TIMING, draw=0.5),
        transitions.fail(job, error, now, TIMING, draw=0.5, final=True),
        transitions.requeue(job, now, now, TIMING),
        transitions.finish_cancelled(job, now),
    ]


numbers = st.integers(0, 1000)
skews = st.sampled_from([-SKEW_MS, 0, SKEW_MS])
events = st.one_of(
    st.tuples(st.just("begin"), st.tuples(requests.map(_scoped), skews, st.sampled_from([None, 61_000, 62_000]))),
    st.tuples(st.just("write"), numbers),
    st.tuples(st.just("change"), st.tuples(numbers, numbers, skews)),
    st.tuples(st.just("wait"), st.sampled_from([1, 2000, 60_000, HOUR_MS])),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(events, max_size=40))
def test_one_job_holds_a_key_and_lets_go_once(history: list[tuple[str, Any]]) -> None:
    """Whatever was read before: the conditions of the write let one submit have the key."""
    world = History()
    for name, value in history:
        jobs = world.jobs()
        if name == "begin":
            world.begin(*value)
        elif name == "write" and world.waiting:
            world.waiting.pop(value % len(world.waiting))()
        elif name == "change" and jobs:
            world.change(jobs[value[0] % len(jobs)], *value[1:])
        elif name == "wait":
            world.now += value
        world.check()
