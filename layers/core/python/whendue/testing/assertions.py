"""What assertions about jobs and runs compare, and what they say when they fail: pure functions."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from whendue.testing.job_record import JobRecord
from whendue.testing.runs import Run, errors_text

# Jobs or runs that a message lists, the newest ones, and characters of each payload.
LISTED: Final = 20
PAYLOAD_CHARACTERS: Final = 200


def contains(actual: Any, expected: Any) -> bool:
    """Return whether a JSON value has all that is expected: of objects, other members may be there, too."""
    if isinstance(expected, Mapping):
        return isinstance(actual, Mapping) and all(
            name in actual and contains(actual[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        is_as_long = isinstance(actual, list) and len(actual) == len(expected)
        return is_as_long and all(map(contains, actual, expected))
    # 1 is no truth value in JSON.
    return isinstance(actual, bool) == isinstance(expected, bool) and bool(actual == expected)


def matching_jobs(
    jobs: Sequence[JobRecord], task: str, payload: Any, in_s: float | None, at: datetime | None
) -> list[JobRecord]:
    """Return the jobs of a task that have this payload or more, and this due time; None stands for any.

    Args:
        jobs: those to look at.
        task: the task's name.
        payload: a JSON value.
        in_s: the time from the submit until it was due, seconds.
        at: when it is due.
    """
    return [
        job
        for job in jobs
        if job.task == task
        and (payload is None or contains(job.payload, payload))
        and (in_s is None or (job.due_at - job.created_at).total_seconds() == in_s)
        and (at is None or job.due_at == at)
    ]


def matching_runs(runs: Sequence[Run], task: str, payload: Any, attempt: int | None) -> list[Run]:
    """Return the runs of a task that had this payload or more, and this number of the attempt; None stands for any."""
    return [
        run
        for run in runs
        if run.task == task
        and (payload is None or contains(run.payload, payload))
        and (attempt is None or run.attempt == attempt)
    ]


def is_expected(count: int, times: int | None) -> bool:
    """Return whether there are as many as expected; None is at least one."""
    return count > 0 if times is None else count == times


def submitted_text(expected: str, found: int, jobs: Sequence[JobRecord]) -> str:
    """Say that other jobs were submitted than expected."""
    lines = [f"{job.task} {_short(job.payload)} due {job.due_at.isoformat()}, {job.state}" for job in jobs]
    return _text(expected, found, "submitted", lines)


def ran_text(expected: str, found: int, runs: Sequence[Run]) -> str:
    """Say that other attempts were made than expected, and how some of them failed."""
    lines = [f"{run.task} {_short(run.payload)} attempt {run.attempt} at {run.at.isoformat()}" for run in runs]
    return "\n\n".join(filter(None, [_text(expected, found, "made", lines), errors_text([*_failed(runs)])]))


def expectation(
    kind: str, task: str, payload: Any, times: int | None, conditions: Mapping[str, datetime | float | None]
) -> str:
    """Return what is expected, in words.

    Args:
        kind: of what, as in `job`.
        task: the task's name.
        payload: a part of the payload; None for any.
        times: how many; None for at least one.
        conditions: what else is expected, by name; None for anything.
    """
    count = "at least 1" if times is None else str(times)
    parts = [f"payload {_short(payload)}"] if payload is not None else []
    parts += [f"{name} {value}" for name, value in conditions.items() if value is not None]
    noun = kind if times in (None, 1) else f"{kind}s"
    return f"expected {count} {noun} of {task}" + (f" with {', '.join(parts)}" if parts else "")


def unfinished_text(most_s: float, jobs: Sequence[JobRecord], runs: Sequence[Run]) -> str:
    """Say that jobs have not ended within a time, seconds."""
    live = [job for job in jobs if job.state not in ("succeeded", "dead", "cancelled", "expired")]
    lines = [f"{job.task} {_short(job.payload)} {job.state}, due {job.due_at.isoformat()}, id {job.id}" for job in live]
    listed = "\n".join(_listed(lines)) or "  (what is left is work of whendue itself, as deliveries)"
    parts = [f"not all jobs have ended within {most_s:g} s:\n{listed}", errors_text([*_failed(runs)])]
    return "\n\n".join(filter(None, parts))


def _failed(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.error is not None]


def _text(expected: str, found: int, verb: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{expected}, found {found}; {len(lines)} {verb}:", *_listed(lines)])


def _listed(lines: Sequence[str]) -> list[str]:
    left_out = [f"  ({len(lines) - LISTED} earlier)"] if len(lines) > LISTED else []
    return [*left_out, *(f"  {line}" for line in lines[-LISTED:])]


def _short(payload: Any) -> str:
    text = json.dumps(payload, ensure_ascii=False)
    return text if len(text) <= PAYLOAD_CHARACTERS else f"{text[:PAYLOAD_CHARACTERS]}…"
