"""Dead-letter function: settles what SQS has given up on."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.sqs_batch import handle_batch
from whendue.bootstrap import app


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda hands it in
    """Settle a batch; answers with the messages that stay in the dead-letter queue."""
    whendue = app()
    return handle_batch(whendue, event, lambda arn: arn.rpartition(":")[2], whendue.dead_letter.handle)
