"""JobQueue in memory: delay, visibility, receive counts, fairness and redrive as SQS has them."""

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from whendue.aws_quotas import SQS_MAX_BATCH, SQS_MAX_DELAY_S, SQS_MAX_VISIBILITY_S
from whendue.engine.ports import Depth, Outgoing, ReceivedMessage
from whendue.support.clock import Clock

DEAD_LETTER = "dead_letter"
# A group with at least this many messages in flight, and over this part of all, is a noisy neighbour.
NOISY_MESSAGES = 30
NOISY_SHARE = 0.1


@dataclass(slots=True)
class Message:
    """A message in a queue.

    Args:
        visible_at: when it can be received again, milliseconds since 1970.
        group: the group among which a fair queue is fair; empty for none.
        receives: how often it was received.
        receipt: of its last receive.
    """

    id: str
    body: str
    visible_at: int
    group: str = ""
    receives: int = 0
    receipt: str = ""


@dataclass(slots=True)
class MemoryQueue:
    """Queues by name.

    Args:
        clock: the clock that delays and visibility follow, and the ids.
        visibility_s: how long a received message is hidden.
        max_receive_count: receives after which a message goes to the queue `dead_letter`.
    """

    clock: Clock
    visibility_s: int = 360
    max_receive_count: int = 10
    _queues: defaultdict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def messages(self) -> defaultdict[str, list[Message]]:
        """All messages by queue, hidden ones included: a test may change them here."""
        return self._queues

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        """Send messages."""
        if any(not 0 <= message.delay_s <= SQS_MAX_DELAY_S for message in messages):
            raise ValueError(f"a delay is 0 to {SQS_MAX_DELAY_S} s")
        now_ms = self.clock.now_ms()
        with self._lock:
            self._queues[queue] += [
                Message(self.clock.new_id(), message.body, now_ms + message.delay_s * 1000, message.group)
                for message in messages
            ]
        return [True] * len(messages)

    def receive(self, queue: str, *, limit: int = SQS_MAX_BATCH, wait_s: int = 0) -> list[ReceivedMessage]:
        """Receive up to 10 visible messages, polling up to `wait_s` for the first."""
        until_ms = self.clock.now_ms() + wait_s * 1000
        while not (taken := self._take(queue, limit)) and self.clock.now_ms() < until_ms:
            self.clock.sleep(0.05)
        return taken

    def _take(self, queue: str, limit: int) -> list[ReceivedMessage]:
        now_ms = self.clock.now_ms()
        with self._lock:
            visible = [message for message in self._queues[queue] if message.visible_at <= now_ms]
            spent = [m for m in visible if queue != DEAD_LETTER and m.receives >= self.max_receive_count]
            for message in spent:
                self._queues[queue].remove(message)
                self._queues[DEAD_LETTER].append(Message(message.id, message.body, now_ms))
            taken = self._fairly(queue, [message for message in visible if message not in spent], now_ms)[:limit]
            for message in taken:
                message.receives += 1
                message.visible_at = now_ms + self.visibility_s * 1000
                message.receipt = self.clock.new_id()
            return [ReceivedMessage(m.id, m.receipt, m.body, m.receives, queue) for m in taken]

    def _fairly(self, queue: str, visible: list[Message], now_ms: int) -> list[Message]:
        """Put messages of noisy groups behind all others, the least noisy first, otherwise as they are.

        A model of SQS's fair queues by the share of messages in flight; SQS also looks at the share of processing time.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
        """
        in_flight = self._in_flight(queue, now_ms)
        least = max(NOISY_MESSAGES, NOISY_SHARE * in_flight.total())
        noisy = {group: count for group, count in in_flight.items() if group and count >= least}
        return sorted(visible, key=lambda message: noisy.get(message.group, 0))

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete messages; one that is gone already is done."""
        with self._lock:
            self._queues[queue] = [message for message in self._queues[queue] if message.receipt not in receipts]

    def change_visibility(self, queue: str, receipts: Sequence[str], visibility_s: int) -> None:
        """Hide messages for a while longer; one that is gone already is done."""
        if not 0 <= visibility_s <= SQS_MAX_VISIBILITY_S:
            raise ValueError(f"a visibility timeout is 0 to {SQS_MAX_VISIBILITY_S} s")
        with self._lock:
            for message in self._queues[queue]:
                if message.receipt in receipts:
                    message.visible_at = self.clock.now_ms() + visibility_s * 1000

    def depth(self, queue: str) -> Depth:
        """Count a queue's messages."""
        now_ms = self.clock.now_ms()
        with self._lock:
            visible = sum(message.visible_at <= now_ms for message in self._queues[queue])
            in_flight = self._in_flight(queue, now_ms).total()
            return Depth(visible, in_flight, len(self._queues[queue]) - visible - in_flight)

    def _in_flight(self, queue: str, now_ms: int) -> Counter[str]:
        """Count the messages of each group that were received and are hidden."""
        return Counter(m.group for m in self._queues[queue] if m.receives and m.visible_at > now_ms)

    def pending(self, queue: str) -> int:
        """Count all messages, hidden ones included, for assertions."""
        with self._lock:
            return len(self._queues[queue])

    def discard(self, queue: str) -> int:
        """Lose every message of a queue, for tests of healing; return their number."""
        with self._lock:
            lost = len(self._queues[queue])
            self._queues[queue].clear()
            return lost
