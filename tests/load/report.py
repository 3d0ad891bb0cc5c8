"""The report of a run: numbers from what was sent and from what the jobs themselves say."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tests.load.drain import Ends, Job
from tests.load.notes import Note

PERCENTS = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Report:
    """A run in numbers. A value that could not be measured is None, shown as "unknown".

    Args:
        scenario: what was run.
        users: how many submitted side by side.
        requests: how many were sent, cancels among them.
        refused: jobs and requests that were answered with an error, or not at all.
        error_rate: `refused` as a part of all jobs and cancels that were sent.
        submitted: jobs that were accepted.
        succeeded: jobs that ended so.
        dead: jobs that ended so; some scenarios have jobs that must.
        cancelled: jobs that ended so.
        left: what was last seen of the others, counted.
        submitted_per_s: accepted jobs a second, from the first request to the last answer.
        finished_per_s: ended jobs a second, from the first submit to the last end.
        submit_ms: percentiles of how long a submit took.
        lateness_s: percentiles of how long after its due time a job's latest attempt began.
        early: attempts that began before their due time.
        aws_calls_per_job: calls of DynamoDB, SQS and S3.
        aws_calls: the same by name, in all.
    """

    scenario: str
    users: int
    requests: int
    refused: int
    error_rate: float
    submitted: int
    succeeded: int
    dead: int
    cancelled: int
    left: dict[str, int]
    submitted_per_s: float | None
    finished_per_s: float | None
    submit_ms: dict[str, float] | None
    lateness_s: dict[str, float] | None
    early: int
    aws_calls_per_job: float | None
    aws_calls: dict[str, int] | None

    @property
    def adds_up(self) -> bool:
        """Return whether there were jobs and each of them came to an end."""
        return 0 < self.submitted == self.succeeded + self.dead + self.cancelled


def make(scenario: str, users: int, notes: Sequence[Note], drained: Ends, calls: Counter[str] | None) -> Report:
    """Make a report.

    Args:
        scenario: its name.
        users: how many there were.
        notes: of every request.
        ends: of the jobs.
        calls: AWS calls by name, None if unknown.
    """
    submitted = sum(len(note["ids"]) for note in notes)
    # A batch counts by its jobs, so that a hundred refused ones are not one error.
    wanted = sum(note["jobs"] or 1 for note in notes)
    refused = sum(_refused(note) for note in notes)
    states = drained.states()
    late = [late_s for job in drained.jobs if (late_s := lateness_s(job)) is not None]
    return Report(
        scenario=scenario,
        users=users,
        requests=len(notes),
        refused=refused,
        error_rate=round(refused / wanted, 4) if wanted else 0.0,
        submitted=submitted,
        succeeded=states["succeeded"],
        dead=states["dead"],
        cancelled=states["cancelled"],
        left=dict(Counter(job["state"] if job else "not found" for job in drained.left.values())),
        submitted_per_s=_submitted_per_s(notes, submitted),
        finished_per_s=_finished_per_s(drained.jobs),
        submit_ms=percentiles([note["ms"] for note in notes if note["ids"]]),
        lateness_s=percentiles(late),
        early=sum(late_s < 0 for late_s in late),
        aws_calls_per_job=round(calls.total() / submitted, 2) if calls and submitted else None,
        aws_calls=dict(calls.most_common()) if calls else None,
    )


def _refused(note: Note) -> int:
    """Count what a request asked for in vain: jobs, or a cancel."""
    accepted = len(note["ids"]) if note["jobs"] else int(200 <= note["status"] < 300)
    return (note["jobs"] or 1) - accepted


def percentiles(values: Sequence[float]) -> dict[str, float] | None:
    """Return values that so many percent do not exceed (nearest rank); None if there are no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return {f"p{percent}": round(ordered[math.ceil(percent / 100 * len(ordered)) - 1], 3) for percent in PERCENTS}


def lateness_s(job: Job) -> float | None:
    """Say how long after its due time a job's latest attempt began; None if none did."""
    return _time_s(job["startedAt"]) - _time_s(job["dueAt"]) if job["startedAt"] else None


def _submitted_per_s(notes: Sequence[Note], submitted: int) -> float | None:
    if not notes:
        return None
    took_s = max(note["at_s"] + note["ms"] / 1000 for note in notes) - min(note["at_s"] for note in notes)
    return round(submitted / took_s, 1)


def _finished_per_s(jobs: Sequence[Job]) -> float | None:
    if not jobs:
        return None
    took_s = max(_time_s(job["finishedAt"]) for job in jobs) - min(_time_s(job["createdAt"]) for job in jobs)
    return round(len(jobs) / took_s, 1) if took_s > 0 else None


def _time_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for machines."""
    return asdict(report) | {"adds_up": report.adds_up}


def as_text(report: Report) -> str:
    """Return the report for people."""
    drained = f"{report.succeeded} succeeded + {report.dead} dead + {report.cancelled} cancelled"
    left = ", ".join(f"{count} {state}" for state, count in report.left.items())
    rows = {
        "scenario": f"{report.scenario}, {report.users} users, {report.requests} requests",
        "jobs": f"{report.submitted} submitted = {drained}"
        if report.adds_up
        else f"{report.submitted} submitted, {drained}",
        "not ended": left or "none",
        "throughput": f"{_shown(report.submitted_per_s)} submitted/s, {_shown(report.finished_per_s)} finished/s",
        "submit took": _shown(report.submit_ms, " ms"),
        "late by": f"{_shown(report.lateness_s, ' s')}; {report.early} early",
        "errors": f"{report.refused} ({report.error_rate:.2%})",
        "AWS calls per job": f"{_shown(report.aws_calls_per_job)} {_shown(report.aws_calls)}",
    }
    return "\n".join(f"{name:18} {value}" for name, value in rows.items())


def _shown(value: float | dict[str, Any] | None, unit: str = "") -> str:
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}{unit}" for name, number in value.items())
    return str(value)
