"""A whole whendue whose table is in memory, or moto's, and `TransactWriteItems` of both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from tests.builders.backends import Aws, opened
from tests.builders.world import SETTINGS, TENANT, World
from whendue.adapters.dynamodb.attribute_values import from_item
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.bootstrap.application import build
from whendue.direct import DirectClient
from whendue.table.keys import Key
from whendue.table.writes import delete, insert

OWN_KEY = Key("ORDER#7", "order")


@dataclass(slots=True)
class Deployed:
    """A world, a client of it, and how a transaction of a user is written to its table."""

    world: World
    transact: Callable[[Sequence[Mapping[str, Any]]], object]

    @property
    def client(self) -> DirectClient:
        """Return a client of the world's application."""
        return DirectClient(self.world.app, TENANT)

    def order(self) -> dict[str, Any]:
        """Return the user's own item of a transaction: refused if it is there."""
        item = {"pk": {"S": OWN_KEY.pk}, "sk": {"S": OWN_KEY.sk}, "total": {"N": "7"}}
        put = {"TableName": self.world.app.settings.table, "Item": item}
        return {"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}


@contextmanager
def in_memory(_: Any) -> Iterator[Deployed]:
    """Take the part of DynamoDB for puts with the two conditions that are used here."""
    world = World()

    def transact(items: Sequence[Mapping[str, Any]]) -> None:
        puts = [item["Put"] for item in items]
        stored = {key_of(put): world.table.rows.get(key_of(put)) for put in puts}
        assert len(stored) == len(puts), "DynamoDB refuses a transaction with two operations on one item"
        reasons = [_reason(put, stored[key_of(put)]) for put in puts]
        if any(reason["Code"] != "None" for reason in reasons):
            error = {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}
            response: Any = {"Error": error, "CancellationReasons": reasons}
            raise ClientError(response, "TransactWriteItems")
        world.table.apply([delete("replace", key) for key, item in stored.items() if item])
        results = world.table.apply([insert("put", key_of(put), _values(put)) for put in puts])
        assert all(result.done for result in results)

    yield Deployed(world, transact)


def key_of(put: Mapping[str, Any]) -> Key:
    """Return the key of a put's item."""
    return Key(put["Item"]["pk"]["S"], put["Item"]["sk"]["S"])


def _values(put: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in from_item(put["Item"]).items() if name not in ("pk", "sk")}


def _reason(put: Mapping[str, Any], stored: Mapping[str, Any] | None) -> dict[str, Any]:
    condition = put["ConditionExpression"]
    assert condition in ("attribute_not_exists(pk)", "attribute_not_exists(pk) OR expires_at < :now_s")
    if stored is None:
        return {"Code": "None"}
    now_s = int(put.get("ExpressionAttributeValues", {}).get(":now_s", {}).get("N", "0"))
    if "expires_at" in condition and stored.get("expires_at", now_s) < now_s:
        return {"Code": "None"}
    own = {"pk": {"S": put["Item"]["pk"]["S"]}, "sk": {"S": put["Item"]["sk"]["S"]}}
    shown = {"Item": own} if put.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
    return {"Code": "ConditionalCheckFailed", **shown}


@contextmanager
def on_moto(folder: Any) -> Iterator[Deployed]:
    """Put the table alone on moto: it is what the transaction is about."""
    with opened("moto", folder) as backend:
        assert isinstance(backend, Aws)
        world, table, client = World(), backend.table(), backend.clients.dynamodb
        store = DynamoStore(client, table, world.system, statements=False)
        settings = replace(SETTINGS, table=table)
        world.app = build(settings, world.system, store, world.queues, world.blobs, world.runner, world.registry)
        yield Deployed(world, lambda items: client.transact_write_items(TransactItems=list(items)))
