"""Laws of debounce over interleavings: before each call of a submit to the table, others submit, run or let time pass.

A burst is a few submits with one key. Each is the real service on a table that lets other things happen first.
"""

import json
import os
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import WriteResult
from whendue.jobs.model import Job, State
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.table.writes import Write

# A few, always the same ones, unless WHENDUE_EXAMPLES says how many times as many; and those of `make thorough`.
BURSTS: Final = 500 * max(1, int(os.environ.get("WHENDUE_EXAMPLES", "0")))
ALL: Final = 10_000
BURSTS_PER_WORLD: Final = 20
DELAY_S, MAX_WAIT_S, DEPTH, CHANCE = 5, 12, 3, 0.4


class Between:
    """A table that lets something happen before each of its transactions and reads, and says that one has read."""

    def __init__(self, table: Any, happens: Callable[[], None], has_read: Callable[[], None]) -> None:
        self._table, self._happens, self._has_read = table, happens, has_read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        self._happens()
        return self._table.apply_together(writes)  # type: ignore[no-any-return]

    def get(self, *arguments: Any, **options: Any) -> Any:
        self._happens()
        found = self._table.get(*arguments, **options)
        self._has_read()
        return found


class Burst:
    """Submits of one key, one inside the other where chance has it, in a world that is shared.

    Args:
        world: where they happen.
        draw: chance.
        works: whether workers run in between.
    """

    def __init__(self, world: World, draw: random.Random, *, works: bool) -> None:
        self.world, self.draw, self.works = world, draw, works
        self.app: App = world.build(Between(world.table, self._happens, self._has_read), world.queues)
        self.left, self.depth, self.key = draw.randint(1, 7), 0, f"key-{draw.random()}"
        # In the order in which they were carried out: one that is inside another one ends before it.
        self.accepted: list[Job] = []
        self.payloads: list[int] = []
        # When the try that was accepted began, of each; and when that of each submit that is under way did.
        self.tried: list[int] = []
        self.trying: list[int] = []

    def play(self) -> None:
        """Submit all, then let everything come to its end."""
        while self.left:
            self._submit()
            self.world.clock.advance(self.draw.choice([0, 1, 3]))
            self._work()
        for _ in range(2):
            self.world.clock.advance(MAX_WAIT_S + DELAY_S)
            self.world.work()

    def _submit(self) -> None:
        self.left -= 1
        unique = UniqueRequest(self.key, scope="pending", on_conflict="postpone", max_wait_s=MAX_WAIT_S)
        number = self.left
        request = JobRequest("ok", {"n": number}, delay_s=DELAY_S, unique=unique)
        self.trying.append(self.world.clock.now_ms())
        self.accepted.append(self.app.submit.one(TENANT, request).job)
        self.tried.append(self.trying.pop())
        self.payloads.append(number)

    def _has_read(self) -> None:
        """Note that a try begins: each one reads who was in the way of the one before."""
        if self.trying:
            self.trying[-1] = self.world.clock.now_ms()

    def _happens(self) -> None:
        if self.depth < DEPTH and self.draw.random() < CHANCE:
            self.depth += 1
            if self.left and self.draw.random() < 0.7:
                self._submit()
            else:
                self.world.clock.advance(self.draw.choice([0, 1]))
                self._work()
            self.depth -= 1

    def _work(self) -> None:
        if self.works:
            self.world.work()


def check(burst: Burst, world: World) -> None:
    """Hold a burst to its laws."""
    first, last = burst.accepted[0], burst.accepted[-1]
    jobs = [world.job(job) for job in burst.accepted]
    ran = [job for job in jobs if world.runs(job)]
    assert len({job.id for job in jobs}) == len(jobs), "each submit has a job of its own"
    assert jobs[-1].state is State.SUCCEEDED, "the last one runs"
    assert all(len(world.runs(job)) == 1 for job in ran)
    assert all(job in ran or job.cancelled_for == "replaced" for job in jobs)
    if not burst.works:
        assert ran == [jobs[-1]], "one runs"
        # A process that decides late is late by what has happened in between.
        assert last.due_at <= max(first.created_at + 1000 * MAX_WAIT_S, last.created_at)
    assert jobs[-1].payload == json.dumps({"n": burst.payloads[-1]}, separators=(",", ":"))
    for job, tried_at in zip(burst.accepted, burst.tried, strict=True):
        assert job.unique is not None
        assert job.unique.latest is not None
        in_time = max(tried_at, min(tried_at + 1000 * DELAY_S, job.unique.latest))
        assert job.due_at >= in_time, "it is due its delay after it was accepted, not after it was sent"
    for job in ran:
        assert job.unique is not None
        since = job.unique.since or job.created_at
        assert job.due_at <= max(since + 1000 * MAX_WAIT_S, job.created_at)


def play(bursts: int, *, works: bool) -> None:
    """Play bursts, each of which has an interleaving of its own, and hold them to the laws."""
    nested = 0
    for number in range(bursts // BURSTS_PER_WORLD):
        world, draw = World(), random.Random(f"{works} {number}")
        for _ in range(BURSTS_PER_WORLD):
            burst = Burst(world, draw, works=works)
            burst.play()
            check(burst, world)
            nested += len(burst.accepted) > 1
    assert nested > bursts // 2


EACH = pytest.mark.parametrize("works", [True, False], ids=["workers run in between", "no worker runs in between"])


@EACH
def test_a_burst_runs_once_with_the_last_payload(*, works: bool) -> None:
    """And a run that has begun in between is followed by another one, never lost, never twice."""
    play(BURSTS // 2, works=works)


@pytest.mark.thorough
def test_a_burst_runs_once_with_the_last_payload_under_10_000_interleavings() -> None:
    """One run of each burst, as no worker begins one in between."""
    play(ALL, works=False)
