"""The ports of a process: the shipped memory adapters behind calls that take time and meet faults."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation.faults import ONE_SEND, ONE_WRITE, READ, SENDS, WRITES, Fault
from tests.simulation.scheduler import Process
from whendue.engine.ports import Depth, DueEntry, Item, Outgoing, ReceivedMessage, WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.table.index import IndexPage, IndexQuery
from whendue.table.keys import Key
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
UNAVAILABLE = WriteResult(WriteStatus.UNAVAILABLE)


def _unavailable() -> Any:
    raise UnavailableError


def _newer_body(body: str) -> str:
    return body.replace('"policy":{', '"novelty":1,"policy":{"novelty":1,')


def _newer(write: Write) -> Write:
    """Return the write as a newer version would make it."""
    if write.name != "submit":
        return write
    changes = dict(write.changes) | {"novelty": 1, "policy": {**write.changes["policy"], "novelty": 1}}
    return Write(write.name, write.key, write.expected, changes)


class WiredStore:
    """The table, as one process reaches it."""

    def __init__(self, world: "World", process: Process) -> None:
        self._world = world
        self._process = process

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        if not writes:
            return []
        if len({write.key for write in writes}) != len(writes):
            raise ValueError("an item appears twice in one batch of writes")
        store, process = self._world.store, self._process
        if self._world.nature.newer and process.number % 2:
            writes = [_newer(write) for write in writes]

        def partly() -> list[WriteResult]:
            return [store.write(process, write) if n % 2 else UNAVAILABLE for n, write in enumerate(writes)]

        return self._world.outside(
            process,
            "write " + " ".join(sorted({write.name for write in writes})),
            WRITES if len(writes) > 1 else ONE_WRITE,
            lambda: [store.write(process, write) for write in writes],
            lambda: [UNAVAILABLE] * len(writes),
            partly,
        )

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        store, process = self._world.store, self._process
        return self._world.outside(
            process,
            "write together " + " ".join(sorted({write.name for write in writes})),
            ONE_WRITE,
            lambda: store.write_together(process, writes),
            lambda: [UNAVAILABLE] * len(writes),
        )

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        if not keys:
            return []
        return self._read("get", lambda: self._world.store.get(keys, consistent=consistent))

    def query(self, pk: str) -> list[Item]:
        return self._read("query", lambda: self._world.store.query(pk))

    def query_range(self, pk: str, **options: Any) -> list[Item]:
        return self._read("query_range", lambda: self._world.store.query_range(pk, **options))

    def query_due(self, partition: str, **options: Any) -> list[DueEntry]:
        return self._read("query_due", lambda: self._world.store.query_due(partition, **options))

    def query_newest(self, queries: Sequence[IndexQuery]) -> list[IndexPage]:
        return self._read("query_newest", lambda: self._world.store.query_newest(queries))

    def scan(self, after: Key | None, limit: int) -> tuple[list[Item], Key | None]:
        return self._read("scan", lambda: self._world.store.scan(after, limit))

    def _read(self, name: str, effect: Callable[[], T]) -> T:
        value: T = self._world.outside(self._process, name, READ, effect, _unavailable)
        return value


class WiredQueue:
    """The queues, as one process reaches them."""

    def __init__(self, world: "World", process: Process) -> None:
        self._world = world
        self._process = process
        self._received: dict[str, ReceivedMessage] = {}

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        if not messages:
            return []
        real = self._world.queue
        if self._process.kind != "dead_letter":
            self._world.monitor.bodies += [message.body for message in messages]
        if self._world.nature.newer and self._process.number % 2:
            messages = [replace(message, body=_newer_body(message.body)) for message in messages]

        def partly() -> list[bool]:
            return [
                number % 2 == 1 and real.send(queue, [message]) == [True] for number, message in enumerate(messages)
            ]

        return self._world.outside(
            self._process,
            f"send {queue}",
            SENDS if len(messages) > 1 else ONE_SEND,
            lambda: real.send(queue, messages),
            lambda: [False] * len(messages),
            partly,
        )

    def receive(self, queue: str, *, limit: int = 10, wait_s: int = 0) -> list[ReceivedMessage]:
        """Receive as a process of a container does; nobody is killed by a poll that finds nothing."""
        real = self._world.queue
        self._world.listeners[queue].wait(lambda: real.depth(queue).visible, wait_s)
        if not real.depth(queue).visible:
            return []

        def effect() -> list[ReceivedMessage]:
            messages = real.receive(queue, limit=limit)
            self._received |= {message.receipt: message for message in messages}
            self._world.monitor.delivered(messages)
            return messages

        batch: list[ReceivedMessage] = self._world.outside(
            self._process, f"receive {queue}", ONE_WRITE, effect, _unavailable
        )
        return batch

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete as a process of a container does; what it deletes is settled, unless it holds another one for it."""
        settled = [self._received.pop(receipt) for receipt in receipts]
        held = list(self._received.values())
        self._world.monitor.answered(self._process, [*settled, *held], {message.id for message in held})
        effect = lambda: self._world.queue.delete(queue, receipts)  # noqa: E731
        self._world.outside(self._process, "delete", ONE_WRITE, effect, _unavailable)

    def change_visibility(self, queue: str, receipts: Sequence[str], visibility_s: int) -> None:
        real = self._world.queue
        effect = lambda: real.change_visibility(queue, receipts, visibility_s)  # noqa: E731
        self._world.outside(self._process, "change_visibility", ONE_WRITE, effect, _unavailable)

    def depth(self, queue: str) -> Depth:
        depth: Depth = self._world.outside(
            self._process, "depth", READ, lambda: self._world.queue.depth(queue), _unavailable
        )
        return depth


class WiredTimers:
    """What starts further ticks, as one timer reaches it."""

    def __init__(self, world: "World", process: Process) -> None:
        self._world = world
        self._process = process

    def invoke(self, event: Mapping[str, Any]) -> None:
        effect = lambda: self._world.start_timer(event)  # noqa: E731
        self._world.outside(self._process, "invoke timer", (*ONE_WRITE, Fault.TWICE), effect, _unavailable)


class WiredBlobs:
    """The bucket, as one process reaches it."""

    def __init__(self, world: "World", process: Process) -> None:
        self._world = world
        self._process = process

    def put(self, key: str, text: str) -> None:
        effect = lambda: self._world.blobs.put(key, text)  # noqa: E731
        self._world.outside(self._process, "put", ONE_WRITE, effect, _unavailable)

    def delete(self, key: str) -> None:
        effect = lambda: self._world.blobs.delete(key)  # noqa: E731
        self._world.outside(self._process, "delete_blob", ONE_WRITE, effect, _unavailable)

    def get(self, key: str) -> str | None:
        text: str | None = self._world.outside(
            self._process, "read", READ, lambda: self._world.blobs.get(key), _unavailable
        )
        return text
