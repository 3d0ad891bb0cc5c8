"""Table and queues of the virtual world: the shipped memory adapters with an index that lags and messages that come."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulation.scheduler import Process, Scheduler
from whendue.adapters.memory import MemoryQueue, MemoryStore
from whendue.adapters.memory.queue import DEAD_LETTER
from whendue.engine.ports import DueEntry, Item, Outgoing, ReceivedMessage, WriteResult
from whendue.support.clock import Clock
from whendue.table.index import Index, IndexPage, IndexQuery
from whendue.table.keys import Key
from whendue.table.writes import Write, delete, insert

Watch = Callable[[Process, Write, Item | None, Item], None]


class LaggingStore(MemoryStore):
    """The table; each index shows a write some time later, and every write that took effect is watched.

    Args:
        scheduler: the time.
        lag_ms: how late each index is.
        watch: told the process, the write, and the item before and after (empty once it is deleted).
    """

    def __init__(self, scheduler: Scheduler, lag_ms: Mapping[Index, int], watch: Watch) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._lag_ms = lag_ms
        self._watch = watch
        self._changes: dict[Index, deque[tuple[int, bool, Key, Item]]] = {index: deque() for index in Index}

    def write(self, process: Process, write: Write) -> WriteResult:
        """Carry out one write of a process."""
        before = self._items.get(write.key)
        [end] = super().apply([write])
        after = self._items.get(write.key)
        if after is not before:
            self._watch(process, write, before, after or {})
        return end

    def write_together(self, process: Process, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes of a process, all or none."""
        before = {write.key: self._items.get(write.key) for write in writes}
        results = super().apply_together(writes)
        for write in writes:
            after = self._items.get(write.key)
            if after is not before[write.key]:
                self._watch(process, write, before[write.key], after or {})
        return results

    def put_back(self, item: Item) -> None:
        """Let an item stand here from the beginning, written by nobody of this world."""
        super().apply([insert("put_back", Key(item["pk"], item["sk"]), item)])

    def expire(self, now_s: int) -> list[Item]:
        """Delete what has expired, as TTL does; return the jobs among it."""
        over = [(key, item) for key, item in self._items.items() if item.get("expires_at", now_s + 1) <= now_s]
        super().apply([delete("ttl", key) for key, _ in over])
        return [item for key, item in over if key.sk == "job"]

    def _unlist_in(self, index: Index, key: Key, item: Item | None) -> None:
        if item is not None:
            self._changes[index].append((self._scheduler.now_ms + self._lag_ms[index], False, key, item))

    def _list_in(self, index: Index, key: Key, item: Item) -> None:
        self._changes[index].append((self._scheduler.now_ms + self._lag_ms[index], True, key, item))

    def query_due(self, partition: str, **options: Any) -> list[DueEntry]:
        """List what the index shows by now."""
        self.catch_up(self._scheduler.now_ms)
        return super().query_due(partition, **options)

    def query_newest(self, queries: Sequence[IndexQuery]) -> list[IndexPage]:
        """List what the index shows by now."""
        self.catch_up(self._scheduler.now_ms)
        return super().query_newest(queries)

    def catch_up(self, now_ms: int) -> None:
        """Show in each index what was written until its lag ago."""
        for index, changes in self._changes.items():
            while changes and changes[0][0] <= now_ms:
                _, appears, key, item = changes.popleft()
                if appears:
                    super()._list_in(index, key, item)
                else:
                    super()._unlist_in(index, key, item)

    def live(self) -> list[tuple[Key, Item]]:
        """List the items of the table as they are, not to be changed."""
        return list(self._items.items())


class ComingQueue(MemoryQueue):
    """The queues; says when a message comes into sight, and gives visible ones in any order."""

    def __init__(
        self,
        scheduler: Scheduler,
        system: Clock,
        visibility_s: int,
        max_receive_count: int,
        shuffle: random.Random | None,
    ) -> None:
        super().__init__(system, visibility_s, max_receive_count)
        self._scheduler = scheduler
        self._shuffle = shuffle
        self.comes: Callable[[str], None] = lambda _: None

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        for delay_s in {message.delay_s for message in messages}:
            self._expect(queue, delay_s)
        return super().send(queue, messages)

    def receive(self, queue: str, *, limit: int = 10, wait_s: int = 0) -> list[ReceivedMessage]:
        if self._shuffle:
            self._shuffle.shuffle(self._queues[queue])
        taken = super().receive(queue, limit=limit, wait_s=wait_s)
        if taken:
            self._expect(queue, self.visibility_s)
        if queue != DEAD_LETTER and self._queues[DEAD_LETTER]:
            self._expect(DEAD_LETTER, 0)
        return taken

    def change_visibility(self, queue: str, receipts: Sequence[str], visibility_s: int) -> None:
        self._expect(queue, visibility_s)
        super().change_visibility(queue, receipts, visibility_s)

    def _expect(self, queue: str, delay_s: int) -> None:
        self._scheduler.at(self._scheduler.now_ms + delay_s * 1000, lambda: self.comes(queue))

    @property
    def left(self) -> dict[str, int]:
        """Count the messages of each queue that has any."""
        return {name: len(messages) for name, messages in self._queues.items() if messages}
