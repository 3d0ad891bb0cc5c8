"""SQS events: received messages and the partial batch response, so that one message never fails its neighbours.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from functions import log
from whendue.bootstrap.application import App
from whendue.engine.ports import BatchResult, ReceivedMessage
from whendue.metrics_export import export


def handle_batch(
    app: App,
    event: Mapping[str, Any],
    queue_of: Callable[[str], str],
    work: Callable[[list[ReceivedMessage]], BatchResult],
) -> dict[str, Any]:
    """Hand an event's messages to a service and say which of them stay in the queue. Never raises.

    Args:
        app: counts what is done.
        event: the SQS event.
        queue_of: queue ARN -> queue name.
        work: the service.
    """
    began_ms = app.clock.now_ms()
    records = event.get("Records", [])
    read = app.bulkhead.each(
        records, lambda record: _delivery(record, queue_of(record["eventSourceARN"])), stage="record", name=_id
    )
    messages = [message for _, message in read]
    known = {message.id for message in messages}
    # One without an id is reported by an empty one: Lambda then takes the batch as failed, and nothing is lost.
    unread = [_id(record) for record in records if _id(record) not in known]
    try:
        worked = work(messages) if messages else BatchResult([], Counter())
    except Exception as error:  # noqa: BLE001 - every message stays, SQS delivers it again
        log.failed("batch failed", error)
        return _response([_id(record) for record in records])
    app.metrics.consumption.invoked(app.clock.now_ms() - began_ms)
    outcomes = worked.counts + Counter(isolated=len(unread))
    fields = {"messages": len(records), "unsettled": len(worked.unsettled) + len(unread), "outcomes": dict(outcomes)}
    log.info("batch", **fields, **export(app))
    return _response([*worked.unsettled, *unread])


def named(queues: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that names a queue by its ARN, from queue name -> SQS URL."""
    names = {url.rpartition("/")[2]: name for name, url in queues.items()}
    return lambda arn: names[arn.rpartition(":")[2]]


def _id(record: Any) -> str:
    """Return a record's message id; empty if it has none."""
    found = record.get("messageId") if isinstance(record, Mapping) else None
    return found if isinstance(found, str) else ""


def _delivery(record: Mapping[str, Any], queue: str) -> ReceivedMessage:
    return ReceivedMessage(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
        queue=queue,
    )


def _response(unsettled: list[str]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unsettled]}
