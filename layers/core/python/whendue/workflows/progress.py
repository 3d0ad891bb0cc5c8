"""How a workflow stands: counts by state, the chain of nodes that decides its end, and all that a drawing needs. Pure.

Jobs are given by the numbers of their nodes: None for one that is not there, since it was not made yet or is gone.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from whendue.jobs.members import was_not_taken
from whendue.jobs.model import Job, shown_state
from whendue.workflows.graph import Graph

# States of nodes in addition to those of jobs: the job is yet to be made; it was not to run; it is no longer kept.
PLANNED: Final = "planned"
NOT_TAKEN: Final = "not_taken"
GONE: Final = "gone"

Jobs = Mapping[int, Job | None]


def node_state(job: Job | None, now_ms: int, *, made: bool) -> str:
    """Name the state of a node.

    Args:
        job: its job.
        now_ms: the time.
        made: whether the workflow has made its jobs.
    """
    if job is None:
        return GONE if made else PLANNED
    return NOT_TAKEN if was_not_taken(job) else shown_state(job, now_ms)


def progress(graph: Graph, jobs: Jobs, now_ms: int, *, made: bool) -> dict[str, int]:
    """Count nodes by state; states without any are left out."""
    return dict(Counter(node_state(jobs.get(number), now_ms, made=made) for number in range(len(graph.nodes))))


def critical_path(graph: Graph, jobs: Jobs) -> list[int]:
    """Return the chain of nodes that decides when the workflow ends: the last to end, the dependency it waited for, ...

    Of nodes that have not ended the one with the most nodes before it that have not ended either is taken for the last,
    then the one whose latest known time is the latest. Nodes that were not taken decide nothing but for who hangs on
    them.
    """
    keys: list[tuple[int, int]] = []
    before: list[int | None] = []
    for number, node in enumerate(graph.nodes):
        dependencies = [link.node for link in node.dependencies]
        last = max(dependencies, key=lambda dependency: (keys[dependency], dependency), default=None)
        before.append(last)
        keys.append(_lateness(jobs.get(number), (0, 0) if last is None else keys[last]))
    taken = [number for number in range(len(keys)) if (job := jobs.get(number)) is None or not was_not_taken(job)]
    path: list[int] = []
    step: int | None = max(taken or range(len(keys)), key=lambda number: (keys[number], number))
    while step is not None:
        path.append(step)
        step = before[step]
    return path[::-1]


def _lateness(job: Job | None, dependency: tuple[int, int]) -> tuple[int, int]:
    """Order nodes by their ends: how many of the longest chain up to here have not ended, and the latest time known."""
    left, known_ms = dependency
    if job is not None and job.terminal:
        return 0, job.finished_at or known_ms
    started_ms = (job.started_at if job else None) or 0
    return left + 1, max(known_ms, started_ms)
