"""Dead-letter function: settles what SQS has given up on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions import STARTING, end_start
from functions.sqs_batch import handle_batch
from whendue.bootstrap.process import app

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:  # noqa: ARG001 - Lambda hands it in
    """Settle a batch; answers with the messages that stay in the dead-letter queue."""
    whendue = app(described=True)
    return handle_batch(whendue, event, lambda arn: arn.rpartition(":")[2], whendue.dead_letter.handle)


if STARTING:
    # Lambda gives a process more CPU while it starts, and SnapStart keeps what was done until now.
    _ = app(described=True).dead_letter
    end_start()
