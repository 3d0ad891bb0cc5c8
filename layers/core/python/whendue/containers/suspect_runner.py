"""Runs suspects beside all other jobs: in processes of their own, so that they take no neighbour with them."""

from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from whendue.bootstrap.application import App
from whendue.engine.stage import Left, done, kept
from whendue.worker.batch_runner import LOOK_MS, DrainAt
from whendue.worker.claimed_job import Received
from whendue.worker.job_stream import NEVER_MS
from whendue.worker.suspects import KillerTypes


class SuspectRunner:
    """Takes suspects from other threads; one thread runs them.

    Args:
        app: whose jobs.
        killers: remembers those that kill their process.
        drain_at: as in `BatchProcessor.handle`.
    """

    def __init__(self, app: App, killers: KillerTypes, drain_at: DrainAt) -> None:
        """Begin with none."""
        self._app = app
        self._drain_at = drain_at
        self._new: SimpleQueue[Sequence[Received]] = SimpleQueue()
        self._apart = app.suspects(killers, NEVER_MS, drain_at)

    @property
    def busy(self) -> bool:
        """Whether any runs or waits."""
        return not self._new.empty() or bool(self._apart and self._apart.busy)

    def add(self, suspects: Sequence[Received]) -> None:
        """Hand in suspects, the least suspicious first."""
        if suspects:
            self._new.put(suspects)

    def step(self) -> list[Left]:
        """Start those that are new, look after those under way; return the messages that are left."""
        if self._apart is None:
            return self._one_at_a_time()
        with suppress(Empty):
            self._apart.begin(self._new.get(timeout=0.001 if self._apart.busy else LOOK_MS / 1000))
        return self._apart.step() if self._apart.busy else self._apart.take_left()

    def _one_at_a_time(self) -> list[Left]:
        """Run suspects in this process, where no other one can be started."""
        left: list[Left] = []
        with suppress(Empty):
            for message, _ in self._new.get(timeout=LOOK_MS / 1000):
                result = self._app.work.handle([message], NEVER_MS, self._drain_at)
                left += [done(message, outcome) for outcome in result.counts.elements()]
                left += [kept(message)] if result.unsettled else [done(message)]
        return left
