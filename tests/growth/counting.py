"""A table in memory that counts calls and read units as DynamoDB bills them.

Source of the sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from whendue.adapters.dynamodb.indexes import INDEXES
from whendue.adapters.memory import MemoryStore
from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET
from whendue.engine.ports import DueEntry, Item
from whendue.jobs.model import item_bytes
from whendue.table.index import Index, IndexPage, IndexQuery
from whendue.table.keys import Key

UNIT_BYTES: Final = 4096


class CountingStore(MemoryStore):
    """Counts what the calls since `reset` have cost.

    `calls` counts requests to DynamoDB by operation; `units` are read units.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Start to count."""
        self.calls: Counter[str] = Counter()
        self.units = 0.0

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        items = super().get(keys, consistent=consistent)
        self.calls["batch_get_item"] += math.ceil(len(set(keys)) / DYNAMODB_MAX_BATCH_GET)
        self.units += sum(_units(item_bytes(item) if item else 0, consistent=consistent) for item in items)
        return items

    def query_newest(self, queries: Sequence[IndexQuery]) -> list[IndexPage]:
        pages = super().query_newest(queries)
        for query in queries:
            [everything] = super().query_newest([replace(query, where=())])
            self._charge(query.index, query.partition, [(e.position, e.values) for e in everything.entries])
        return pages

    def query_due(self, partition: str, **options: Any) -> list[DueEntry]:
        entries = super().query_due(partition, **options)
        self._charge(Index.DUE, partition, [(entry[:3], {"due_at": entry.due_at}) for entry in entries])
        return entries

    def query(self, pk: str) -> list[Item]:
        items = super().query(pk)
        self._read(sum(map(item_bytes, items)), consistent=True)
        return items

    def query_range(self, pk: str, **options: Any) -> list[Item]:
        items = super().query_range(pk, **options)
        self._read(sum(map(item_bytes, items)), consistent=True)
        return items

    def _charge(self, index: Index, partition: str, entries: Sequence[tuple[Any, Mapping[str, Any]]]) -> None:
        """Charge a query of an index for all entries that it has read, filtered or not."""
        names = (INDEXES[index].partition, index.value, "pk", "sk")
        size = sum(item_bytes({**dict(zip(names, (partition, *at), strict=True)), **values}) for at, values in entries)
        self._read(size, consistent=False)

    def _read(self, size: int, *, consistent: bool) -> None:
        self.calls["query"] += 1
        self.units += _units(size, consistent=consistent)


def _units(size: int, *, consistent: bool) -> float:
    return max(1, math.ceil(size / UNIT_BYTES)) * (1 if consistent else 0.5)
