"""Ports: what the services need of AWS and the process; adapters implement them, the contract suite tests them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from whendue.errors import UnavailableError, UnstorableError
from whendue.table.index import IndexPage, IndexQuery
from whendue.table.keys import Key
from whendue.table.writes import Write

Item = Mapping[str, Any]
T = TypeVar("T")


class WriteStatus(Enum):
    """The status of one write."""

    DONE = "done"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"


class WriteResult(NamedTuple):
    """The result of one write.

    Args:
        status: DONE also if an earlier try wrote it and its reply was lost; REFUSED if a condition failed; UNAVAILABLE
            if it stayed throttled or unprocessed, so that it is unknown whether it was written; INVALID if the table
            can hold no such item, so that a retry would fail, too.
        current: the item that refused the write, if it exists.
    """

    status: WriteStatus
    current: Item | None = None

    @property
    def done(self) -> bool:
        """Whether the write holds."""
        return self.status is WriteStatus.DONE

    @property
    def failed(self) -> bool:
        """Whether it was neither done nor refused: it is unavailable, or invalid."""
        return self.status in (WriteStatus.UNAVAILABLE, WriteStatus.INVALID)

    def done_or_raise(self, unknown: str = "") -> bool:
        """Return whether the write holds; False if it was refused because the item is not as expected.

        Args:
            unknown: the message of the error if the result is unknown; empty for the error's own.

        Raises:
            UnavailableError: it is unknown whether it was done.
            UnstorableError: the table can hold no such item.
        """
        if self.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError(unknown)
        if self.status is WriteStatus.INVALID:
            raise UnstorableError
        return self.done


class DueEntry(NamedTuple):
    """A row of the due index: an item's key, its next check and its due time (ms UTC). It is also a position."""

    check_at: int
    pk: str
    sk: str
    due_at: int

    @property
    def key(self) -> Key:
        """The item that has this next check."""
        return Key(self.pk, self.sk)


class JobStore(Protocol):
    """The table: conditional writes, consistent reads, and its two indexes (eventually consistent)."""

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, each on its own; one result per write, in order. No item may appear twice."""

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes of a few different items, all or none, at twice the price; one result per write, in order.

        Either each is DONE, or none is written. Then those whose condition failed show what refused them, and the
        others are REFUSED without an item; if one is UNAVAILABLE or INVALID, all are.
        """

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        """Read items; one answer per key, in order.

        Args:
            keys: their keys.
            consistent: with all writes that were acknowledged; else what was written within about a second may be
                missing, at half the price.

        Raises:
            UnavailableError: the table stayed throttled.
        """

    def query(self, pk: str) -> list[Item]:
        """Read every item under a partition key, ordered by `sk`, strongly consistent.

        Raises:
            UnavailableError: the table stayed throttled.
        """

    def query_range(self, pk: str, *, first: str, last: str, limit: int, newest_first: bool = False) -> list[Item]:
        """Read items under a partition key from one `sk` to another, ordered by `sk`, strongly consistent.

        Args:
            pk: the partition key.
            first: the lowest `sk`, inclusive.
            last: the highest, inclusive; not below `first`.
            limit: maximum number of items, at least 1; fewer mean that the end was reached.
            newest_first: read backwards, from `last`.

        Raises:
            UnavailableError: the table stayed throttled.
        """

    def query_due(
        self, partition: str, *, after: DueEntry | None, until_ms: int, limit: int, newest_first: bool = False
    ) -> list[DueEntry]:
        """List a partition's entries by (next check, key).

        Args:
            partition: the due index partition.
            after: the position to continue after, exclusive; None starts at the first (newest first: at `until_ms`).
            until_ms: the last check to list, inclusive.
            limit: maximum number of entries; fewer mean that the end was reached.
            newest_first: read backwards.

        Raises:
            UnavailableError: the table stayed throttled.
        """

    def query_newest(self, queries: Sequence[IndexQuery]) -> list[IndexPage]:
        """Read partitions of an index side by side; one page per query, in order.

        Raises:
            UnavailableError: the table stayed throttled.
            OldTableError: the table does not have the index.
        """

    def scan(self, after: Key | None, limit: int) -> tuple[list[Item], Key | None]:
        """Read the next items of the whole table, in no order, strongly consistent, and the position behind them.

        Args:
            after: the position of the last call; None starts.
            limit: maximum number of items, at least 1.

        Returns:
            Items, and the position to continue after; None at the end of the table.

        Raises:
            UnavailableError: the table stayed throttled.
        """


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send.

    Args:
        body: its text.
        delay_s: how long it is hidden at first, 0 to 900 s.
        group: its message group, for a fair queue; a message without one is a group of its own.
    """

    body: str
    delay_s: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as received.

    Args:
        id: SQS's message id.
        receipt: the handle to delete it, or to change its visibility.
        body: its text.
        receive_count: how often it was received, this time included.
        queue: the queue it came from, by name.
    """

    id: str
    receipt: str
    body: str
    receive_count: int
    queue: str


class BatchResult(NamedTuple):
    """The result of handling a batch of messages.

    Args:
        unsettled: ids of the messages that must stay in their queue.
        counts: outcome -> number of messages, for the log.
    """

    unsettled: list[str]
    counts: Counter[str]


class Depth(NamedTuple):
    """The approximate number of messages in a queue: visible, received but not deleted, delayed."""

    visible: int
    in_flight: int
    delayed: int


class JobQueue(Protocol):
    """The queues, by name (`critical`, `high`, `normal`, `low`); at least once, in any order."""

    def send(self, queue: str, messages: Sequence[Outgoing]) -> Sequence[bool | None]:
        """Send messages; for each: True if it is acknowledged, False if not, None if the queue accepts none like it."""

    def receive(self, queue: str, *, limit: int = 10, wait_s: int = 0) -> list[ReceivedMessage]:
        """Receive up to 10 messages, waiting up to 20 s for the first."""

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete messages; one that is gone already is done.

        Raises:
            UnavailableError: the queue kept some of them.
        """

    def change_visibility(self, queue: str, receipts: Sequence[str], visibility_s: int) -> None:
        """Hide messages for a while longer, up to 12 h; one that is gone already is done.

        Raises:
            UnavailableError: the queue refused some of them.
        """

    def depth(self, queue: str) -> Depth:
        """Count a queue's messages, approximately.

        Raises:
            UnavailableError: the queue does not answer.
        """


class BlobStore(Protocol):
    """Payloads and results too large for the table."""

    def put(self, key: str, text: str) -> None:
        """Store a text.

        Raises:
            UnavailableError: it could not be stored.
        """

    def get(self, key: str) -> str | None:
        """Read a text; None if it does not exist.

        Raises:
            UnavailableError: it could not be read.
        """

    def delete(self, key: str) -> None:
        """Delete a text; one that is gone already is done.

        Raises:
            UnavailableError: it could not be deleted.
        """


class Cursors(Protocol):
    """Cursors of lists: positions, sealed as texts that only this deployment can create and read.

    A cursor is bound to the values in `bound`: the list's name, the tenant, and whatever else the list depends on.
    """

    def seal(self, position: Any, bound: Sequence[Any]) -> str:
        """Return the cursor of a position (a JSON value)."""

    def open(self, cursor: str, bound: Sequence[Any]) -> Any:
        """Return the position of a cursor.

        Raises:
            InvalidCursorError: it is not of this deployment, or has another `bound`.
        """


class Running(Protocol):
    """Running calls. The value of a call is what it returns, or the error that it raises."""

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Wait until a call ends or the timeout is over; return the (index, value) pairs not returned before."""

    def interrupt(self, index: int, error: type[BaseException]) -> None:
        """Raise an error inside a call, as far as Python allows: between two of its bytecodes."""


class Isolated(Protocol):
    """A message that is handled in a process of its own."""

    def ended(self, timeout_s: float) -> bool:
        """Wait until the process has ended or the timeout is over; return whether it has ended."""

    def begun(self) -> bool:
        """Return whether the process has started up and begun with its message."""

    def worked(self) -> BatchResult | None:
        """Return the message's result once the process has ended; None if the process died."""

    def kill(self) -> None:
        """End the process at once."""


class Isolation(Protocol):
    """Processes for messages whose jobs may kill the process that they run in."""

    def start(self, message: ReceivedMessage, deadline_ms: int) -> Isolated | None:
        """Handle a message in a process of its own, which may be stopped at the deadline (ms UTC).

        Returns None if no process can be started now: the maximum is running, or the system refuses one.
        """

    def drain(self, at_ms: int) -> None:
        """Ask all processes to requeue the jobs that still run at a time (ms UTC)."""


class Runner(Protocol):
    """Runs a batch's calls side by side."""

    def start(self, calls: Sequence[Callable[[], Any]]) -> Running:
        """Start all calls."""


class TimerInvoker(Protocol):
    """Starts further ticks of the timer, beside the one that runs."""

    def invoke(self, event: Mapping[str, Any]) -> None:
        """Start a tick with an event (a JSON object), and do not wait for it; it may start twice, or never.

        Raises:
            UnavailableError: it is not known to have been accepted.
        """


class Pool(Protocol):
    """Runs calls that only wait for AWS side by side, a bounded number at a time."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Run calls; return their values, in order, once all of them have ended. Calls of calls run one by one.

        Raises:
            Exception: the first of their errors, in order, once all of them have ended.
        """
