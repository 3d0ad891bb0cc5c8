"""Jobs of fires that may have a unique key: any number of processes decide about a fire, and agree.

A fire's job has an id of its own, so what is written there first decides: the job, or the note that another job held
its key (`unique_policy.stand_in`).
"""

from collections.abc import Sequence

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, WhendueError
from whendue.jobs.lifetime import STANDS_FOR
from whendue.jobs.transition import Transition
from whendue.submission.request import UniqueRequest

# A job, and the unique key that it asks for, if it does.
Wanted = tuple[Transition, UniqueRequest | None]


def commit_fires(runtime: Runtime, wanted: Sequence[Wanted], now_ms: int) -> list[WriteResult]:
    """Write the jobs of fires as `commit` does, those with unique keys one by one; one result each, in order.

    The result of a job that is not made because another one holds its key is `is_held`.
    """
    plain = [step for step, asked in wanted if asked is None or step.job.unique is None]
    written = iter(commit(runtime, plain, now_ms) if plain else [])
    return [
        next(written) if asked is None or step.job.unique is None else _unique(runtime, step, asked)
        for step, asked in wanted
    ]


def is_held(result: WriteResult) -> bool:
    """Return whether a fire makes no job because another one holds its unique key."""
    return result.current is not None and STANDS_FOR in result.current


def _unique(runtime: Runtime, step: Transition, asked: UniqueRequest) -> WriteResult:
    """Write one job; an error is its own, and keeps no other fire from its job."""
    from whendue.submission.unique_jobs import Accepted, UniqueJobs  # noqa: PLC0415 - few schedules have a key

    unique = step.job.unique
    if unique is None:
        return WriteResult(WriteStatus.INVALID)
    try:
        result = UniqueJobs(runtime).submit(step, unique, asked)
    except UnavailableError:
        return WriteResult(WriteStatus.UNAVAILABLE)
    except WhendueError as error:
        # The holder cannot be read: the fire is skipped, and the next one tries again.
        runtime.bulkhead.note("unique_fire", step.job.id, error)
        return WriteResult(WriteStatus.REFUSED, {STANDS_FOR: ""})
    if not isinstance(result, Accepted):
        return result
    if result.created:
        return WriteResult(WriteStatus.DONE)
    return WriteResult(WriteStatus.REFUSED, {STANDS_FOR: result.job.id})
