"""The result of limits: jobs that may be claimed now, and jobs that wait."""

from dataclasses import dataclass

from whendue.engine.ports import ReceivedMessage
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job
from whendue.limits.slot_model import Slot


@dataclass(frozen=True, slots=True)
class Admitted:
    """A job that may be claimed now, in its slot if its key has slots."""

    message: ReceivedMessage
    job: Job
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A job that its limit does not let start now.

    Args:
        admitted: the job, with the slot that it has already.
        pk: the limit's key.
        wait: what it waits for.
        due_at: when it tries again, ms UTC.
        listed: whether it is in the wait queue already.
    """

    admitted: Admitted
    pk: str
    wait: Wait
    due_at: int
    listed: bool = False
