"""Asking `explain` in a world, and letting the world run on: does what it said come true?"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from functions.api.http.times import read
from tests.simulation.faults import Fault, Plan
from tests.simulation.monitor import Run
from tests.simulation.scheduler import START_MS
from tests.simulation.world import Nature, World
from whendue.inspection.causes import Cause

# What a start takes that nothing keeps: SQS counts whole seconds, and a worker's first calls take their time.
PROMPT_MS: Final = 2000
TICK_MS: Final = 60_000
# Guarantee G6: what is lost heals within this.
HEALS_MS: Final = 180_000
HORIZON_MS: Final = 3 * 3_600_000


class Asked:
    """What was said of a job, and what is seen of it from then on."""

    def __init__(self, world: World, job_id: str, cause: Cause) -> None:
        """Ask."""
        self.world = world
        self.id = job_id
        self.at_ms = world.scheduler.now_ms
        explained = world.insist("GET", f"/jobs/{job_id}/explain").json
        self.shown: str = explained["state"]
        self.codes = [reason["code"] for reason in explained["reasons"]]
        assert cause in self.codes, explained
        self.reason: dict[str, Any] = explained["reasons"][self.codes.index(cause)]
        self.facts: dict[str, Any] = self.reason["facts"]

    def at(self, name: str) -> int:
        """Return a fact that is a time, ms UTC."""
        return read(self.facts[name])

    def sleep_until(self, at_ms: int) -> None:
        """Let the world run on."""
        self.world.scheduler.sleep(max(0, at_ms - self.world.scheduler.now_ms))

    def now(self) -> Collection[str]:
        """Ask again: give the codes."""
        return [reason["code"] for reason in self.world.insist("GET", f"/jobs/{self.id}/explain").json["reasons"]]

    def state(self, job_id: str = "") -> str:
        """Return a job's state as it is shown now; `gone` where there is none."""
        answer = self.world.insist("GET", f"/jobs/{job_id or self.id}")
        return str(answer.json["state"]) if answer.status == 200 else "gone"

    def runs(self, job_id: str = "") -> list[Run]:
        """List a job's executions so far."""
        return self.world.monitor.runs_of(job_id or self.id)

    def starts(self, earliest_ms: int, latest_ms: int, *, after: int = 0) -> Run:
        """Let the world run on: the next execution after so many begins within this time, and not before."""
        self.sleep_until(latest_ms)
        began = [run.began_ms - START_MS for run in self.runs()]
        assert len(began) > after, f"it has not begun by {latest_ms - START_MS}: {began}"
        assert earliest_ms - START_MS <= began[after] <= latest_ms - START_MS, began
        return self.runs()[after]

    def must_end(self, state: str, by_ms: int) -> None:
        """Let the world run on: it ends so, in this time."""
        while self.state() != state and self.world.scheduler.now_ms < by_ms:
            self.world.scheduler.sleep(1000)
        assert self.state() == state

    def never_runs(self, more_ms: int = 400_000) -> None:
        """Let the world run on: nothing begins it again."""
        before, state = len(self.runs()), self.state()
        self.world.scheduler.sleep(more_ms)
        assert (len(self.runs()), self.state()) == (before, state)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that `explain` can say.

    Args:
        cause: its code.
        shown: the state in which the job is shown then.
        before: a client's script that brings a job there; return its id.
        then: lets the world run on and checks that what was said comes true.
        nature: what the world is like.
        error: of a job that failed: its error's type, which the facts must name.
        dies_at_s: the first worker that writes after this time dies of it.
        what: tells it from others of its cause.
        known: what the script itself breaks, which the monitor is to see.
    """

    cause: Cause
    shown: str
    before: Callable[[World], str]
    then: Callable[[Asked], None]
    nature: Nature = field(default_factory=Nature)
    error: str | None = None
    dies_at_s: float | None = None
    what: str = ""
    known: str | None = None

    @property
    def name(self) -> str:
        """Name it."""
        return f"{self.cause}, {self.what}" if self.what else str(self.cause)


class _Dying(Plan):
    """Kills the process that makes the first write after a time, once the write has taken effect."""

    def __init__(self, at_ms: float) -> None:
        super().__init__()
        self._at_ms: float | None = at_ms

    def fault(self, number: int, kinds: Any, now_ms: int) -> Fault:
        if self._at_ms is None or now_ms < self._at_ms or Fault.KILL_AFTER not in kinds:
            return Fault.OK
        self._at_ms = None
        return Fault.KILL_AFTER


def played(row: Row) -> World:
    """Play a row; what is not as it was said raises."""
    world = World(row.nature, Plan() if row.dies_at_s is None else _Dying(1000 * row.dies_at_s))
    done: list[str] = []

    def script() -> None:
        asked = Asked(world, row.before(world), row.cause)
        assert asked.shown == row.shown
        assert row.error in (None, asked.facts.get("errorType"))
        row.then(asked)
        done.append(asked.id)

    world.client(1, script)
    world.run(HORIZON_MS)
    assert done, "the scenario has not come to its end"
    assert world.monitor.violations == ([row.known] if row.known else [])
    return world
