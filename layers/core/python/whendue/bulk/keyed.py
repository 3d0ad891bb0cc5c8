"""Idempotency-Keys of operations: the same key is the same operation, however often it is sent."""

import hashlib

from whendue.bulk.model import operations_pk
from whendue.bulk.quotas import OPERATION_KEPT_S
from whendue.engine.runtime import Runtime
from whendue.errors import IdempotencyConflictError, UnavailableError
from whendue.jobs.lifetime import is_past
from whendue.table.keys import Key
from whendue.table.writes import Is, Write, insert


class OperationKeys:
    """Notes which operation a key stands for, before that is created: whoever comes later creates the same."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def operation_of(self, tenant: str, key: str, request: str) -> str:
        """Return the id of the operation of a key: a new one if nothing was sent under it in the last 90 days.

        Args:
            tenant: whose.
            key: the Idempotency-Key.
            request: what is sent under it, as text.

        Raises:
            IdempotencyConflictError: something else was sent under it.
            UnavailableError: the table does not answer; send it again.
        """
        at = Key(operations_pk(tenant), f"key#{_hash(key)}")
        now_ms = self._runtime.clock.now_ms()
        values = {
            "operation": self._runtime.clock.new_id(),
            "request": _hash(request),
            "expires_at": now_ms // 1000 + OPERATION_KEPT_S,
        }
        [item] = self._runtime.store.get([at])
        if item is None or is_past(item.get("expires_at"), now_ms):
            note = insert("note_key", at, values)
            if item is not None:
                note = Write("note_key", at, [Is("operation", item["operation"])], values)
            [result] = self._runtime.store.apply([note])
            if result.done_or_raise():
                return str(values["operation"])
            item = result.current
        if item is None:
            raise UnavailableError
        if item["request"] != values["request"]:
            raise IdempotencyConflictError
        return str(item["operation"])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
