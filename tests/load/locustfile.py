"""Submits a scenario's jobs and notes every request, one JSON line each. Run by Locust, in its own environment.

gevent patches this process: nothing of ours is imported that would notice.
"""

import json
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events, task

from tests.load.notes import Note
from tests.load.scenarios import SCENARIOS, Post

SCENARIO = SCENARIOS[os.environ["LOAD_SCENARIO"]]
JOBS_MAX = int(os.environ["LOAD_JOBS_MAX"])
NOTES = Path(os.environ["LOAD_NOTES"]).open("w")  # noqa: SIM115 -- closed by the end of the process
NUMBERS = count()
CREATED = (202, 207)


class Submitter(FastHttpUser):
    """A client of the API."""

    host = os.environ["LOAD_URL"]
    # Locust's default is to trust every certificate.
    insecure = False
    default_headers = {"Authorization": f"Bearer {os.environ['LOAD_TOKEN']}"}  # noqa: RUF012 -- Locust's own attribute

    def on_start(self) -> None:
        """Count this user's own requests: it pauses by them."""
        self.posted = 0

    def wait_time(self) -> float:
        """Wait as the scenario has it."""
        return SCENARIO.pause_s(self.posted)

    @task
    def submit(self) -> None:
        """Send the scenario's next request."""
        number = next(NUMBERS)
        post = SCENARIO.post(number)
        # The requests of a scenario have as many jobs each.
        if (number + 1) * len(post.jobs) > JOBS_MAX:
            # From a greenlet of its own: it ends this one.
            gevent.spawn(self.environment.runner.quit)
            return
        self.posted += 1
        ids = self._send("/jobs" if len(post.jobs) == 1 else "/jobs/batch", post)
        if post.cancel and ids:
            self._send(f"/jobs/{ids[0]}/cancel", None)

    def _send(self, path: str, post: Post | None) -> list[str]:
        """Send a request and note how it went; return the ids of the jobs that it made."""
        body: Any = None if post is None else post.jobs[0] if len(post.jobs) == 1 else {"jobs": post.jobs}
        name = path if post else "/jobs/{id}/cancel"
        at_s, begun = time.time(), time.perf_counter()
        reply = self.client.post(path, json=body, name=name, allow_redirects=False)
        took_ms = (time.perf_counter() - begun) * 1000
        ids = _ids(reply.json()) if post and reply.status_code in CREATED else []
        note = Note(
            at_s=at_s,
            path=name,
            status=reply.status_code,
            ms=round(took_ms, 1),
            jobs=len(post.jobs) if post else 0,
            ids=ids,
        )
        NOTES.write(json.dumps(note) + "\n")
        return ids


def _ids(reply: dict[str, Any]) -> list[str]:
    """Return the ids of the jobs that were accepted."""
    return [item["job"]["id"] for item in reply.get("items", [{"job": reply}]) if item.get("job")]


@events.quitting.add_listener
def _flush(**_: Any) -> None:
    NOTES.close()
