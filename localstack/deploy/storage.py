"""Table, bucket and queues."""

import json

from botocore.exceptions import ClientError

from localstack.deploy.clients import Clients, code_of
from localstack.deploy.same import covers
from localstack.topology import Bucket, KeyAttribute, Queues, Table

JOBS_DEAD_LETTER = "dead_letter"


def deploy_table(clients: Clients, name: str, table: Table) -> str:
    """Make the table with its index and TTL; return its name."""
    try:
        clients.dynamodb.describe_table(TableName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        _make_table(clients, name, table)
    clients.dynamodb.get_waiter("table_exists").wait(TableName=name)
    ttl = clients.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] == "DISABLED":
        clients.dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl}
        )
    return name


def _make_table(clients: Clients, name: str, table: Table) -> None:
    attributes = [*table.key, *table.index.key]
    clients.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": attribute.name, "AttributeType": attribute.type} for attribute in attributes
        ],
        KeySchema=_key_schema(table.key),
        GlobalSecondaryIndexes=[
            {
                "IndexName": table.index.name,
                "KeySchema": _key_schema(table.index.key),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": table.index.include},
            }
        ],
    )


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
    clients: Clients, prefix: str, queues: Queues
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Make the queues and their redrive to dead-letter queues; return the URLs of both by name, and all ARNs."""
    own = queues.notifications
    under = dict.fromkeys(queues.priorities, JOBS_DEAD_LETTER) | {own.queue: own.dead_letter}
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
