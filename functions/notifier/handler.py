"""Notifier function: runs deliveries, which are jobs, apart from all other jobs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions import STARTING, end_start
from functions.sqs_batch import handle_batch, named
from whendue.bootstrap.process import app

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Run a batch; answers with the messages that stay in their queue."""
    whendue = app(described=True)
    deadline_ms = whendue.clock.now_ms() + context.get_remaining_time_in_millis()
    names = named(whendue.settings.queues)
    return handle_batch(whendue, event, names, lambda messages: whendue.work.handle(messages, deadline_ms))


if STARTING:
    # Lambda gives a process more CPU while it starts, and SnapStart keeps what was done until now.
    _ = app(described=True).work
    end_start()
