"""What becomes of a batch at its limits: who may be claimed, who is put off, whose message must stay."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from whendue.engine.ports import ReceivedMessage
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job
from whendue.limits.slot_model import Slot

# What is counted where an error of one item ended its handling; its message comes again.
ISOLATED: Final = "isolated"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A job that may be claimed now, in its slot if its key has slots."""

    delivery: ReceivedMessage
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
        listed: it stands in the line already.
    """

    admitted: Admitted
    pk: str
    wait: Wait
    due_at: int
    listed: bool = False


@dataclass(slots=True)
class Admission:
    """What became of a batch at its limits.

    Args:
        admitted: may be claimed.
        unsettled: messages that must stay: nobody knows.
        counts: outcome -> number of messages that are done with.
    """

    admitted: list[Admitted] = field(default_factory=list)
    unsettled: list[ReceivedMessage] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, part: "Admission") -> None:
        """Add what became of a part of the batch."""
        self.admitted += part.admitted
        self.unsettled += part.unsettled
        self.counts += part.counts
