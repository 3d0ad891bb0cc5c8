"""Submits to whendue by its own package, as a process beside the table and the queues does."""

from typing import Any

from whendue.bootstrap.process import app
from whendue.errors import WhendueError
from whendue.submission.request import JobRequest

TENANT = "bench"


class WhendueClient:
    """Calls the service that the API calls."""

    def __init__(self) -> None:
        """Build the services."""
        self._submit = app().submit

    def submit(self, payload: dict[str, Any]) -> None:
        """Submit a job."""
        self._submit.one(TENANT, JobRequest("bench.note", payload))

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        """Submit jobs in one call.

        Raises:
            WhendueError: one was refused.
        """
        for result in self._submit.many(TENANT, [JobRequest("bench.note", payload) for payload in payloads]):
            if isinstance(result, WhendueError):
                raise result


client = WhendueClient
