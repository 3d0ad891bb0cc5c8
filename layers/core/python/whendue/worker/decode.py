"""Decode: the jobs that a batch's messages carry; what cannot run now is left."""

from collections.abc import Sequence
from contextlib import suppress

from whendue.engine.message import UnreadableMessageError, from_body
from whendue.engine.ports import ReceivedMessage
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job
from whendue.quotas import SQS_MAX_VISIBILITY_S

# A message and the job that it carries.
Received = tuple[ReceivedMessage, Job]


def decode(runtime: Runtime, messages: Sequence[ReceivedMessage], now_ms: int) -> Stage[Received]:
    """Read messages; one that came early, is a duplicate or cannot be read is left."""
    newest: dict[str, Received] = {}
    left: list[Left] = []
    for message in messages:
        job = _read(runtime, message)
        if isinstance(job, Left):
            left.append(job)
        elif job.due_at > now_ms:
            left.append(_hidden(runtime, message, job, now_ms))
        elif job.id not in newest:
            newest[job.id] = (message, job)
        elif newest[job.id][1].generation < job.generation:
            left.append(done(newest[job.id][0], "duplicate"))
            newest[job.id] = (message, job)
        else:
            left.append(done(message, "duplicate"))
    return Stage(list(newest.values()), left)


def _read(runtime: Runtime, message: ReceivedMessage) -> Job | Left:
    """Read a message. One that nobody can stays, and SQS redrive takes it to the dead-letter queue.

    Nothing that a user sent is dropped.
    """
    try:
        return from_body(message.body)
    except UnreadableMessageError:
        return kept(message, "unreadable")
    except Exception as error:  # noqa: BLE001 - this message's alone
        runtime.bulkhead.note("decode", message.id, error)
        return kept(message, ISOLATED)


def _hidden(runtime: Runtime, message: ReceivedMessage, job: Job, now_ms: int) -> Left:
    """Hide a message that came early until its job is due (guarantee G6)."""
    wait_s = min(-(-(job.due_at - now_ms) // 1000), SQS_MAX_VISIBILITY_S)
    with suppress(UnavailableError), runtime.bulkhead.around("hold", job.id):
        runtime.queue.change_visibility(message.queue, [message.receipt], wait_s)
    return kept(message, "early")
