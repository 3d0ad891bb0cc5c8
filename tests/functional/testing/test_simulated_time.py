"""whendue.testing.simulated_time: leaping from event to event does what ticking every minute does, with less work."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.builders.kit_tasks  # noqa: F401 - declares the tasks
from whendue.declarations.registry import TASKS
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import Definition
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock
from whendue.testing.memory import MINUTE_MS, MemoryWhendue, memory_settings
from whendue.testing.recording import RecordingRegistry
from whendue.testing.runs import Runs
from whendue.testing.simulated_time import ChangeCountingStore, SimulatedTime

START_MS = ManualClock().now_ms()
HOUR_MS = 3_600_000


class Counting(MemoryWhendue):
    """Services that count the timer's ticks, and note runs."""

    def __init__(self) -> None:
        clock, self.table_of_changes, self.ticks = ManualClock(), ChangeCountingStore(), 0
        self.runs = Runs(clock.now_ms)
        self.tasks = RecordingRegistry(TASKS, self.runs)
        super().__init__(memory_settings(), self.tasks, clock, table=self.table_of_changes)

    def tick(self, app: Any = None) -> Any:
        self.ticks += 1
        return super().tick(app)

    @property
    def ran(self) -> Counter[tuple[str, int, float]]:
        return Counter((run.task, run.attempt, run.at.timestamp()) for run in self.runs.every)


@dataclass(frozen=True)
class Leaper:
    """Lets time pass from event to event."""

    whendue: Counting
    time: SimulatedTime

    def pass_to(self, until_ms: int) -> None:
        self.time.advance_to(until_ms)


@dataclass(frozen=True)
class Walker:
    """Lets time pass second by second, with a tick at each full minute."""

    whendue: Counting

    def pass_to(self, until_ms: int) -> None:
        self.whendue.work()
        while self.whendue.clock.now_ms() < until_ms:
            self.whendue.clock.advance(1)
            if self.whendue.clock.now_ms() % MINUTE_MS == 0:
                self.whendue.tick()
            self.whendue.work()


def leap() -> Leaper:
    whendue = Counting()
    return Leaper(whendue, SimulatedTime(whendue, whendue.table_of_changes))


# --- the law -------------------------------------------------------------------------------------------------------

TASK_NAMES = st.sampled_from(["demo.kit.echo", "demo.kit.flaky"])
SECONDS = st.integers(min_value=0, max_value=3600)
JOB = st.tuples(st.just("job"), TASK_NAMES, SECONDS)
SCHEDULE = st.tuples(st.just("schedule"), TASK_NAMES, st.integers(min_value=1, max_value=30))
PAUSE = st.tuples(st.just("pause"), st.sampled_from(["queue", "tenant", "echo"]), st.integers(1, 3600))
RESUME = st.tuples(st.just("resume"), st.sampled_from(["queue", "tenant", "echo"]), st.just(0))
LOSE = st.tuples(st.just("lose"), st.just("normal"), st.just(0))
ACTION = st.one_of(JOB, SCHEDULE, PAUSE, RESUME, LOSE)
# Actions, and how many seconds pass before each of them.
GAP_S = st.integers(min_value=0, max_value=900)


def definition(cron: str, name: str) -> Definition:
    return Definition(Recurrence(cron=cron), JobRequest(name, {}))


def act(whendue: Counting, action: tuple[str, str, int]) -> None:
    app, (kind, name, number) = whendue.app, action
    until_ms = whendue.clock.now_ms() + number * 1000
    match kind:
        case "job":
            app.submit.one("test", JobRequest(name, {}, delay_s=number))
        case "schedule":
            app.schedules.put("test", f"every{number}", definition(f"*/{number} * * * *", name))
        case "pause" if name == "queue":
            app.pauses.pause_queue("normal", "r", "b", until_ms)
        case "pause":
            app.pauses.pause_tenant("test", None if name == "tenant" else "demo.kit.echo", "r", "b", until_ms)
        case "resume" if name == "queue":
            app.resume.queue("normal")
        case "resume":
            app.resume.tenant("test", None if name == "tenant" else "demo.kit.echo")
        case "lose":
            whendue.queues.discard(name)


@pytest.mark.thorough
@settings(max_examples=25)
@given(st.lists(st.tuples(GAP_S, ACTION), min_size=1, max_size=5))
def test_leaping_runs_what_walking_runs(actions: list[tuple[int, tuple[str, str, int]]]) -> None:
    """At the same times: with delays, retries, schedules, pauses and lost messages."""
    fast, slow = leap(), Walker(Counting())
    for side in (fast, slow):
        for seconds, action in actions:
            side.pass_to(side.whendue.clock.now_ms() + seconds * 1000)
            act(side.whendue, action)
        side.pass_to(side.whendue.clock.now_ms() + 2 * HOUR_MS)
    assert fast.whendue.ran == slow.whendue.ran
    assert fast.whendue.ticks <= slow.whendue.ticks


# --- the work ------------------------------------------------------------------------------------------------------


def test_time_in_which_nothing_happens_costs_nothing() -> None:
    """Ten years, with some ticks to see that nothing is there."""
    quiet = leap()
    quiet.pass_to(START_MS + 10 * 366 * 24 * HOUR_MS)
    assert quiet.whendue.ticks < 10


@pytest.mark.parametrize("days", [10, 100])
def test_ticks_grow_with_what_happens(days: int) -> None:
    """A job a day is some ticks a day, of 1,440 minutes."""
    daily = leap()
    act(daily.whendue, ("job", "demo.kit.echo", 3600))
    daily.whendue.app.schedules.put("test", "d", definition("30 4 * * *", "demo.kit.echo"))
    daily.pass_to(START_MS + days * 24 * HOUR_MS)
    assert len(daily.whendue.runs.every) == days + 1
    assert daily.whendue.ticks < 20 * (days + 1)


def test_a_pause_without_end_costs_little() -> None:
    """Its jobs stay where the timer looks; it looks at them less and less often."""
    paused = leap()
    paused.whendue.app.pauses.pause_queue("normal", "r", "b", None)
    act(paused.whendue, ("job", "demo.kit.echo", 0))
    act(paused.whendue, ("job", "demo.kit.echo", 3600))
    paused.pass_to(START_MS + 30 * 24 * HOUR_MS)
    assert paused.whendue.runs.every == []
    assert paused.whendue.ticks < 5000
    act(paused.whendue, ("resume", "queue", 0))
    paused.pass_to(paused.whendue.clock.now_ms() + HOUR_MS)
    assert len(paused.whendue.runs.every) == 2


def test_a_clock_that_a_task_has_moved_is_not_moved_back() -> None:
    """Time that passes in a task passes for all."""
    moved = leap()
    moved.whendue.tasks.replace("demo.kit.echo", lambda _: moved.whendue.clock.advance(7200))
    act(moved.whendue, ("job", "demo.kit.echo", 60))
    # Of a queue that workers have looked at before, when the clock moves.
    moved.whendue.app.submit.one("test", JobRequest("demo.kit.flaky", {}, delay_s=120, queue="critical"))
    moved.pass_to(START_MS + HOUR_MS)
    assert moved.whendue.clock.now_ms() >= START_MS + 7_260_000
    moved.pass_to(moved.whendue.clock.now_ms() + HOUR_MS)
    assert {task for task, _, _ in moved.whendue.ran} == {"demo.kit.echo", "demo.kit.flaky"}


def test_changes_are_counted_without_those_of_the_timers_positions() -> None:
    """Else each tick would call for a further one."""
    counted = leap()
    before = counted.whendue.table_of_changes.changes
    counted.whendue.tick()
    counted.whendue.tick()
    assert counted.whendue.table_of_changes.changes == before
    act(counted.whendue, ("job", "demo.kit.echo", 600))
    assert counted.whendue.table_of_changes.changes == before + 1
