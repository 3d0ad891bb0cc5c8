"""Parts: the jobs that a job has made and waits for (nodes of a workflow, items of a forEach)."""

from collections.abc import Mapping, Sequence

from whendue.jobs.dependencies import NOT_TAKEN, element
from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import redrive
from whendue.settings import Timing


def was_not_taken(job: Job) -> bool:
    """Return whether a job was cancelled since a dependency's end took another branch."""
    return job.cancelled_for == NOT_TAKEN


def resets(
    members: Mapping[int, Job],
    dependencies: Mapping[int, Sequence[int]],
    parent_redrive: int,
    now_ms: int,
    timing: Timing,
) -> dict[int, Transition]:
    """Choose how members begin again when the job that created them is redriven: what failed, and what hung on it.

    A member waits for ends of the generation that its dependencies have once they are reset. If the process dies
    half way, another one resets the rest.

    Args:
        members: what is there, by number, dependencies before dependents.
        dependencies: the numbers of each member's dependencies, in the order in which it knows them.
        parent_redrive: which redrive of the composite it is, from 1.
        now_ms: the time.
        timing: the due-index rule's numbers.
    """
    steps: dict[int, Transition] = {}
    for number, member in members.items():
        mine = dependencies.get(number, ())
        begun = (member.parent_redrive or 0) >= parent_redrive
        failed = member.terminal and member.state is not State.SUCCEEDED and not was_not_taken(member)
        if begun or not (failed or (was_not_taken(member) and any(dependency in steps for dependency in mine))):
            continue
        after = {
            dependency: steps[dependency].job if dependency in steps else members[dependency] for dependency in mine
        }
        unmet_dependencies = frozenset(
            element(number, after[dependency].generation) for number, dependency in enumerate(mine)
        )
        steps[number] = redrive(
            member, now_ms, now_ms, timing, unmet_dependencies=unmet_dependencies, parent_redrive=parent_redrive
        )
    return steps
