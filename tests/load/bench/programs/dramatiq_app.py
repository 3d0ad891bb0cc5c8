"""dramatiq on SQS (dramatiq_sqs): no results. https://github.com/Bogdanp/dramatiq_sqs."""

import os
from typing import Any

import dramatiq
from dramatiq_sqs import SQSBroker

from tests.load.bench.programs.tasks.note import run

broker = SQSBroker(
    namespace=os.environ["BENCH_QUEUE"],
    visibility_timeout=int(os.environ["BENCH_VISIBILITY_S"]),
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
)
dramatiq.set_broker(broker)


@dramatiq.actor
def note(payload: dict[str, Any]) -> None:
    """Run the job."""
    run(payload)


class DramatiqClient:
    """Sends messages; a group sends them one by one."""

    def submit(self, payload: dict[str, Any]) -> None:
        """Send a message."""
        note.send(payload)

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        """Send a group of messages."""
        dramatiq.group([note.message(payload) for payload in payloads]).run()


client = DramatiqClient
