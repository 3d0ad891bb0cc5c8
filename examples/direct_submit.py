"""Direct mode: a program in the same AWS account submits without HTTP, and in its own DynamoDB transaction.

Shows a client of the settings of the deployment, a job that exists exactly if an order does, how to learn that the
order was taken before, and a message that is sent at once.

Run it with the settings of the deployment's functions (docs/guide/direct.md), AWS credentials, and a table of orders
whose key is `id`:

    ORDERS=orders python3 examples/direct_submit.py 7
"""

import os
import sys

import boto3
from botocore.exceptions import ClientError

from whendue.client import NewJob
from whendue.direct import DirectClient


def take_order(client: DirectClient, number: str) -> str:
    """Store an order and the job that greets its customer, both or neither; return the job's id."""
    greeting = client.transaction_items(NewJob("email", mail(number)), idempotency_key=f"order-{number}")
    dynamodb, orders = boto3.client("dynamodb"), os.environ["ORDERS"]
    is_new = "attribute_not_exists(id)"
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": orders, "Item": {"id": {"S": number}}, "ConditionExpression": is_new}},
                *greeting.items,
            ]
        )
    except ClientError as error:
        if not greeting.is_taken(error):
            raise
        print("the order was taken before")
    else:
        # Without this, the timer would send it within 70 seconds.
        client.send(greeting)
    return greeting.job.id


def mail(number: str) -> dict[str, str]:
    """Return the payload of the task `email`."""
    return {"to": "user@example.com", "subject": f"Your order {number}"}


def main() -> None:
    """Take an order, twice if it is asked for twice, and show its job."""
    with DirectClient.from_env("acme") as client:
        job = client.get_job(take_order(client, sys.argv[1]))
        print(job.id, job.type, job.state)


if __name__ == "__main__":
    main()
