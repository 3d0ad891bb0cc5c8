"""What a user of the generated Python client writes. Runs in the virtual environment `clients`, beside the client."""

import json
import sys

from whendue_client import AuthenticatedClient  # type: ignore[import-not-found]
from whendue_client.api.jobs import get_job, schedule_task  # type: ignore[import-not-found]
from whendue_client.models import (  # type: ignore[import-not-found]
    JobBody,
    JobWithTimelineReply,
    Problem,
    SubmittedReply,
)


def main(url: str, token: str) -> None:
    """Submit a job and read it; submit one that is refused. Prints the job's id and type, and the refusal's code."""
    with AuthenticatedClient(base_url=url, token=token) as client:
        body = JobBody(type_="demo.greet", payload={"name": "Ada"}, delay_seconds=30, retries=3)
        made = schedule_task.sync(client=client, body=body, idempotency_key="from-python")
        assert isinstance(made, SubmittedReply), made
        read = get_job.sync(made.id, client=client)
        assert isinstance(read, JobWithTimelineReply), read
        refused = schedule_task.sync(client=client, body=JobBody(type_="nobody.knows"))
        assert isinstance(refused, Problem), refused
        sys.stdout.write(json.dumps([read.id, read.type_, read.payload, read.max_attempts, refused.code.value]))


if __name__ == "__main__":
    main(*sys.argv[1:])
