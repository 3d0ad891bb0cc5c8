"""What several answers share: pages, limits, backoff, and why an attempt failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from whendue.client.json_values import all_other_fields

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A page of a list. It may be short or empty although there are more pages.

    Args:
        items: What the page lists.
        cursor: Send it as `cursor` to get the next page; None at the end.
        missing: `jobs_before_upgrade` while jobs from before a table upgrade are missing, until the operator has run
            `whendue migrate`. Else None.
    """

    items: tuple[T, ...]
    cursor: str | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced(Generic[T]):
    """A value of a job's policy, and what set it.

    Args:
        value: The value.
        source: `request`, `profile`, `task` or `default`.
    """

    value: T
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before a retry: `base_seconds` x `factor`^n for the n-th retry (from 0), at most `cap_seconds`.

    Args:
        base_seconds: Seconds before the first retry. Default: the profile's, else the task's, else 5.
        factor: Each wait is this many times as long as the one before. Default: the profile's, else the task's, else 2.
        cap_seconds: Longest wait between two attempts, in seconds. Default: the profile's, else the task's, else 3600.
        jitter: `full` waits a random time between 0 and the computed wait, `none` waits all of it. Default: the
            profile's, else the task's, else `full`.
    """

    base_seconds: float | None = None
    factor: float | None = None
    cap_seconds: float | None = None
    jitter: Literal["full", "none"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUnique:
    """The unique key that a job was submitted with.

    Args:
        key_id: Id of the key: jobs with the same key have the same one.
        scope: How long a job holds it: `pending`, `running`, `until_success` or `for_seconds`.
        held: Whether the job holds it now.
        held_until: When it does not hold it any more, whatever its state.
        replaced_id: Id of the job that this one replaced; None: none.
        first_submitted_at: When the first of the jobs was submitted that were postponed; None: this is it.
        latest_due_at: Up to when later requests may postpone it; None: they were not said to.
    """

    key_id: str
    scope: str
    held: bool
    held_until: datetime
    replaced_id: str | None = None
    first_submitted_at: datetime | None = None
    latest_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Concurrency and rate limits of a job or a profile.

    Args:
        concurrency: Maximum number of jobs that run concurrently; None: no limit.
        rate_per_second: Maximum number of jobs that start per second; None: no limit.
        key: Jobs with the same key share the limits.
    """

    concurrency: int | None = None
    rate_per_second: float | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed.

    Args:
        type: Type of the error, such as `ConnectionError`.
        message: Message of the error, shortened.
        where: Innermost place in the task's own code, else in any code: `module:function:line`.
        fingerprint: The same for errors of the same kind; dead letters are grouped by it.
    """

    type: str
    message: str
    where: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """An error that another one was raised from, or while it was handled.

    Args:
        type: Type of the error.
        message: Message of the error, shortened.
        where: Innermost place in the task's own code: `module:function:line`.
    """

    type: str
    message: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure(Failure):
    """Why an attempt failed, with the calls that led there.

    Args:
        stack: Calls that led to the error, outermost first: `module:function:line`. `(12 frames)` stands for those in
            the middle of a long one. Empty if no code raised it, as with a timeout.
        causes: What it was raised from, the nearest first. Of a long chain the first ones and the last.
    """

    stack: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to run a job.

    Args:
        attempt: Number of the attempt, counted from 1.
        state: `failed`, `running` or `succeeded`.
        started_at: When it started.
        ended_at: When it ended; None while it runs.
        error: Why it failed; None if it did not.
    """

    attempt: int
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    error: AttemptFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a log.

    Args:
        at: When it was logged.
        level: `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`, or a name of the task's own.
        logger: Name of the logger; `whendue.task` for `ctx.log`.
        message: The message, at most 2048 bytes; with an exception, its type, message and calls.
    """

    at: datetime
    level: str
    logger: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLog:
    """What one attempt has logged. An attempt that began again, as its worker was lost, may be there twice.

    Args:
        attempt: Number of the attempt, counted from 1.
        started_at: When it started.
        ended_at: When it ended.
        lines: Its first 50 and its last 150 lines, oldest first, as far as they have 16384 bytes together.
        dropped: Number of lines that were not kept.
        dropped_after: Number of lines in `lines` that are older than those that were not kept; None if all were kept.
    """

    attempt: int
    started_at: datetime | None
    ended_at: datetime
    lines: tuple[LogLine, ...]
    dropped: int
    dropped_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPlace:
    """A place in a request, and what is wrong with it.

    Args:
        where: The place, as in `body.tags.a`.
        problem: What is wrong.
    """

    where: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request, or a job of many, was refused (RFC 9457).

    Args:
        status: HTTP status.
        code: Stable name of the problem, as in docs/reference/api.md.
        detail: What is wrong, for people.
        title: Words of the status.
        type: URI of the problem.
        errors: The places, if they can be named.
        members: All other members of the problem.
    """

    status: int
    code: str
    detail: str = ""
    title: str = ""
    type: str = "about:blank"
    errors: tuple[ProblemPlace, ...] = ()
    members: Mapping[str, Any] = all_other_fields()
