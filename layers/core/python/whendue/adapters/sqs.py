"""JobQueue on SQS: batches with failed entries handled, delays of at most 900 s, stale receipts taken as done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from whendue.adapters.throttle import NETWORK_ERRORS, backoff_attempts, is_retryable
from whendue.aws_quotas import SQS_MAX_BATCH, SQS_MAX_BATCH_BYTES, SQS_MAX_DELAY_S, SQS_MAX_VISIBILITY_S
from whendue.engine.ports import Depth, Outgoing, ReceivedMessage
from whendue.errors import UnavailableError
from whendue.support.clock import Clock

# The message is gone, or someone else has it by now: nothing is left to do with this receipt. Services write these
# codes with an old prefix or the suffix of exceptions (LocalStack: InvalidParameterValueException, its own fault).
GONE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"})
# In the order of `Depth`.
COUNTS = [f"ApproximateNumberOfMessages{name}" for name in ("", "NotVisible", "Delayed")]


class SqsQueue:
    """The queues.

    Args:
        client: boto3's `sqs` client.
        urls: queue name -> URL.
        clock: chance and sleep for retries.
    """

    def __init__(self, client: Any, urls: Mapping[str, str], clock: Clock) -> None:
        """Use these queues."""
        self._client = client
        self._urls = urls
        self._clock = clock

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool | None]:
        """Send messages by SendMessageBatch, up to 10 and 1 MiB at a time."""
        if any(not 0 <= message.delay_s <= SQS_MAX_DELAY_S for message in messages):
            raise ValueError(f"a delay is 0 to {SQS_MAX_DELAY_S} s")
        if queue not in self._urls:
            # Of a job whose queue was removed: it waits until it is moved, or until the queue is back.
            return [None] * len(messages)
        sent: list[bool | None] = []
        for part in _parts(messages):
            sent += self._each("send_message_batch", queue, [_entry(message) for message in part])
        return sent

    def receive(self, queue: str, *, limit: int = SQS_MAX_BATCH, wait_s: int = 0) -> list[ReceivedMessage]:
        """Receive up to 10 messages, waiting up to 20 s for the first."""
        try:
            reply = self._client.receive_message(
                QueueUrl=self._urls[queue],
                MaxNumberOfMessages=min(limit, SQS_MAX_BATCH),
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        except (ClientError, *NETWORK_ERRORS) as error:
            raise UnavailableError from error
        return [
            ReceivedMessage(
                id=message["MessageId"],
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
                queue=queue,
            )
            for message in reply.get("Messages", [])
        ]

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete messages by DeleteMessageBatch; one that is gone already is done."""
        self._each_receipt("delete_message_batch", queue, [{"ReceiptHandle": receipt} for receipt in receipts])

    def change_visibility(self, queue: str, receipts: Sequence[str], visibility_s: int) -> None:
        """Hide messages by ChangeMessageVisibilityBatch; one that is gone already is done."""
        if not 0 <= visibility_s <= SQS_MAX_VISIBILITY_S:
            raise ValueError(f"a visibility timeout is 0 to {SQS_MAX_VISIBILITY_S} s")
        entries = [{"ReceiptHandle": receipt, "VisibilityTimeout": visibility_s} for receipt in receipts]
        self._each_receipt("change_message_visibility_batch", queue, entries)

    def depth(self, queue: str) -> Depth:
        """Count a queue's messages, approximately."""
        try:
            reply = self._client.get_queue_attributes(QueueUrl=self._urls[queue], AttributeNames=COUNTS)
        except (ClientError, *NETWORK_ERRORS) as error:
            raise UnavailableError from error
        return Depth(*(int(reply["Attributes"][name]) for name in COUNTS))

    def _each_receipt(self, operation: str, queue: str, entries: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(entries), SQS_MAX_BATCH):
            if not all(self._each(operation, queue, entries[start : start + SQS_MAX_BATCH], gone_is_done=True)):
                raise UnavailableError(f"the queue refused {operation}")

    def _each(
        self, operation: str, queue: str, entries: Sequence[Mapping[str, Any]], *, gone_is_done: bool = False
    ) -> list[bool | None]:
        """Carry out a batch, trying failed entries again.

        True for each that was acknowledged, None for one that SQS calls our fault. A batch that SQS refuses as a whole,
        though it would not pass by itself, is tried entry by entry: one bad entry takes no other with it.
        """
        call: Callable[..., Mapping[str, Any]] = getattr(self._client, operation)
        waiting = {str(number): entry for number, entry in enumerate(entries)}
        done: set[str] = set()
        wrong: set[str] = set()
        for _ in backoff_attempts(self._clock):
            try:
                reply = call(QueueUrl=self._urls[queue], Entries=[{"Id": n} | dict(e) for n, e in waiting.items()])
            except NETWORK_ERRORS:
                continue
            except ClientError as error:
                code = error.response["Error"]["Code"]
                gone = gone_is_done and _gone(code)
                if gone and len(waiting) == 1:
                    done |= set(waiting)
                    break
                if (gone or not is_retryable(code)) and len(waiting) > 1:
                    # Which of them it was for is not said.
                    each = {
                        n: self._each(operation, queue, [e], gone_is_done=gone_is_done)[0] for n, e in waiting.items()
                    }
                    done |= {number for number, end in each.items() if end}
                    wrong |= {number for number, end in each.items() if end is None}
                    break
                if not is_retryable(code):
                    break
                continue
            done |= {entry["Id"] for entry in reply.get("Successful", [])}
            failed = reply.get("Failed", [])
            done |= {entry["Id"] for entry in failed if gone_is_done and _gone(entry["Code"])}
            # An entry that SQS calls our fault will not get better.
            again = {entry["Id"] for entry in failed if not entry.get("SenderFault")} - done
            wrong |= {entry["Id"] for entry in failed if entry.get("SenderFault")} - done
            waiting = {number: entry for number, entry in waiting.items() if number in again}
            if not waiting:
                break
        return [None if str(number) in wrong else str(number) in done for number in range(len(entries))]


def _gone(code: str) -> bool:
    return code.removeprefix("AWS.SimpleQueueService.").removesuffix("Exception") in GONE


def _entry(message: Outgoing) -> dict[str, Any]:
    """Write a message as a batch's entry; its group makes the standard queue a fair one.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """
    entry = {"MessageBody": message.body, "DelaySeconds": message.delay_s}
    return entry | ({"MessageGroupId": message.group} if message.group else {})


def _parts(messages: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Part messages so that each part fits a batch, in number and in bytes."""
    parts: list[list[Outgoing]] = []
    size = 0
    for message in messages:
        own = len(message.body.encode())
        if not parts or len(parts[-1]) == SQS_MAX_BATCH or size + own > SQS_MAX_BATCH_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(message)
        size += own
    return parts
