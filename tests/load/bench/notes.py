"""What the jobs have noted: one line a run, in a file for each process (programs/tasks/note.py)."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.load.bench.programs.tasks.note import LINE_BYTES

POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job; times in ns since 1970.

    Args:
        n: the job's number.
        at_ns: when it was submitted.
        started_ns: when it began.
        ended_ns: when it ended.
        pid: its process.
    """

    n: int
    at_ns: int
    started_ns: int
    ended_ns: int
    pid: int

    @property
    def latency_ms(self) -> float:
        """From submit to start."""
        return (self.started_ns - self.at_ns) / 1e6


class Notes:
    """The notes of one deployment.

    Args:
        folder: where its processes write.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with none."""
        self.folder = folder
        folder.mkdir(parents=True)

    def count(self) -> int:
        """Count the runs that have ended."""
        return sum(path.stat().st_size for path in self.folder.iterdir()) // LINE_BYTES

    def processes(self) -> int:
        """Count the processes that have run a job."""
        return sum(1 for _ in self.folder.iterdir())

    def runs(self) -> list[Run]:
        """Read all runs, in the order in which they ended."""
        return sorted(parse(path.read_text() for path in self.folder.iterdir()), key=lambda run: run.ended_ns)

    def wait(self, count: int, timeout_s: float, also: Callable[[], bool] = lambda: True) -> bool:
        """Wait until so many runs have ended and another condition holds; return False if none ends for so long."""
        seen, until = -1, 0.0
        while (now := self.count()) < count or not also():
            if now != seen:
                seen, until = now, time.monotonic() + timeout_s
            if time.monotonic() > until:
                return False
            time.sleep(POLL_S)
        return True


def parse(texts: Iterable[str]) -> list[Run]:
    """Read the lines of files."""
    return [Run(*map(int, line.split())) for text in texts for line in text.splitlines()]
