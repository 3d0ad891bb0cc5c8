"""The SQS message of a job: all that a worker needs, so that a claim reads nothing back."""

import json
from typing import Any

from whendue.aws_quotas import SQS_MAX_DELAY_S
from whendue.errors import WhendueError
from whendue.jobs.model import Job, from_item, to_item

VERSION = 1


class UnreadableMessageError(WhendueError):
    """The message is not one of ours."""

    code = "unreadable_message"


def to_body(job: Job) -> str:
    """Write the job as a message body (JSON, under 4 KB)."""
    return json.dumps({"v": VERSION, "job": to_item(job)}, separators=(",", ":"))


def delay_s(due_at: int, now_ms: int) -> int:
    """Return the DelaySeconds with which a message arrives at its due time, never before."""
    return min(max(0, -(-(due_at - now_ms) // 1000)), SQS_MAX_DELAY_S)


def from_body(body: str) -> Job:
    """Read a job from a message body.

    Raises:
        UnreadableMessageError: the body is not JSON, of another version, or lacks a field.
    """
    try:
        message: Any = json.loads(body)
        job = from_item(message["job"]) if message["v"] == VERSION else None
    except Exception as error:  # whatever stands there: any process that may write to the queue may have written it
        raise UnreadableMessageError from error
    if job is None:
        raise UnreadableMessageError(f"the message's version is not {VERSION}")
    return job
