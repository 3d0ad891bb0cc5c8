"""The list of a tenant's operations, newest first, also by their state."""

from collections.abc import Sequence
from typing import NamedTuple

from whendue.bulk.model import FIRST, LAST, Operation, OperationState, operation_from, operations_pk
from whendue.bulk.quotas import OPERATIONS_LOOKED_AT
from whendue.bulk.running import RunningMarks
from whendue.engine.ports import Item
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime


class OperationPage(NamedTuple):
    """Some operations, newest first, and where to go on; a cursor of None is the end."""

    operations: list[Operation]
    cursor: str | None


class OperationList:
    """Lists operations."""

    def __init__(self, runtime: Runtime, marks: RunningMarks) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._marks = marks

    def page(self, tenant: str, limit: int, cursor: str | None, state: OperationState | None) -> OperationPage:
        """Return the next operations, reading a bounded number; a page of one state may be short before the end.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        cursors, bound = self._runtime.cursors, ("operations", tenant, state)
        last = LAST if cursor is None else str(cursors.open(cursor, bound))
        items, end = self._items(tenant, limit, last, state)
        found = [item for item in items if state is None or item.get("state") == state]
        after = found[limit - 1]["sk"] if len(found) > limit else end
        more = None if after is None else cursors.seal(after, bound)
        return OperationPage(readable(self._runtime, found[:limit], operation_from, "list_operations"), more)

    def _items(
        self, tenant: str, limit: int, last: str, state: OperationState | None
    ) -> tuple[Sequence[Item], str | None]:
        """Return items older than `last`, and the sort key of the last one where there may be more."""
        if state is OperationState.RUNNING:
            # Each of them has a mark: a few reads, however many have ended since.
            running = self._marks.operations(tenant)
            return sorted((item for item in running if item["sk"] < last), key=_sort_key, reverse=True), None
        # The first one may be that of the page before.
        most = limit + 2 if state is None else max(limit, OPERATIONS_LOOKED_AT) + 2
        items = self._runtime.store.query_range(
            operations_pk(tenant), first=FIRST, last=last, limit=most, newest_first=True
        )
        page = [item for item in items if item["sk"] != last]
        return page, page[-1]["sk"] if len(items) == most else None


def _sort_key(item: Item) -> str:
    return str(item["sk"])
