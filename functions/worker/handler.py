"""Worker function: runs the jobs of a batch of SQS messages."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.records import handle_batch
from whendue.bootstrap import app


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run a batch; answers with the messages that stay in their queue."""
    whendue = app()
    deadline_ms = whendue.effects.now_ms() + context.get_remaining_time_in_millis()
    return handle_batch(event, _queue_name, lambda deliveries: whendue.work.handle(deliveries, deadline_ms))


def _queue_name(arn: str) -> str:
    by_sqs_name = {url.rpartition("/")[2]: name for name, url in app().settings.queues.items()}
    return by_sqs_name[arn.rpartition(":")[2]]
