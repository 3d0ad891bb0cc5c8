"""A world whose table and queues count what AWS would bill: calls, units, requests, invocations and log bytes."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

import pytest

from tests.builders.handled import Handled
from tests.builders.notified import add_shipped_channels
from tests.builders.world import TENANT
from whendue.adapters.dynamodb.indexes import INDEXES, entry_of
from whendue.adapters.memory import MemoryQueue, MemoryStore
from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET, DYNAMODB_MAX_STATEMENTS, SQS_MAX_BATCH, WRITE_UNIT_BYTES
from whendue.bootstrap.application import App
from whendue.engine.ports import DueEntry, Item, Outgoing, ReceivedMessage, WriteResult
from whendue.jobs.model import Job, item_bytes
from whendue.metrics.consumption import Consumption
from whendue.settings import ALL_QUEUES, NOTIFICATIONS
from whendue.submission.request import JobRequest
from whendue.support.clock import Clock
from whendue.table.index import Index
from whendue.table.keys import Key
from whendue.table.writes import Write

# A read unit covers 4 KB, an eventually consistent one twice that; an empty read costs as much as the smallest one.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
READ_UNIT_BYTES = 4096
Bill = Counter[str]


def write_units(before: Any, after: Any) -> int:
    """Count the write units of a write, those of the indexes included; a refused one costs as one that changes nothing.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
    """
    size = max((item_bytes(item) for item in (before, after) if item), default=0)
    return max(1, math.ceil(size / WRITE_UNIT_BYTES)) + sum(_index_units(index, before, after) for index in INDEXES)


def _index_units(index: Index, before: Any, after: Any) -> int:
    """Count the write units of an entry, which is small: a new key is a deletion and an insertion."""
    old, new = (item and _entry(index, item) for item in (before, after))
    if old == new:
        return 0
    return 1 if old and new and old[0] == new[0] else bool(old) + bool(new)


def _entry(index: Index, item: Item) -> tuple[Any, Any] | None:
    """Return the key and the values of an item's entry; None if it is not in the index."""
    entry = entry_of(index, Key(item["pk"], item["sk"]), item)
    return ((item[INDEXES[index].partition], entry.position), entry.values) if entry else None


def read_units(items: Sequence[Mapping[str, Any]], *, consistent: bool = True) -> float:
    """Count the read units of a query."""
    units_read = max(1, math.ceil(sum(map(item_bytes, items)) / READ_UNIT_BYTES))
    return units_read if consistent else units_read / 2


class BilledStore(MemoryStore):
    """Counts calls, write units and read units by DynamoDB's rules.

    Args:
        bill: where they are added up.
        observe: called with (operation, units) for each write and read, as DynamoDB's adapter does.
    """

    def __init__(self, bill: Bill, observe: Callable[[str, float], None] = lambda _, __: None) -> None:
        super().__init__()
        self._bill = bill
        self._observe = observe

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        self._bill["table_calls"] += math.ceil(len(writes) / DYNAMODB_MAX_STATEMENTS)
        self._bill.update(f"write {write.name}" for write in writes)
        return super().apply(writes)

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        """A transaction reads and writes each item: it costs twice the units."""
        self._bill["table_calls"] += 1
        self._bill.update(f"write {write.name}" for write in writes)
        results = super().apply_together(writes)
        if all(result.done for result in results):
            sizes = [item_bytes(self._items.get(write.key) or {}) for write in writes]
            units = sum(max(1, math.ceil(size / WRITE_UNIT_BYTES)) for size in sizes)
            self._count("write_units", "transact_write_items", units)
        return results

    def _apply(self, write: Write) -> WriteResult:
        before = self._items.get(write.key)
        result = super()._apply(write)
        after = self._items.get(write.key)
        self._count("write_units", "update_item", write_units(before, after))
        return result

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        items = super().get(keys, consistent=consistent)
        self._bill["table_calls"] += math.ceil(len(keys) / DYNAMODB_MAX_BATCH_GET)
        self._count(
            "read_units",
            "batch_get_item",
            sum(read_units([item] if item else [], consistent=consistent) for item in items),
        )
        return items

    def query(self, pk: str) -> list[Item]:
        items = super().query(pk)
        self._read(items)
        return items

    def query_range(self, pk: str, *, first: str, last: str, limit: int, newest_first: bool = False) -> list[Item]:
        items = [item for item in super().query(pk) if first <= item["sk"] <= last]
        items = (items[::-1] if newest_first else items)[:limit]
        self._read(items)
        return items

    def query_due(self, partition: str, **asked: Any) -> list[DueEntry]:
        entries = super().query_due(partition, **asked)
        self._read([entry._asdict() | {"due_pk": partition} for entry in entries], consistent=False)
        return entries

    def _read(self, items: Sequence[Mapping[str, Any]], *, consistent: bool = True) -> None:
        self._bill["table_calls"] += 1
        self._count("read_units", "query", read_units(items, consistent=consistent))

    def _count(self, name: str, operation: str, units: float) -> None:
        self._bill[name] += units  # type: ignore[assignment]
        self._observe(operation, units)


class BilledQueue(MemoryQueue):
    """Counts requests of senders; Lambda's pollers receive and delete a batch by one request each."""

    bill: Bill

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        self.bill["sqs_requests"] += math.ceil(len(messages) / SQS_MAX_BATCH)
        return super().send(queue, messages)


def billed_queue(clock: Clock, bill: Bill) -> BilledQueue:
    queue = BilledQueue(clock)
    queue.bill = bill
    return queue


class BilledWorld(Handled):
    """The services behind their handlers, billed; it has the shipped channels."""

    def __init__(self, logged: StringIO, monkeypatch: pytest.MonkeyPatch, memory_mb: int = 0) -> None:
        super().__init__()
        self.bill: Bill = Counter()
        self._logged = logged
        self._monkeypatch = monkeypatch
        consumption = Consumption(memory_mb)
        self.table = BilledStore(self.bill, consumption.observe)
        self.queues = billed_queue(self.system, self.bill)
        add_shipped_channels(self.registry)
        self.app = self.build()
        self.app.metrics.consumption = consumption

    def submit(self, kind: str = "ok", payload: Any = None, **wanted: Any) -> Job:
        """Submit a job by a request of its own."""
        self.bill["api_requests"] += 1
        return super().submit(kind, payload, **wanted)

    def submit_all(self, requests: Sequence[JobRequest]) -> None:
        """Submit jobs by one request."""
        self.bill["api_requests"] += 1
        self.app.submit.many(TENANT, requests)

    def batch(self, app: App, messages: Sequence[ReceivedMessage]) -> set[str]:
        """Hand messages to a worker's handler: one request to receive them, one to delete them."""
        self.bill["sqs_requests"] += 2
        self.bill["notifier" if messages[0].queue == NOTIFICATIONS else "worker"] += 1
        return super().batch(app, messages)

    def second(self) -> None:
        """Let a second pass: the timer ticks once a minute, workers receive what is visible."""
        self.clock.advance(1)
        if self.clock.now_ms() // 1000 % 60 == 0:
            self.handled_tick(self._monkeypatch)
        for queue in ALL_QUEUES:
            while messages := self.queues.receive(queue):
                self.batch(self.app, messages)

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.second()

    def spent(self, work: Callable[[], None]) -> Bill:
        """Return what some work costs, its log lines included."""
        before = Counter(self.bill)
        begun = len(self._logged.getvalue())
        work()
        spent = Counter(self.bill)
        spent.subtract(before)
        spent["log_bytes"] = len(self._logged.getvalue()) - begun
        return spent
