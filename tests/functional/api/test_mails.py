"""The request that the project was asked for, to the letter; and which mails and invocations are refused at submit."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.notified import fresh_resources
from tests.builders.world import TENANT, World
from whendue.declarations.registry import TASKS, discover
from whendue.declarations.resources import Resources, TaskSettings

# Every character of it.
BRIEF = '{"type":"email","payload":{"to":"user@example.com","subject":"Hello"},"delaySeconds":30,"retries":3}'
SETTINGS = TaskSettings(
    email_from="whendue@example.com",
    email_senders={"acme": ("example.com",)},
    email_recipients={"acme": ("example.com",)},
    lambda_allow={"acme": ("*",)},
    own_functions=frozenset({"whendue-worker"}),
)


class Mailbox:
    """Stands in for SES's client; out of order for as many sends as told."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.broken = 0

    def send_email(self, **parameters: Any) -> dict[str, str]:
        """Take a mail."""
        if self.broken:
            self.broken -= 1
            raise ConnectionError("SES does not answer")
        self.sent.append(parameters)
        return {"MessageId": "m-1"}


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox) -> Resources:
    fresh = fresh_resources(monkeypatch)
    fresh.provide("settings", lambda: SETTINGS)
    fresh.provide("sesv2", lambda: mailbox)
    return fresh


@pytest.fixture
def world(provided: Resources) -> World:
    made = World()
    discover("whendue.tasks")
    for name in ("email", "lambda"):
        made.registry.add(TASKS.get(name))
    return made


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def test_the_briefs_request_is_accepted_verbatim_and_runs(client: Client, world: World, mailbox: Mailbox) -> None:
    """202; nothing for thirty seconds; then the mail has been sent, and the job has succeeded."""
    answer = client.send("POST", "/tasks/schedule", json.loads(BRIEF))
    assert answer.status == 202
    assert {name: answer.json[name] for name in ("type", "state", "attempt", "maxAttempts")} == {
        "type": "email", "state": "scheduled", "attempt": 0, "maxAttempts": 4,
    }  # fmt: skip
    world.pass_time(29)
    assert mailbox.sent == []
    world.pass_time(2)
    [sent] = mailbox.sent
    assert sent["Destination"]["ToAddresses"] == ["user@example.com"]
    assert (sent["FromEmailAddress"], sent["Content"]["Simple"]["Subject"]["Data"]) == ("whendue@example.com", "Hello")
    shown = client.send("GET", answer.headers["location"]).json
    assert (shown["state"], shown["attempt"], shown["result"]) == ("succeeded", 1, {"messageId": "m-1"})
    assert shown["payload"] == {"to": "user@example.com", "subject": "Hello"}, "as it was sent"


@pytest.mark.parametrize(("broken", "state", "attempts"), [(3, "succeeded", 4), (4, "dead", 4)])
def test_its_three_retries_are_attempts_after_the_first(
    client: Client, world: World, mailbox: Mailbox, broken: int, state: str, attempts: int
) -> None:
    """Of a mail that SES does not take."""
    mailbox.broken = broken
    answer = client.send("POST", "/tasks/schedule", json.loads(BRIEF))
    world.pass_time(3600, step_s=5)
    shown = client.send("GET", answer.headers["location"]).json
    assert (shown["state"], len(shown["attempts"]), len(mailbox.sent)) == (state, attempts, int(state == "succeeded"))


MAIL: dict[str, Any] = {"to": "ada@example.com", "subject": "Hello"}
REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a recipient": ("email", {**MAIL, "to": "eve@evil.example"}, "to.0", "WHENDUE_EMAIL_RECIPIENTS"),
    "a hidden recipient": ("email", {**MAIL, "bcc": ["eve@evil.example"]}, "bcc.0", "WHENDUE_EMAIL_RECIPIENTS"),
    "a sender": ("email", {**MAIL, "from": "eve@evil.example"}, "from", "WHENDUE_EMAIL_SENDERS"),
    "an own function": ("lambda", {"functionName": "whendue-worker"}, "functionName", "whendue's own"),
    "an own function by ARN": (
        "lambda",
        {"functionName": "arn:aws:lambda:eu-west-1:123456789012:function:WHENDUE-worker"},
        "functionName",
        "whendue's own",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_job_that_may_never_run_is_refused_at_the_door(client: Client, name: str) -> None:
    """As a job, in a batch, in a schedule and in a workflow; with the place and the setting, and no value."""
    kind, payload, where, says = REFUSED[name]
    job = {"type": kind, "payload": payload}
    answers = {
        "job": client.send("POST", "/jobs", job),
        "schedule": client.send("PUT", "/schedules/s", {"cron": "* * * * *", "job": job}),
        "workflow": client.send("POST", "/workflows", {"nodes": {"a": job}}),
    }
    for kind, answer in answers.items():
        assert (answer.status, answer.code) == (422, "invalid_workflow" if kind == "workflow" else "not_allowed")
        [error] = answer.json["errors"]
        assert error["where"].endswith(where)
        assert says in error["problem"]
        assert "evil" not in answer.text
    [item] = client.send("POST", "/jobs/batch", {"jobs": [job]}).json["items"]
    assert (item["status"], item["problem"]["code"]) == (422, "not_allowed")


def test_what_the_operator_allows_to_one_tenant_another_is_refused(client_of: Callable[..., Client]) -> None:
    """The same requests."""
    for job in ({"type": "email", "payload": MAIL}, {"type": "lambda", "payload": {"functionName": "f"}}):
        assert client_of(TENANT).send("POST", "/jobs", job).status == 202
        assert client_of("other").send("POST", "/jobs", job).code == "not_allowed"


@pytest.mark.parametrize("kind", ["email", "lambda"])
def test_what_is_forbidden_after_it_was_accepted_ends_dead_at_once(
    client: Client, world: World, mailbox: Mailbox, provided: Resources, kind: str
) -> None:
    """With the same code; the neighbours of the batch run."""
    payload = MAIL if kind == "email" else {"functionName": "f"}
    job, neighbour = client.submit(kind, payload=payload), client.submit("ok")
    provided.provide("settings", lambda: TaskSettings(email_from="whendue@example.com"))
    world.work()
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert (shown["state"], shown["attempt"], shown["error"]["type"]) == ("dead", 1, "not_allowed")
    assert client.send("GET", f"/jobs/{neighbour['id']}").json["state"] == "succeeded"
    assert mailbox.sent == []


def test_a_fire_that_is_forbidden_by_now_is_in_the_history(
    client: Client, world: World, mailbox: Mailbox, provided: Resources
) -> None:
    """The schedule stands, its neighbour fires, and nothing is sent."""
    jobs = {"mail": {"type": "email", "payload": MAIL}, "neighbour": {"type": "ok", "payload": {}}}
    for name, job in jobs.items():
        assert client.send("PUT", f"/schedules/{name}", {"cron": "* * * * *", "job": job}).status == 201
    provided.provide("settings", lambda: TaskSettings(email_from="whendue@example.com"))
    world.pass_time(300)
    fires = {name: client.send("GET", f"/schedules/{name}/fires").json["items"] for name in jobs}
    assert {fire["outcome"] for fire in fires["neighbour"]} == {"ran"}
    skipped = [fire["reason"] for fire in fires["mail"] if fire["outcome"] == "skipped"]
    assert len(skipped) >= 3
    assert set(skipped) == {"not_allowed"}
    assert mailbox.sent == []
