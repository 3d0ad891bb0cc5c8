"""Table, bucket and queues."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from localstack.deploy.clients import Clients, code_of
from localstack.deploy.same import covers
from localstack.topology import Bucket, Index, KeyAttribute, Queues, Table
from whendue.adapters.dynamodb.attribute_values import to_attribute
from whendue.table.keys import MIGRATION_KEY

JOBS_DEAD_LETTER = "dead_letter"


def deploy_table(clients: Clients, name: str, table: Table) -> str:
    """Make the table with its indexes and TTL, or add the indexes that it lacks; return its name."""
    try:
        described = clients.dynamodb.describe_table(TableName=name)["Table"]
        _add_indexes(clients, name, table, described)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        _make_table(clients, name, table)
        clients.dynamodb.get_waiter("table_exists").wait(TableName=name)
        # Nothing in a new table is of an earlier version.
        mark = dict(MIGRATION_KEY._asdict()) | {"finished": True}
        clients.dynamodb.put_item(TableName=name, Item={part: to_attribute(value) for part, value in mark.items()})
    clients.dynamodb.get_waiter("table_exists").wait(TableName=name)
    ttl = clients.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] == "DISABLED":
        clients.dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl}
        )
    return name


def _make_table(clients: Clients, name: str, table: Table) -> None:
    clients.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=_attributes(table, table.indexes),
        KeySchema=_key_schema(table.key),
        GlobalSecondaryIndexes=[_index(index) for index in table.indexes],
    )


def _add_indexes(clients: Clients, name: str, table: Table, described: Mapping[str, Any]) -> None:
    """Add the indexes that a table of an earlier version lacks, one after the other, as DynamoDB wants it."""
    known = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", ())}
    for index in table.indexes:
        if index.name not in known:
            clients.dynamodb.update_table(
                TableName=name,
                AttributeDefinitions=_attributes(table, table.indexes),
                GlobalSecondaryIndexUpdates=[{"Create": _index(index)}],
            )
            _wait_for_index(clients, name, index.name)


def _wait_for_index(clients: Clients, name: str, index: str) -> None:
    """Wait until an index holds what is in its table.

    Raises:
        TimeoutError: it does not after ten minutes.
    """
    for _ in range(600):
        indexes = clients.dynamodb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]
        if all(found["IndexStatus"] == "ACTIVE" for found in indexes if found["IndexName"] == index):
            return
        time.sleep(1)
    raise TimeoutError(f"the index {index} of the table {name} is not ready")


def _attributes(table: Table, indexes: Sequence[Index]) -> list[dict[str, str]]:
    keys = [*table.key, *(attribute for index in indexes for attribute in index.key)]
    return [{"AttributeName": attribute.name, "AttributeType": attribute.type} for attribute in keys]


def _index(index: Index) -> dict[str, Any]:
    return {
        "IndexName": index.name,
        "KeySchema": _key_schema(index.key),
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": index.include},
    }


def _key_schema(key: tuple[KeyAttribute, KeyAttribute]) -> list[dict[str, str]]:
    return [{"AttributeName": item.name, "KeyType": kind} for item, kind in zip(key, ("HASH", "RANGE"), strict=True)]


def deploy_bucket(clients: Clients, name: str, bucket: Bucket) -> str:
    """Make the bucket with its lifecycle; return its name."""
    rule = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": bucket.expire_days}}
    rules: list[dict[str, object]] = []
    try:
        rules = clients.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as error:
        if code_of(error) == "NoSuchBucket":
            clients.s3.create_bucket(Bucket=name)
        elif code_of(error) != "NoSuchLifecycleConfiguration":
            raise
    if not covers(rules, [rule]):
        clients.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    return name


def deploy_queues(
    clients: Clients, prefix: str, queues: Queues, own_queues: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Make the queues and their redrive to dead-letter queues; return the URLs of both by name, and all ARNs."""
    deliveries = queues.notifications
    under = dict.fromkeys([*queues.priorities, *own_queues], JOBS_DEAD_LETTER)
    under |= {deliveries.queue: deliveries.dead_letter}
    dead = queues.dead_letter
    attributes = {"VisibilityTimeout": str(dead.visibility_s), "MessageRetentionPeriod": str(dead.retention_s)}
    dead_urls = {name: _queue(clients, f"{prefix}-{name}", attributes) for name in dict.fromkeys(under.values())}
    arns = {name: _arn(clients, url) for name, url in dead_urls.items()}
    urls = {}
    for name, dead_letter in under.items():
        redrive = {"deadLetterTargetArn": arns[dead_letter], "maxReceiveCount": queues.max_receive_count}
        attributes = {
            "VisibilityTimeout": str(queues.visibility_s),
            "MessageRetentionPeriod": str(queues.retention_s),
            "RedrivePolicy": json.dumps(redrive),
        }
        urls[name] = _queue(clients, f"{prefix}-{name}", attributes)
        arns[name] = _arn(clients, urls[name])
    return urls, dead_urls, arns


def _queue(clients: Clients, name: str, attributes: dict[str, str]) -> str:
    try:
        url = clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if "NonExistentQueue" not in code_of(error) and code_of(error) != "QueueDoesNotExist":
            raise
        url = clients.sqs.create_queue(QueueName=name)["QueueUrl"]
    current = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*attributes]).get("Attributes")
    if not covers(current, attributes):
        clients.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return str(url)


def _arn(clients: Clients, url: str) -> str:
    reply = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(reply["Attributes"]["QueueArn"])
