"""The quota of running operations: a tenant has so many marks, and each names the operation that has taken it.

Nobody gives a mark back: one whose operation has ended is free. So none is lost if a process dies. Undos have marks of
their own, behind those of the others.
"""

from collections.abc import Mapping
from typing import Any, Final

from whendue.bulk.model import Action, Operation, OperationState, operation_key, operations_pk
from whendue.bulk.quotas import OPERATION_KEPT_S, OPERATIONS_RUNNING, OPERATIONS_UNDOING
from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.errors import TooManyOperationsError
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.table.keys import Key
from whendue.table.writes import Is, Write, insert

# Numbers of marks.
OTHERS: Final = range(OPERATIONS_RUNNING)
UNDOS: Final = range(OPERATIONS_RUNNING, OPERATIONS_RUNNING + OPERATIONS_UNDOING)


class RunningMarks:
    """Takes marks."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def take(self, operation: Operation) -> None:
        """Take a mark for an operation that is created next.

        Raises:
            TooManyOperationsError: all are taken.
            UnavailableError: the table does not answer.
        """
        numbers = UNDOS if operation.action is Action.UNDO else OTHERS
        taken = {number: mark for number, mark in self._taken(operation.tenant).items() if number in numbers}
        free = [number for number in numbers if number not in taken]
        # Only if none has never been taken: then the operations are read.
        for number in free or self._ended(operation, taken):
            if self._runtime.store.apply([_mark(operation, number, taken.get(number))])[0].done_or_raise():
                return
        what = "undos" if numbers is UNDOS else "operations"
        raise TooManyOperationsError(
            f"a tenant can have at most {len(numbers)} running {what}; wait for one, or cancel it"
        )

    def operations(self, tenant: str) -> list[Item]:
        """Read the operations that have taken a mark last: all that run are among them.

        Raises:
            UnavailableError: the table does not answer.
        """
        ids = {str(mark["operation"]) for mark in self._taken(tenant).values()}
        keys = [operation_key(tenant, operation_id) for operation_id in sorted(ids)]
        return [item for item in self._runtime.store.get(keys) if item] if keys else []

    def _taken(self, tenant: str) -> dict[int, Item]:
        pk = operations_pk(tenant)
        items = self._runtime.store.query_range(pk, first="running#", last="running#~", limit=UNDOS.stop)
        return {int(item["number"]): item for item in items}

    def _ended(self, operation: Operation, taken: Mapping[int, Item]) -> list[int]:
        """Return the marks whose operations have ended, or were never created."""
        numbers = sorted(taken)
        keys = [operation_key(operation.tenant, str(taken[number]["operation"])) for number in numbers]
        found = self._runtime.store.get(keys)
        never_after = operation.created_at - 1000 * IN_FLIGHT_S
        return [
            number
            for number, item in zip(numbers, found, strict=True)
            if (taken[number]["at"] < never_after if item is None else item.get("state") != OperationState.RUNNING)
        ]


def _mark(operation: Operation, number: int, before: Item | None) -> Write:
    values: dict[str, Any] = {
        "number": number,
        "operation": operation.id,
        "at": operation.created_at,
        "expires_at": operation.created_at // 1000 + OPERATION_KEPT_S,
    }
    key = Key(operations_pk(operation.tenant), f"running#{number:03}")
    if before is None:
        return insert("mark_running", key, values)
    return Write("mark_running", key, [Is("operation", before["operation"])], values)
