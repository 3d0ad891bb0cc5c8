"""A batch of jobs under way: woken no more often than needed, recorded together, and no longer than a second late."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.world import MINUTE_MS, World
from whendue.jobs.outcomes import Failed
from whendue.support.clock import ManualClock
from whendue.worker.batch_runner import RunningJobs
from whendue.worker.claimed_job import claimed

FOREVER_MS = 10**15


class Timed:
    """Runs calls that end after so many seconds, in order; time passes while they are waited for."""

    def __init__(self, clock: ManualClock, *lasts_s: float) -> None:
        self.waits = 0
        self._clock = clock
        self._ends_ms = [clock.now_ms() + round(1000 * lasts) for lasts in lasts_s]
        self._calls: list[tuple[int, Callable[[], Any]]] = []

    def start(self, calls: Sequence[Callable[[], Any]]) -> "Timed":
        self._calls = list(enumerate(calls))
        return self

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:
        self.waits += 1
        until_ms = min(self._ends_ms[self._calls[0][0]], self._clock.now_ms() + round(1000 * timeout_s))
        self._clock.advance((until_ms - self._clock.now_ms()) / 1000)
        over = [entry for entry in self._calls if self._ends_ms[entry[0]] <= until_ms]
        self._calls = [entry for entry in self._calls if entry not in over]
        return [(number, call()) for number, call in over]

    def interrupt(self, number: int, error: type[BaseException]) -> None:
        raise AssertionError("nothing is over its time")


def test_the_first_end_waits_for_others_for_a_second_however_many_come() -> None:
    """Recorded in two groups: a second after the first end, and at the end of the last job."""
    world = World()
    begun_ms = world.clock.now_ms()
    world.runner = Timed(world.clock, 0.4, 1.2, 2.0)
    jobs = [world.submit() for _ in range(3)]
    world.work(world.build())
    assert [(world.job(job).finished_at or 0) - begun_ms for job in jobs] == [1400, 1400, 2000]


def test_a_batch_of_which_nothing_has_ended_is_left_alone() -> None:
    """The next thing to do is a heartbeat, after a third of the lease."""
    world = World()
    world.runner = runner = Timed(world.clock, 40)
    world.submit(policy={"lease_s": 45, "timeout_s": 50})
    world.work(world.build())
    # At 15 and 30 s, at the end.
    assert runner.waits == 3


@pytest.mark.parametrize(("outcome", "kind"), [(ValueError("?"), "ValueError"), ("no outcome", "TypeError")])
def test_a_call_that_raised_or_returned_no_outcome_fails_its_attempt(outcome: object, kind: str) -> None:
    """By the name of what was raised; once, for whoever ends it first."""
    world = World()
    job = world.submit()
    [message] = world.queues.receive("normal")
    jobs = RunningJobs(world.app.runtime, FOREVER_MS)
    [number] = jobs.add([claimed(world.app.runtime, message, job, world.clock.now_ms() + MINUTE_MS)])
    ended = jobs.end(number, outcome)
    assert ended is not None
    assert isinstance(ended[1], Failed)
    assert kind in ended[1].message
    assert jobs.end(number, outcome) is None
    assert world.app.bulkhead.take()["isolated"][0]["error_type"] == kind
