"""Submits to whendue's HTTP API."""

import os
from typing import Any

import urllib3

# The API takes up to 500; its answer carries every job.
BATCH = 100
REFUSED = 300


class HttpClient:
    """A client with one connection."""

    def __init__(self) -> None:
        """Use the deployment that the environment names."""
        self._url = os.environ["BENCH_API_URL"]
        self._headers = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
        self._http = urllib3.PoolManager()

    def submit(self, payload: dict[str, Any]) -> None:
        """Submit a job."""
        self._post("/jobs", _job(payload))

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        """Submit jobs, a hundred a request."""
        for first in range(0, len(payloads), BATCH):
            self._post("/jobs/batch", {"jobs": [_job(payload) for payload in payloads[first : first + BATCH]]})

    def _post(self, path: str, body: Any) -> None:
        reply = self._http.request("POST", self._url + path, json=body, headers=self._headers)
        if reply.status >= REFUSED:
            raise RuntimeError(f"{path} answered {reply.status}: {reply.data[:500]!r}")


def _job(payload: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bench.note", "payload": payload}


client = HttpClient
