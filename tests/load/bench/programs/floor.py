"""The floor: bare boto3 for the same contract, and nothing else. What no scheduler on these services can beat by much.

Submit: insert if absent, then send. Worker: receive ten, claim under a condition (pending, or its lease has expired),
run, complete under the claim's fence, delete. Batched: 25 inserts or ten claims and completions a call.
"""

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.load.bench.programs.tasks.note import run

TABLE, QUEUE = os.environ["BENCH_TABLE"], os.environ["BENCH_QUEUE_URL"]
LEASE_MS = int(os.environ["BENCH_VISIBILITY_S"]) * 1000
BATCHED = os.environ["BENCH_BATCHED"] == "1"
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
STATEMENTS, MESSAGES = 25, 10
# The longest that SQS lets a receive wait.
WAIT_S = 20
INSERT = f"INSERT INTO \"{TABLE}\" VALUE {{'pk': ?, 'sk': ?, 'state': ?, 'due_pk': ?, 'check_at': ?, 'body': ?}}"
CLAIM = f'UPDATE "{TABLE}" SET "state"=? SET "fence"=? SET "lease_until"=? WHERE "pk"=? AND "sk"=? AND "state"=?'
COMPLETE = (
    f'UPDATE "{TABLE}" SET "state"=? SET "result"=? REMOVE "due_pk" REMOVE "check_at" '
    'WHERE "pk"=? AND "sk"=? AND "fence"=?'
)
REFUSED = "ConditionalCheckFailed"
# What a claim comes to.
CLAIMED, HELD, ENDED = "claimed", "held", "ended"


def _client(service: str) -> Any:
    make: Any = boto3.client  # its stubs know service names as literals only
    return make(service, config=Config(max_pool_connections=32, retries={"mode": "standard"}))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _typed(value: Any) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[first : first + size] for first in range(0, len(items), size))


class Calls:
    """The calls of both clients."""

    def __init__(self) -> None:
        """Make the clients: they may be shared by threads."""
        self.dynamodb, self.sqs = _client("dynamodb"), _client("sqs")

    def execute(self, statement: str, parameters: Sequence[Sequence[Any]]) -> list[bool]:
        """Carry out one statement for many; return for each whether its condition held.

        Raises:
            RuntimeError: it was refused for another reason.
        """
        asked = [{"Statement": statement, "Parameters": [_typed(value) for value in row]} for row in parameters]
        replies = self.dynamodb.batch_execute_statement(Statements=asked)["Responses"]
        errors = [reply["Error"] for reply in replies if "Error" in reply]
        if other := [error for error in errors if error["Code"] != REFUSED]:
            raise RuntimeError(other[0])
        return ["Error" not in reply for reply in replies]


class FloorClient:
    """Writes and sends."""

    def __init__(self) -> None:
        """Make the clients."""
        self._calls = Calls()

    def submit(self, payload: dict[str, Any]) -> None:
        """Submit a job by two calls."""
        job_id, body = str(uuid.uuid4()), json.dumps(payload)
        pk, sk, state, due_pk, check_at, text = map(_typed, _row(job_id, body))
        item = {"pk": pk, "sk": sk, "state": state, "due_pk": due_pk, "check_at": check_at, "body": text}
        self._calls.dynamodb.put_item(TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(pk)")
        self._calls.sqs.send_message(QueueUrl=QUEUE, MessageBody=_message(job_id, body))

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        """Submit jobs, 25 an insert and ten a send."""
        if not BATCHED:
            for payload in payloads:
                self.submit(payload)
            return
        jobs = [(str(uuid.uuid4()), json.dumps(payload)) for payload in payloads]
        for part in _parts(jobs, STATEMENTS):
            self._calls.execute(INSERT, [_row(*job) for job in part])
        for part in _parts(jobs, MESSAGES):
            entries = [{"Id": str(i), "MessageBody": _message(*job)} for i, job in enumerate(part)]
            self._calls.sqs.send_message_batch(QueueUrl=QUEUE, Entries=entries)


def _row(job_id: str, body: str) -> list[Any]:
    return [f"JOB#{job_id}", "job", "pending", f"live#normal#{hash(job_id) % 4}", _now_ms(), body]


def _message(job_id: str, body: str) -> str:
    return json.dumps({"id": job_id, "body": body})


client = FloorClient


def batched(calls: Calls) -> None:
    """Receive a batch and work it off, a call for each step."""
    messages = _receive(calls)
    if not messages:
        return
    jobs = [json.loads(message["Body"]) for message in messages]
    fence, now_ms = str(uuid.uuid4()), _now_ms()
    rows = [["running", fence, now_ms + LEASE_MS, f"JOB#{job['id']}", "job", "pending"] for job in jobs]
    # A refused claim is a job that has ended, or one whose worker may have died: those go one by one.
    claimed = [
        CLAIMED if done else _take_over(calls, job["id"], fence)
        for job, done in zip(jobs, calls.execute(CLAIM, rows), strict=True)
    ]
    mine = [job for job, claim in zip(jobs, claimed, strict=True) if claim is CLAIMED]
    results = [(job["id"], json.dumps(run(json.loads(job["body"])))) for job in mine]
    if results:
        calls.execute(COMPLETE, [["succeeded", text, f"JOB#{job_id}", "job", fence] for job_id, text in results])
    handled = [message for message, claim in zip(messages, claimed, strict=True) if claim is not HELD]
    entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(handled)]
    if entries:
        calls.sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries)


def single(calls: Calls) -> None:
    """Receive a batch and work it off, three calls for each job."""
    for message in _receive(calls):
        job, fence = json.loads(message["Body"]), str(uuid.uuid4())
        claim = _take_over(calls, job["id"], fence)
        if claim is HELD:
            continue
        if claim is CLAIMED:
            result = json.dumps(run(json.loads(job["body"])))
            calls.dynamodb.update_item(
                TableName=TABLE,
                Key=_key(job["id"]),
                UpdateExpression="SET #s=:s, #r=:r REMOVE due_pk, check_at",
                ConditionExpression="fence=:f",
                ExpressionAttributeNames={"#s": "state", "#r": "result"},
                ExpressionAttributeValues={":s": {"S": "succeeded"}, ":r": {"S": result}, ":f": {"S": fence}},
            )
        calls.sqs.delete_message(QueueUrl=QUEUE, ReceiptHandle=message["ReceiptHandle"])


def _receive(calls: Calls) -> list[dict[str, Any]]:
    reply = calls.sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=MESSAGES, WaitTimeSeconds=WAIT_S)
    messages: list[dict[str, Any]] = reply.get("Messages", [])
    return messages


def _key(job_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "job"}}


def _take_over(calls: Calls, job_id: str, fence: str) -> str:
    """Claim a job that is pending, or whose lease has expired; says what came of it.

    A job that another worker holds keeps its message, which comes again: that worker may be dead.
    """
    now_ms = _now_ms()
    try:
        calls.dynamodb.update_item(
            TableName=TABLE,
            Key=_key(job_id),
            UpdateExpression="SET #s=:running, fence=:f, lease_until=:l",
            ConditionExpression="#s=:pending OR (#s=:running AND lease_until<:now)",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={
                ":running": {"S": "running"},
                ":pending": {"S": "pending"},
                ":f": {"S": fence},
                ":l": {"N": str(now_ms + LEASE_MS)},
                ":now": {"N": str(now_ms)},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return HELD if cast(Any, error.response).get("Item", {}).get("state") == {"S": "running"} else ENDED
    return CLAIMED


def main() -> None:
    """Work on as many threads as asked, until the process is ended."""
    calls = Calls()
    turn: Callable[[Calls], None] = batched if BATCHED else single

    def listen() -> None:
        while True:
            turn(calls)

    for _ in range(int(sys.argv[1])):
        threading.Thread(target=listen, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
