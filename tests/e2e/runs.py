"""What the task `e2e.noted` has written down: when its runs began and ended."""

from collections import defaultdict
from pathlib import Path


def begins(path: Path) -> int:
    """Count the runs that have begun."""
    return sum(line.startswith("begin") for line in path.read_text().splitlines()) if path.exists() else 0


def runs_of(path: Path) -> list[tuple[float, float]]:
    """Read a job's runs: from when to when."""
    noted: defaultdict[str, list[float]] = defaultdict(list)
    for line in path.read_text().splitlines():
        _, _, fence, at = line.split()
        noted[fence].append(float(at))
    return sorted((begin, end) for begin, end in noted.values())
