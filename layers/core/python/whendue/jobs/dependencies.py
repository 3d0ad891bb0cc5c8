"""Dependencies: what a waiting job makes of its dependencies' ends. Pure.

A waiting job holds a set of unmet dependencies. An element of it is a dependency's number and the least generation that
counts: the end of an earlier generation, applied late after a redrive, is not the one that it waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from whendue.jobs.dependency_transitions import cancel_unsatisfied, release, satisfy
from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import cancel, expire
from whendue.quotas import MEMBERS_MAX
from whendue.settings import Timing

On = Literal["success", "failure", "done"]
FailurePolicy = Literal["cancel", "run", "hold"]
ONS: Final = ("success", "failure", "done")
FAILURE_POLICIES: Final = ("cancel", "run", "hold")
# Why a job was cancelled that waited.
DEPENDENCY_FAILED: Final = "dependency_failed"
DEPENDENCY_MISSING: Final = "dependency_missing"
NOT_TAKEN: Final = "branch_not_taken"
ORPHANED: Final = "workflow_ended"

Ending = Literal["succeeded", "failed", "not_taken", "missing", "orphaned"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """A job that another one waits for.

    Args:
        id: the job.
        on: which end counts: `success`, `failure` (dead, cancelled or expired), or `done` for any.
        name: what payloads call it.
    """

    id: str
    on: On = "success"
    name: str | None = None


class UpstreamEnd(NamedTuple):
    """The end of a dependency, as its dependent sees it: its number there, which end counts, which generation ended.

    `asked` is the hash of the dependent's request, as the note about it has it: a request that was refused, since its
    Idempotency-Key had been used for another one, leaves notes, too. None where only one request can have been.
    """

    number: int
    on: On
    upstream_id: str
    generation: int
    ending: Ending
    asked: str | None = None


def upstream_end(number: int, on: On, dependency: Job, asked: str | None = None) -> UpstreamEnd:
    """Describe the end of a dependency that has ended."""
    if dependency.state is State.SUCCEEDED:
        ending: Ending = "succeeded"
    else:
        ending = "not_taken" if dependency.cancelled_for == NOT_TAKEN else "failed"
    return UpstreamEnd(number, on, dependency.id, dependency.generation, ending, asked)


def missing_end(number: int, on: On, upstream_id: str, asked: str | None = None) -> UpstreamEnd:
    """Describe the end of a dependency that is not there: it never will be, or is gone with its retention."""
    return UpstreamEnd(number, on, upstream_id, 1 << 30, "missing", asked)


def orphaned_end(number: int, on: On, member_id_base: str, asked: str | None = None) -> UpstreamEnd:
    """Describe the end of a dependency that never will be: the job that was making both has ended before it had."""
    return UpstreamEnd(number, on, member_id_base, 1 << 30, "orphaned", asked)


def element(number: int, generation: int = 0) -> int:
    """Return the element that stands for a dependency's end in this generation or a later one."""
    return generation * MEMBERS_MAX + number


def upstream_numbers(unmet_dependencies: frozenset[int] | None) -> list[int]:
    """List the numbers of the dependencies that are awaited."""
    return sorted({unmet_dependency % MEMBERS_MAX for unmet_dependency in unmet_dependencies or ()})


def decide(dependent: Job, upstream_ends: Sequence[UpstreamEnd], now_ms: int, timing: Timing) -> Transition | None:
    """Choose what ends of its dependencies make of a job as read; None where they are none that it waits for.

    Args:
        dependent: the dependent.
        ends: of its dependencies; repetitions and stale ones do no harm.
        now_ms: the time.
        timing: the due-index rule's numbers.
    """
    if dependent.state is not State.WAITING:
        return None
    # A composite that waits for its members has begun.
    if dependent.started_at is None and dependent.is_past_expiry(now_ms):
        return expire(dependent, now_ms)
    arrived: set[int] = set()
    for end in upstream_ends:
        if end.asked not in (None, dependent.request_hash):
            continue
        mine = {
            unmet_dependency
            for unmet_dependency in dependent.unmet_dependencies or ()
            if unmet_dependency % MEMBERS_MAX == end.number and unmet_dependency // MEMBERS_MAX <= end.generation
        }
        verdict = _verdict(end, dependent.on_dependency_failure) if mine else "holds"
        if verdict == "arrives":
            arrived |= mine
        elif verdict != "holds":
            return cancel_unsatisfied(dependent, verdict, _MESSAGES[verdict].format(end.upstream_id), now_ms)
    if arrived != (dependent.unmet_dependencies or frozenset()):
        return satisfy(dependent, frozenset(arrived)) if arrived else None
    return cancel(dependent, now_ms) if dependent.cancel_requested else release(dependent, now_ms, timing)


def is_met(on: On, ending: Ending) -> bool:
    """Return whether an end is the awaited one."""
    if on == "done":
        return True
    return ending == "succeeded" if on == "success" else ending in ("failed", "missing")


def _verdict(end: UpstreamEnd, policy: str | None) -> str:
    """Return the effect of an end on a dependent: it `arrives`, it `holds`, or the cause to cancel for."""
    if end.ending == "orphaned":
        return ORPHANED
    if is_met(end.on, end.ending):
        return "arrives"
    if end.ending == "not_taken" or end.on == "failure":
        return NOT_TAKEN
    if policy == "run":
        return "arrives"
    # Nobody can redrive what is gone.
    if policy == "hold" and end.ending != "missing":
        return "holds"
    return DEPENDENCY_MISSING if end.ending == "missing" else DEPENDENCY_FAILED


_MESSAGES: Final = {
    DEPENDENCY_FAILED: "the job {} it depends on did not succeed",
    DEPENDENCY_MISSING: "the job {} it depends on does not exist",
    NOT_TAKEN: "the job {} it depends on ended in another way",
    ORPHANED: "the job {} ended before it had created all its jobs",
}


def upstreams_value(dependencies: Sequence[Upstream]) -> list[list[Any]]:
    """Write dependencies as JSON: the list that `parents_from` reads."""
    return [[dependency.id, dependency.on, dependency.name] for dependency in dependencies]


def upstreams_from(value: Sequence[Sequence[Any]]) -> list[Upstream]:
    """Read dependencies."""
    return [Upstream(*item) for item in value]
