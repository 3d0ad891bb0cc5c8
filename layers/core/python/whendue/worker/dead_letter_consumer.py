"""The net under SQS redrive: a message given up on becomes a dead job with its cause, or is sent again."""

from collections.abc import Sequence

from whendue.engine.apply import send
from whendue.engine.commit import commit
from whendue.engine.message import UnreadableMessageError, from_body
from whendue.engine.ports import BatchResult, ReceivedMessage, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, batch_result, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.rescue_policy import ended_by_expiry, ended_by_loss
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import mark_dead

CAUSE = "dead_letter"
MESSAGE = "its message was received too often without an end"
# Outcomes of messages that stay.
KEPT = ("unreadable", "unavailable", ISOLATED)


class DeadLetterConsumer:
    """Handles messages of the dead-letter queue."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def handle(self, messages: Sequence[ReceivedMessage]) -> BatchResult:
        """Settle messages, each for itself; those that stay `unsettled` are delivered again."""
        return batch_result([self._left(message) for message in messages])

    def _left(self, message: ReceivedMessage) -> Left:
        """Settle a message; one whose handling fails stays, for people to look at."""
        outcome = ISOLATED
        with self._runtime.bulkhead.around("dead_letter", message.id):
            outcome = self._handle(message)
        return kept(message, outcome) if outcome in KEPT else done(message, outcome)

    def _handle(self, message: ReceivedMessage) -> str:
        try:
            return self._settle(from_body(message.body))
        except UnreadableMessageError:
            # Kept for people to look at, until the queue's retention ends.
            return "unreadable"
        except UnavailableError:
            return "unavailable"

    def _settle(self, carried: Job) -> str:
        now_ms = self._runtime.clock.now_ms()
        [item] = self._runtime.store.get([carried.key])
        job = from_item(item) if item else None
        if job is None or job.terminal or job.generation != carried.generation:
            return "stale"
        if now_ms < job.due_at:
            return "sent_again" if send(self._runtime.queue, [job], now_ms) == [True] else "unavailable"
        # Refused while someone runs it: if they die, the job's next check finds it.
        end = ended_by_expiry(job, now_ms) or ended_by_loss(job, now_ms)
        return self._end(end or mark_dead(job, CAUSE, MESSAGE, now_ms), now_ms)

    def _end(self, end: Transition, now_ms: int) -> str:
        [outcome] = commit(self._runtime, [end], now_ms)
        if outcome.status is WriteStatus.INVALID:
            return ISOLATED
        if outcome.status is WriteStatus.UNAVAILABLE:
            return "unavailable"
        return end.job.state.value if outcome.done else "changed"
