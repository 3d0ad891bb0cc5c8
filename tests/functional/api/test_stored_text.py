"""Text that is stored and shown is one line: no control characters, no line breaks, nothing that turns it around."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from localstack import token
from tests.builders.api import SECRET, a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.aws_quotas import ERROR_MESSAGE_BYTES, ERROR_TYPE_BYTES
from whendue.jobs.failures import Raised, failure
from whendue.quotas import PAUSE_BY_BYTES, SUBJECT_BYTES
from whendue.schedules.model import schedule_key
from whendue.support.text import is_line, one_line

BAD = {
    "an escape": "a\x1b[31mb",
    "a line feed": "a\nb",
    "a carriage return": "a\rb",
    "a tab": "a\tb",
    "a delete": "a\x7fb",
    "a C1 control": "a\x9bb",
    "a line separator": "a\u2028b",
    "a paragraph separator": "a\u2029b",
    "an override": "a\u202eb",
    "an isolate": "a\u2067b",
}
GOOD = ["plain", "grün", "日本語", "שלום", "👩‍👩‍👧", "a\u200cb", "a\u00adb", "x" * 60]
JOB: dict[str, Any] = {"type": "ok"}
# Every request that stores a text of the sender's, with the text in its place.
PLACES: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "reason of a queue's pause": ("POST", "/queues/low/pause", lambda text: {"reason": text}),
    "reason of a tenant's pause": ("POST", "/pauses", lambda text: {"reason": text}),
    "reason of a schedule's pause": ("POST", "/schedules/s/pause", lambda text: {"reason": text}),
    "a tag": ("POST", "/jobs", lambda text: JOB | {"tags": {"a": text}}),
    "a tag's name": ("POST", "/jobs", lambda text: JOB | {"tags": {text[:8]: "a"}}),
    "a tag of a workflow": ("POST", "/workflows", lambda text: {"nodes": {"a": JOB}, "tags": {"a": text}}),
    "a tag of a node": ("POST", "/workflows", lambda text: {"nodes": {"a": JOB | {"tags": {"a": text}}}}),
    "a tag of a schedule": ("PUT", "/schedules/t", lambda text: {"every": "PT1H", "job": JOB | {"tags": {"a": text}}}),
}
NAMES: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "a group": ("POST", "/jobs", lambda text: JOB | {"group": text}),
    "a profile": ("POST", "/jobs", lambda text: JOB | {"profile": text}),
    "a type": ("POST", "/jobs", lambda text: {"type": text}),
    "a key of limits": ("POST", "/jobs", lambda text: JOB | {"limits": {"concurrency": 1, "key": text}}),
    "an error never retried": ("POST", "/jobs", lambda text: JOB | {"neverRetry": [text]}),
    "a subscription named": ("POST", "/jobs", lambda text: JOB | {"notify": [text]}),
    "a parent": ("POST", "/jobs", lambda text: JOB | {"dependsOn": [text]}),
    "a node": ("POST", "/workflows", lambda text: {"nodes": {text: JOB}}),
    "a cron": ("PUT", "/schedules/t", lambda text: {"cron": f"0 0 * * *{text}", "job": JOB}),
    "an interval": ("PUT", "/schedules/t", lambda text: {"every": f"PT1H{text}", "job": JOB}),
    "a time zone": ("PUT", "/schedules/t", lambda text: {"cron": "0 0 * * *", "timezone": f"UTC{text}", "job": JOB}),
    "an exclusion": ("PUT", "/schedules/t", lambda t: {"cron": "0 0 * * *", "exclude": [f"2026-12-25{t}"], "job": JOB}),
    "a channel": ("PUT", "/subscriptions/x", lambda t: {"channel": t, "config": {}, "events": ["dead"]}),
    "a configuration": ("PUT", "/subscriptions/x", lambda t: {"channel": "c", "config": {"a": t}, "events": ["dead"]}),
    "a name in it": ("PUT", "/subscriptions/x", lambda t: {"channel": "c", "config": {t: 1}, "events": ["dead"]}),
    "a body in it": (
        "PUT",
        "/subscriptions/x",
        lambda t: {"channel": "c", "config": {"text": t + chr(27)}, "events": ["dead"]},
    ),
}


@pytest.fixture(scope="module")
def api() -> Client:
    client = Client(api_of(World()), a_token())
    client.send("PUT", "/schedules/s", {"every": "PT1H", "job": JOB})
    return client


@pytest.mark.parametrize("location", PLACES | NAMES)
@pytest.mark.parametrize("name", BAD)
def test_what_acts_on_the_reader_is_refused(api: Client, location: str, name: str) -> None:
    """Wherever it stands, and it is not repeated in the answer."""
    method, path, body = (PLACES | NAMES)[location]
    answer = api.send(method, path, body(BAD[name]))
    assert answer.status in (400, 422), answer.text
    assert answer.code != "internal_error"
    assert is_line(answer.text)


@pytest.mark.parametrize("location", PLACES)
@pytest.mark.parametrize("text", GOOD)
def test_text_of_every_script_is_taken(api: Client, location: str, text: str) -> None:
    """Joiners and marks belong to it."""
    method, path, body = PLACES[location]
    answer = api.send(method, path, body(text))
    assert answer.status in (200, 201, 202), answer.text


def test_a_payload_is_any_json(api: Client) -> None:
    """It is the task's business, and shown as JSON alone."""
    text = "".join(BAD.values())
    job = api.submit(payload={"text": text})
    assert api.send("GET", f"/jobs/{job['id']}").json["payload"] == {"text": text}


def signed(subject: Any) -> str:
    claims = jwt.decode(a_token(), SECRET, algorithms=["HS256"], audience=token.AUDIENCE)
    return jwt.encode(claims | {"sub": subject}, SECRET, algorithm="HS256")


@pytest.mark.parametrize("name", BAD)
def test_a_subject_with_such_a_character_is_no_subject(name: str) -> None:
    """It would be shown as who paused something; cleaned it could be somebody else's."""
    client = Client(api_of(World()), signed(BAD[name]))
    assert client.send("GET", "/jobs").code == "unauthenticated"


def test_subjects_are_bounded() -> None:
    """A token has room for thousands of bytes; what is stored of it is short."""
    world = World()
    assert Client(api_of(world), signed("s" * (SUBJECT_BYTES + 1))).send("GET", "/jobs").status == 401
    client = Client(api_of(world), signed("s" * SUBJECT_BYTES))
    assert len(client.send("POST", "/pauses", {"reason": "r"}).json["by"].encode()) <= PAUSE_BY_BYTES
    client.send("PUT", "/schedules/s", {"every": "PT1H", "job": JOB})
    client.send("POST", "/schedules/s/pause", {"reason": "r"})
    [item] = world.table.get([schedule_key("acme", "s")])
    assert item
    assert item["paused_by"] == "s" * SUBJECT_BYTES


def test_errors_of_tasks_are_stored_as_bounded_lines() -> None:
    """Nobody can ask an exception to mend its message."""
    world = World()
    text = "\n".join(BAD.values()) * 50
    kind = type("K" * 500 + "\x1b", (Exception,), {})

    def fails(payload: Any, ctx: Any) -> None:
        raise kind(text)

    world.task("fails", fails, max_attempts=1)
    job = world.submit("fails")
    world.work()
    last = world.job(job).last
    assert last
    assert is_line(last.message + last.type + last.where)
    assert len(last.message.encode()) <= ERROR_MESSAGE_BYTES
    assert len(last.type.encode()) <= ERROR_TYPE_BYTES
    made = failure(job, text, text, failed_at=1, raised_at=Raised(text))
    assert is_line(made.type + made.where + made.message)


@pytest.mark.parametrize("name", BAD)
def test_one_line_is_one(name: str) -> None:
    """One space for each."""
    assert not is_line(BAD[name])
    assert is_line(one_line(BAD[name]))
    assert all(map(is_line, GOOD))
