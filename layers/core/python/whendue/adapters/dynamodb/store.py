"""JobStore on DynamoDB: batches of conditional PartiQL statements, consistent reads, the two indexes.

What the table cannot hold is found before it is sent, and is INVALID alone: AWS refuses the whole batch that it is in.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import ClientError

from whendue.adapters.dynamodb.attribute_values import check, check_key, from_item, to_attribute
from whendue.adapters.dynamodb.indexes import INDEXES, is_empty, newest, page, position_key
from whendue.adapters.dynamodb.partiql import put, remove, statement, update
from whendue.adapters.throttle import NETWORK_ERRORS, backoff_attempts, is_retryable
from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET, DYNAMODB_MAX_STATEMENTS
from whendue.engine.ports import DueEntry, Item, WriteResult, WriteStatus
from whendue.errors import OldTableError, UnavailableError, UnstorableError
from whendue.quotas import LIST_PARTITIONS
from whendue.support.clock import Clock
from whendue.table.index import Index, IndexPage, IndexQuery, Position
from whendue.table.keys import Key
from whendue.table.writes import Write, already_done

REFUSED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException", "DuplicateItem"})
# What is wrong with a request itself, alone and in a batch.
WRONG = frozenset({"ValidationException", "ValidationError"})
# What DynamoDB answers if a condition of a transaction fails, or another one has one of its items.
CANCELLED: Final = "TransactionCanceledException"
UNAVAILABLE = WriteResult(WriteStatus.UNAVAILABLE)
INVALID = WriteResult(WriteStatus.INVALID)
# What DynamoDB says of a query on an index that the table does not have, or not yet.
NO_INDEX: Final = ("does not have the specified index", "Cannot read from backfilling global secondary index")


class DynamoStore:
    """The table.

    Args:
        client: boto3's `dynamodb` client.
        table: its name.
        clock: chance and sleep for retries.
        statements: the table takes PartiQL batches with parameters; moto's does not, each write is then a call.
        observe: called with (operation, consumed capacity units) after each call, if given.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        clock: Clock,
        *,
        statements: bool = True,
        observe: Callable[[str, float], None] | None = None,
    ) -> None:
        """Use this table."""
        self._client = client
        self._table = table
        self._clock = clock
        self._statements = statements
        self._observe = observe

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes: one by UpdateItem, PutItem or DeleteItem, several by 25 in a BatchExecuteStatement."""
        if len({write.key for write in writes}) != len(writes):
            raise ValueError("an item appears twice in one batch of writes")
        sound = [write for write in writes if _is_storable(write)]
        if len(sound) == 1 or not self._statements:
            outcomes = {write.key: self._apply_one(write) for write in sound}
        else:
            outcomes = {}
            for start in range(0, len(sound), DYNAMODB_MAX_STATEMENTS):
                outcomes |= self._apply_batch(sound[start : start + DYNAMODB_MAX_STATEMENTS])
        return [outcomes.get(write.key, INVALID) for write in writes]

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes by one TransactWriteItems."""
        if not all(map(_is_storable, writes)):
            return [INVALID] * len(writes)
        for _ in backoff_attempts(self._clock):
            try:
                self._call("transact_write_items", TransactItems=[_transacted(self._table, write) for write in writes])
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == CANCELLED:
                    reasons: list[Any] = error.response.get("CancellationReasons", [])
                    if (results := self._cancelled(writes, reasons)) is not None:
                        return results
                elif code in WRONG:
                    return [INVALID] * len(writes)
                elif not is_retryable(code):
                    raise
            except NETWORK_ERRORS:
                # It may have been done: a repetition is recognised by what the items carry.
                continue
            else:
                return [WriteResult(WriteStatus.DONE)] * len(writes)
        return [UNAVAILABLE] * len(writes)

    def _cancelled(self, writes: Sequence[Write], reasons: Sequence[Any]) -> list[WriteResult] | None:
        """Return the results of a cancelled transaction; None where it is worth another try."""
        codes = [reason.get("Code", "None") for reason in reasons]
        if any(code in WRONG for code in codes):
            return [INVALID] * len(writes)
        at_fault = [
            (write, reason.get("Item"))
            for write, code, reason in zip(writes, codes, reasons, strict=True)
            if code in REFUSED
        ]
        known = self._refused(at_fault) if at_fault else {}
        if not at_fault or len(known) < len(at_fault):
            return None
        if len(at_fault) == len(writes) and all(result.done for result in known.values()):
            return [WriteResult(WriteStatus.DONE)] * len(writes)
        refused = WriteResult(WriteStatus.REFUSED)
        results = (known.get(write.key, refused) for write in writes)
        return [WriteResult(WriteStatus.REFUSED, result.current) for result in results]

    def _apply_one(self, write: Write) -> WriteResult:
        operation, arguments = _operation(write)
        for _ in backoff_attempts(self._clock):
            try:
                self._call(operation, **arguments(self._table, write))
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in REFUSED:
                    # botocore parses the item that AWS adds to this error into the response itself.
                    return self._refused([(write, error.response.get("Item"))]).get(write.key, UNAVAILABLE)
                if code in WRONG:
                    return INVALID
                if not is_retryable(code):
                    raise
            except NETWORK_ERRORS:
                # It may have been done: a repetition then is recognised by what the item carries.
                continue
            else:
                return WriteResult(WriteStatus.DONE)
        return UNAVAILABLE

    def _apply_batch(self, writes: Sequence[Write]) -> dict[Key, WriteResult]:
        outcomes: dict[Key, WriteResult] = {}
        waiting = list(writes)
        for _ in backoff_attempts(self._clock):
            outcomes |= self._execute(waiting)
            waiting = [write for write in waiting if write.key not in outcomes]
            # Here, not before the next try: that one sleeps first.
            if not waiting:
                break
        return {write.key: outcomes.get(write.key, UNAVAILABLE) for write in writes}

    def _execute(self, writes: Sequence[Write]) -> dict[Key, WriteResult]:
        """Send one batch; give the outcomes that are known, what is throttled is left out."""
        try:
            reply = self._call(
                "batch_execute_statement", Statements=[statement(self._table, write) for write in writes]
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in WRONG:
                # One of them is wrong, and the reply does not say which.
                return {write.key: self._apply_one(write) for write in writes}
            if not is_retryable(code):
                raise
            return {}
        except NETWORK_ERRORS:
            return {}
        known: dict[Key, WriteResult] = {}
        refused: list[tuple[Write, Any]] = []
        for write, answer in zip(writes, reply["Responses"], strict=True):
            failed = answer.get("Error", {})
            code = failed.get("Code")
            if code is None:
                known[write.key] = WriteResult(WriteStatus.DONE)
            elif code in REFUSED:
                refused.append((write, failed.get("Item") or answer.get("Item")))
            elif code in WRONG:
                known[write.key] = INVALID
            elif not is_retryable(code):
                raise ClientError(answer, "BatchExecuteStatement")
        return known | self._refused(refused)

    def _refused(self, refused: Sequence[tuple[Write, Any]]) -> dict[Key, WriteResult]:
        """Separate refusals from successes whose reply was lost; leaves out what is unknown.

        What refused is looked up where the reply does not show it: DuplicateItem comes without its item, and so does
        every refusal in a batch of DynamoDB Local.
        """
        unseen = [write.key for write, attributes in refused if not attributes]
        current: dict[Key, Item | None] = {write.key: from_item(shown) for write, shown in refused if shown}
        try:
            current |= dict(zip(unseen, self.get(unseen), strict=True))
        except UnavailableError:
            refused = [(write, shown) for write, shown in refused if shown]
        return {write.key: _outcome(write, current[write.key]) for write, _ in refused}

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        """Read items with BatchGetItem, 100 at a time; under a key that none can have there is none."""
        found: dict[Key, Item] = {}
        unique = [key for key in dict.fromkeys(keys) if _is_key(key)]
        for start in range(0, len(unique), DYNAMODB_MAX_BATCH_GET):
            found |= self._get_batch(unique[start : start + DYNAMODB_MAX_BATCH_GET], consistent)
        return [found.get(key) for key in keys]

    def _get_batch(self, keys: Sequence[Key], consistent: bool) -> dict[Key, Item]:  # noqa: FBT001 - private
        found: dict[Key, Item] = {}
        wanted = [{"pk": to_attribute(key.pk), "sk": to_attribute(key.sk)} for key in keys]
        for _ in backoff_attempts(self._clock):
            request = {self._table: {"Keys": wanted, "ConsistentRead": consistent}}
            reply = self._read("batch_get_item", RequestItems=request)
            if reply is None:
                continue
            items = [from_item(attributes) for attributes in reply["Responses"].get(self._table, [])]
            found |= {Key(item["pk"], item["sk"]): item for item in items}
            wanted = reply.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not wanted:
                return found
        raise UnavailableError("the table stayed throttled")

    def query(self, pk: str) -> list[Item]:
        """Read every item under a partition key, ordered by `sk`."""
        return self._query(
            limit=None,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": to_attribute(pk)},
            ConsistentRead=True,
        )

    def query_range(self, pk: str, *, first: str, last: str, limit: int, newest_first: bool = False) -> list[Item]:
        """Read a range of the items of one `pk`, ordered by `sk`."""
        return self._query(
            limit=limit,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": to_attribute(pk),
                ":first": to_attribute(first),
                ":last": to_attribute(last),
            },
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )

    def query_due(
        self, partition: str, *, after: DueEntry | None, until_ms: int, limit: int, newest_first: bool = False
    ) -> list[DueEntry]:
        """List a partition of the index `query_due`."""
        if after and after.check_at > until_ms:
            # A position of a process whose clock is ahead: DynamoDB refuses a start outside of the condition.
            if not newest_first:
                return []
            after = None
        start = position_key(Index.DUE, partition, Position(after.check_at, after.pk, after.sk)) if after else None
        items = self._query(
            limit=limit,
            start=start,
            IndexName=INDEXES[Index.DUE].name,
            KeyConditionExpression="due_pk = :partition AND check_at <= :until",
            ExpressionAttributeValues={":partition": to_attribute(partition), ":until": to_attribute(until_ms)},
            ScanIndexForward=not newest_first,
        )
        return [DueEntry(item["check_at"], item["pk"], item["sk"], item.get("due_at", 0)) for item in items]

    def query_newest(self, queries: Sequence[IndexQuery]) -> list[IndexPage]:
        """Read partitions of an index side by side."""
        if len(queries) == 1:
            return [self._newest(queries[0])]
        return [*self._side_by_side.map(self._newest, queries)]

    @cached_property
    def _side_by_side(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(LIST_PARTITIONS, thread_name_prefix="list")

    def _newest(self, query: IndexQuery) -> IndexPage:
        if is_empty(query):
            return IndexPage([], 0, None)
        reply = self._patiently("query", **newest(query))
        return page(query, reply)

    def scan(self, after: Key | None, limit: int) -> tuple[list[Item], Key | None]:
        """Read the next items of the whole table."""
        start = {"ExclusiveStartKey": {"pk": to_attribute(after.pk), "sk": to_attribute(after.sk)}} if after else {}
        reply = self._patiently("scan", Limit=limit, ConsistentRead=True, **start)
        last = reply.get("LastEvaluatedKey")
        position = Key(**from_item(last)) if last else None
        return [from_item(attributes) for attributes in reply["Items"]], position

    def _query(self, *, limit: int | None, start: Mapping[str, Any] | None = None, **arguments: Any) -> list[Item]:
        items: list[Item] = []
        while limit is None or len(items) < limit:
            paging = ({"Limit": limit - len(items)} if limit else {}) | ({"ExclusiveStartKey": start} if start else {})
            reply = self._patiently("query", **arguments, **paging)
            items += [from_item(attributes) for attributes in reply["Items"]]
            start = reply.get("LastEvaluatedKey")
            if not start:
                break
        return items

    def _patiently(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        for _ in backoff_attempts(self._clock):
            if (reply := self._read(operation, TableName=self._table, **arguments)) is not None:
                return reply
        raise UnavailableError("the table stayed throttled")

    def _read(self, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        """Read once; None when it is worth another try."""
        try:
            return self._call(operation, **arguments)
        except NETWORK_ERRORS:
            return None
        except ClientError as error:
            if is_retryable(error.response["Error"]["Code"]):
                return None
            if any(words in error.response["Error"].get("Message", "") for words in NO_INDEX):
                raise OldTableError from error
            raise

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        counting = {"ReturnConsumedCapacity": "TOTAL"} if self._observe else {}
        reply: Mapping[str, Any] = getattr(self._client, operation)(**arguments, **counting)
        if self._observe:
            capacity = reply.get("ConsumedCapacity") or []
            parts = capacity if isinstance(capacity, list) else [capacity]
            self._observe(operation, sum(part.get("CapacityUnits", 0) for part in parts))
        return reply


def _operation(write: Write) -> tuple[str, Callable[[str, Write], dict[str, Any]]]:
    if write.inserts:
        return "put_item", put
    return ("delete_item", remove) if write.deletes else ("update_item", update)


def _transacted(table: str, write: Write) -> dict[str, Any]:
    """Return an item of TransactWriteItems."""
    if write.inserts:
        return {"Put": put(table, write)}
    return {"Delete": remove(table, write)} if write.deletes else {"Update": update(table, write)}


def _is_storable(write: Write) -> bool:
    try:
        check(write)
    except UnstorableError:
        return False
    return True


def _is_key(key: Key) -> bool:
    try:
        check_key(key)
    except UnstorableError:
        return False
    return True


def _outcome(write: Write, old: Item | None) -> WriteResult:
    return WriteResult(WriteStatus.DONE if already_done(write, old) else WriteStatus.REFUSED, old)
