"""Queues and tables on the emulator, made for one trial and deleted after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from localstack.deploy.clients import Clients

DEPTHS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@contextmanager
def queue(clients: Clients, name: str, visibility_s: int) -> Iterator[str]:
    """Make a queue; yields its URL."""
    attributes = {"VisibilityTimeout": str(visibility_s)}
    url = str(clients.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
    try:
        yield url
    finally:
        clients.sqs.delete_queue(QueueUrl=url)


def delete_tables(clients: Clients, prefix: str) -> None:
    """Delete the tables of a trial."""
    for name in clients.dynamodb.list_tables()["TableNames"]:
        if name.startswith(prefix):
            clients.dynamodb.delete_table(TableName=name)


def delete_queues(clients: Clients, prefix: str) -> None:
    """Delete the queues of a trial."""
    for url in clients.sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", []):
        clients.sqs.delete_queue(QueueUrl=url)


def is_empty(clients: Clients, url: str) -> bool:
    """Return whether a queue holds no message, visible or not."""
    attributes = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*DEPTHS])["Attributes"]
    return not any(int(attributes[name]) for name in DEPTHS)


def counted(clients: Clients, table: str, **condition: Any) -> Callable[[int], bool]:
    """Return what says whether so many items of a table fulfil a condition."""

    def enough(count: int) -> bool:
        pages = clients.dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT", **condition)
        return sum(int(page["Count"]) for page in pages) >= count

    return enough


def with_state(state: str) -> dict[str, Any]:
    """Return the condition that an item is in a state."""
    return {
        "FilterExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":s": {"S": state}},
    }
