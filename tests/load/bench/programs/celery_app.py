"""Celery, set up for the same contract: at least once (acknowledged late), results kept where they are wanted.

Settings: https://docs.celeryq.dev/en/stable/userguide/configuration.html and
https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/sqs.html
"""

import json
import os
from typing import Any

from celery import Celery, group

from tests.load.bench.programs.tasks.note import run

BROKER = os.environ["BENCH_BROKER"]
BACKEND = os.environ.get("BENCH_BACKEND") or None
VISIBILITY_S = int(os.environ["BENCH_VISIBILITY_S"])

app = Celery("bench", broker=BROKER, backend=BACKEND)
app.conf.update(
    task_default_queue=os.environ["BENCH_QUEUE"],
    task_acks_late=True,
    # A message whose worker was killed comes again, as with every other system here.
    task_reject_on_worker_lost=True,
    task_ignore_result=BACKEND is None,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    **json.loads(os.environ.get("BENCH_SETTINGS", "{}")),
)
app.conf.broker_transport_options = {
    "visibility_timeout": VISIBILITY_S,
    **({"region": "us-east-1", "is_secure": False} if BROKER.startswith("sqs") else {}),
    **json.loads(os.environ.get("BENCH_TRANSPORT", "{}")),
}


@app.task(name="bench.note")
def note(payload: dict[str, Any]) -> dict[str, Any]:
    """Run the job."""
    return run(payload)


class CeleryClient:
    """Sends tasks; Celery has no call that sends many, a group sends its tasks one by one."""

    def submit(self, payload: dict[str, Any]) -> None:
        """Send a task."""
        note.delay(payload)

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        """Send a group of tasks."""
        group(note.s(payload) for payload in payloads).apply_async()


client = CeleryClient
