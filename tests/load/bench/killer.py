"""The third condition: half way through, every worker is killed with SIGKILL, and started again."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.load.bench.systems.base import Deployment

# Long enough that jobs run while their worker dies, short enough for thousands.
JOB_S = 0.01
VISIBILITY_S = 10
# Three times what a visibility timeout takes; what has not come by then is lost, or as good as.
SILENT_S = 90.0
BULK = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the jobs.

    Args:
        lost: jobs that never ran to their end.
        duplicated: further runs to the end of jobs that had one.
        recovered_s: from the kill to the last job that ran for the first time; None if some are lost.
    """

    lost: int
    duplicated: int
    recovered_s: float | None


def kill_half_way(deployment: Deployment, jobs: int) -> Outcome:
    """Kill the workers when half of the jobs have run."""
    deployment.producer.submit(jobs, bulk=BULK, sleep_s=JOB_S)
    deployment.start()
    if not deployment.notes.wait(jobs // 2, SILENT_S):
        raise RuntimeError("half of the jobs did not run")
    deployment.kill()
    killed_ns = time.time_ns()
    deployment.start()
    runs = deployment.notes.runs
    _await(lambda: len({run.n for run in runs()}), jobs)
    # What comes again comes after its visibility timeout.
    time.sleep(VISIBILITY_S)
    deployment.stop()
    return outcome(((run.n, run.ended_ns) for run in runs()), jobs, killed_ns)


def outcome(runs: Iterable[tuple[int, int]], jobs: int, killed_ns: int) -> Outcome:
    """Compare runs with jobs.

    Args:
        runs: number and end (ns) of each, in order.
        jobs: how many were submitted.
        killed_ns: when the workers were killed.
    """
    first: dict[int, int] = {}
    count = Counter[int]()
    for n, ended_ns in runs:
        first.setdefault(n, ended_ns)
        count[n] += 1
    lost = jobs - len(first)
    return Outcome(
        lost=lost,
        duplicated=count.total() - len(first),
        recovered_s=None if lost else max(0.0, (max(first.values()) - killed_ns) / 1e9),
    )


def _await(count: Callable[[], int], wanted: int) -> None:
    """Wait until a count is reached, or has stood still for long."""
    seen, until = -1, 0.0
    while (now := count()) < wanted:
        if now != seen:
            seen, until = now, time.monotonic() + SILENT_S
        if time.monotonic() > until:
            return
        time.sleep(0.1)
