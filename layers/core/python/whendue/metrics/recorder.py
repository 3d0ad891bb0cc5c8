"""What this process has counted and not yet handed on; kept out of everything that must be right."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from whendue.engine.ports import WriteResult
from whendue.jobs.transition import Transition
from whendue.metrics.consumption import Consumption
from whendue.metrics.model import (
    BULK,
    RESCUED,
    TIMER,
    UNIQUE,
    Counts,
    counted,
    counted_as_bulk,
    series_of,
)

Taken = dict[str, Counts]


class MetricsRecorder:
    """Counts by series. A process has one of these; workers' threads share it."""

    def __init__(self, consumption: Consumption | None = None) -> None:
        """Start with nothing counted; `consumption` gets to know for which jobs the process works."""
        self.consumption = consumption or Consumption()
        self._lock = threading.Lock()
        self._counts: Taken = {}

    def note(self, done: Iterable[tuple[Transition, WriteResult]]) -> None:
        """Count the transitions that hold; not a job that was there already (its insert was only repeated)."""
        for step, outcome in done:
            if outcome.done and not (step.inserts and outcome.current):
                counts = counted(step)
                self._add(series_of(step.job.queue, step.job.type), counts)
                self.consumption.note(step, counts)
                if bulk := counted_as_bulk(step):
                    self._add(BULK, bulk)

    def answered(self, answer: str) -> None:
        """Count a submit that met the holder of its unique key: `returned`, `rejected`, `replaced` or `postponed`."""
        self._add(UNIQUE, Counts(Counter({answer: 1})))

    def tick(self, *, planned: int, promoted: int, rescued: Mapping[str, int]) -> None:
        """Count a tick of the timer, and what it did."""
        numbers = Counter({"ticks": 1, "planned": planned, "promoted": promoted})
        self._add(TIMER, Counts(numbers + Counter({f"{RESCUED}{what}": n for what, n in rescued.items()})))

    def take(self) -> Taken:
        """Return what was counted since the last call."""
        with self._lock:
            taken, self._counts = self._counts, {}
        return taken

    def _add(self, series: str, counts: Counts) -> None:
        if counts.numbers:
            with self._lock:
                self._counts.setdefault(series, Counts()).add(counts)
