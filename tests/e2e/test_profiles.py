"""Profiles on a running stack: an edit is live in every process within 10 s, and changes nothing that was accepted."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from localstack import token
from localstack.paths import ROOT
from tests.builders.waiting import eventually
from tests.e2e.stage import Http, Stage, at

LIVE_S = 10
T = TypeVar("T")
QUICK = {"baseSeconds": 1, "factor": 1, "jitter": "none"}


def put(http: Http, name: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    reply = http.client.put(f"/profiles/{name}", json=body, headers=headers)
    assert reply.status_code in (200, 201), reply.text
    profile: dict[str, Any] = reply.json()
    assert reply.headers["etag"] == f'"{profile["version"]}"'
    return profile


def live(get: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Ask until an edit is live; no question that is asked later than promised may get an old answer."""
    edited = asked = time.monotonic()
    while not good(answer := get()):
        assert asked - edited <= LIVE_S, f"asked {asked - edited:.1f} s after the edit: {answer!r}"
        threading.Event().wait(0.05)
        asked = time.monotonic()
    print(f"\nthe edit was live after {asked - edited:.2f} s")
    return answer


def test_an_edit_governs_jobs_accepted_afterwards_and_those_before_keep_their_version(http: Http) -> None:
    """Accepted before: three attempts, as version 1 says. Accepted afterwards: one, as version 2 says."""
    put(http, "bank", {"maxAttempts": 3, "backoff": QUICK | {"baseSeconds": 3}}, **{"If-None-Match": "*"})
    broken = ("demo.broken", {"reason": "as always"})
    before = http.submit(*broken, profile="bank")
    assert (before["profileVersion"], before["effective"]["maxAttempts"]) == (1, {"value": 3, "source": "profile"})
    put(http, "bank", {"maxAttempts": 1, "timeoutSeconds": 7}, **{"If-Match": '"1"'})
    after = live(lambda: http.submit(*broken, profile="bank"), lambda job: job["profileVersion"] == 2)
    assert after["effective"]["timeoutSeconds"] == {"value": 7, "source": "profile"}
    old, new = http.ended([before, after])
    assert [(job["state"], job["attempt"], job["profileVersion"]) for job in (old, new)] == [
        ("dead", 3, 1),
        ("dead", 1, 2),
    ]


def test_a_job_that_follows_takes_the_edit_at_its_next_attempt(http: Http) -> None:
    """Its worker is another process than the one that answered the edit."""
    put(http, "leader", {"maxAttempts": 40, "backoff": QUICK, "follow": True})
    job = http.submit("demo.broken", {"reason": "as always"}, profile="leader", timeoutSeconds=9)
    assert (job["followProfile"], job["maxAttempts"]) == (True, 40)
    eventually(lambda: http.job(job), lambda shown: shown["attempt"] >= 1)
    edited = at(put(http, "leader", {"maxAttempts": 40, "backoff": QUICK, "neverRetry": ["RuntimeError"]})["updatedAt"])

    def is_new(shown: dict[str, Any]) -> bool:
        new: bool = shown["profileVersion"] == 2
        assert new or at(shown["startedAt"]) <= edited + LIVE_S, shown
        return new

    follows = eventually(lambda: http.job(job), is_new)
    assert follows["effective"]["timeoutSeconds"] == {"value": 9, "source": "request"}
    [dead] = http.ended([job])
    assert (dead["state"], dead["error"]["type"]) == ("dead", "RuntimeError")
    assert dead["attempt"] < 40


def test_a_deleted_profile_is_refused_and_its_jobs_go_on(http: Http, stage: Stage) -> None:
    """And another tenant never knew it."""
    put(http, "gone", {"maxAttempts": 2})
    job = http.submit(profile="gone", delaySeconds=2)
    with stage.http("other") as other:
        assert other.client.get("/profiles/gone").status_code == 404
    assert http.client.delete("/profiles/gone", headers={"If-Match": '"9"'}).status_code == 412
    assert http.client.delete("/profiles/gone", headers={"If-Match": '"1"'}).status_code == 204
    body = {"type": "demo.greet", "payload": {"name": "e2e"}, "profile": "gone"}
    refused = live(lambda: http.client.post("/jobs", json=body), lambda reply: reply.status_code == 422)
    assert refused.json()["code"] == "unknown_profile"
    [done] = http.ended([job])
    assert (done["state"], done["profileVersion"]) == ("succeeded", 1)


def test_the_pages_examples_work_as_they_stand(stage: Stage) -> None:
    """They are copied."""
    page = (ROOT / "docs/guide/profiles.md").read_text()
    # The others are about operating it.
    shell = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)[0]
    commands = re.findall(r"^curl .*?^}'$", shell, re.DOTALL | re.MULTILINE)
    environment = os.environ | {"API": stage.stack.api_url, "TOKEN": token.make("page", signing_secret=stage.secret)}
    profile, job = (
        json.loads(subprocess.run(["bash", "-c", command], env=environment, check=True, capture_output=True).stdout)
        for command in commands
    )
    assert (profile["name"], profile["version"], profile["neverRetry"]) == ("bank", 1, ["InvalidAccountError"])
    assert (job["priority"], job["profileVersion"]) == ("high", 1)
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    for field, part in json.loads(f"{{{example}}}")["effective"].items():
        assert job["effective"][field]["source"] == part["source"]
        assert job["effective"][field]["value"] == part["value"] or field == "leaseSeconds", "WHENDUE_LEASE_S"
