"""SQS events: records to deliveries, and the partial batch response, so that one message never fails its neighbours.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from functions import log
from whendue.bootstrap import App
from whendue.ports import Delivery
from whendue.report import report
from whendue.services.work import Worked


def handle_batch(
    app: App, event: Mapping[str, Any], queue_of: Callable[[str], str], work: Callable[[list[Delivery]], Worked]
) -> dict[str, Any]:
    """Hand an event's messages to a service and say which of them stay in the queue. Never raises.

    Args:
        app: counts what is done.
        event: the SQS event.
        queue_of: queue ARN -> queue name.
        work: the service.
    """
    records = event.get("Records", [])
    try:
        worked = work([_delivery(record, queue_of(record["eventSourceARN"])) for record in records])
    except Exception as error:  # noqa: BLE001 - every message stays, SQS delivers it again
        log.failed("batch failed", error)
        return _response([record["messageId"] for record in records])
    told = {"messages": len(records), "unsettled": len(worked.unsettled), "outcomes": dict(worked.counts)}
    log.info("batch", **told, **report(app))
    return _response(worked.unsettled)


def named(queues: Mapping[str, str]) -> Callable[[str], str]:
    """Give what names a queue by its ARN, from queue name -> SQS URL."""
    names = {url.rpartition("/")[2]: name for name, url in queues.items()}
    return lambda arn: names[arn.rpartition(":")[2]]


def _delivery(record: Mapping[str, Any], queue: str) -> Delivery:
    return Delivery(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
        queue=queue,
    )


def _response(unsettled: list[str]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unsettled]}
