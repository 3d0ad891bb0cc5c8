"""Notifications through HTTP -> DynamoDB -> SQS -> the notifier function -> a real receiver, and SES's mailbox."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.builders.waiting import eventually
from tests.builders.web import Web, serving
from tests.e2e.stage import Http, Stage
from whendue.quotas import NOTIFY_CONCURRENCY

TENANT = "e2e"
RECIPIENTS = {TENANT: ["ops@example.com"]}
# A slow receiver answers no sooner; under the 15 s after which its attempt fails.
SLOW_S = 10
# So many deliveries take a slow receiver several times SLOW_S.
MANY = 40


@pytest.fixture(scope="module")
def notifying(stage_named: Callable[..., Stage]) -> Stage:
    """A stack whose operator lets webhooks reach this machine, and mails one recipient."""
    made = stage_named(
        "notifying",
        schedule_timer=True,
        WHENDUE_HTTP_ALLOW="127.0.0.0/8",
        WHENDUE_EMAIL_FROM="whendue@example.com",
        WHENDUE_EMAIL_RECIPIENTS=json.dumps(RECIPIENTS),
    )
    # A new account of SES sends to verified addresses alone.
    for address in ("whendue@example.com", *RECIPIENTS[TENANT]):
        made.clients.client("sesv2").create_email_identity(EmailIdentity=address)
    return made


@pytest.fixture
def http(notifying: Stage) -> Iterator[Http]:
    with notifying.http(TENANT) as client:
        yield client


@pytest.fixture
def web() -> Iterator[Web]:
    """A receiver."""
    with serving() as server:
        yield server


def put(http: Http, name: str, channel: str, *events: str, **config: Any) -> dict[str, Any]:
    body = {"channel": channel, "config": config, "events": events or ["dead"]}
    reply = http.client.put(f"/subscriptions/{name}", json=body)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def send_test(http: Http, name: str) -> str:
    reply = http.client.post(f"/subscriptions/{name}/test")
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


def delivery(http: Http, name: str, delivery_id: str) -> dict[str, Any]:
    items = http.client.get(f"/subscriptions/{name}/deliveries").raise_for_status().json()["items"]
    # One that ends meanwhile may be shown twice; its end is the later one.
    shown: dict[str, Any] = [item for item in items if item["id"] == delivery_id][-1]
    return shown


def ended(http: Http, name: str, delivery_id: str) -> dict[str, Any]:
    return eventually(lambda: delivery(http, name, delivery_id), lambda item: item["finishedAt"] is not None)


def test_a_webhook_is_signed_tried_again_logged_and_replayed(http: Http, web: Web) -> None:
    """A receiver that is out of order for a moment gets it at the second attempt, under the same id."""
    hook = put(http, "hook", "webhook", url=web.url())

    def once_out_of_order(handler: BaseHTTPRequestHandler) -> None:
        web.answers(200, b"thanks")
        handler.send_error(500)

    web.reply = once_out_of_order
    delivery_id = send_test(http, "hook")
    done = ended(http, "hook", delivery_id)
    assert (done["state"], done["answer"]) == ("succeeded", {"status": 200, "body": "thanks"})
    assert [attempt["state"] for attempt in done["attempts"]] == ["failed", "succeeded"]
    assert done["attempts"][0]["error"]["message"].startswith("the receiver answered 500")
    assert http.client.post(f"/subscriptions/hook/deliveries/{delivery_id}/replay").status_code == 202
    eventually(lambda: len(web.seen) == 3)
    for seen in web.seen:
        event = Webhook(hook["secret"]).verify(seen.body, seen.headers)
        assert event["type"] == "subscription.test"
        assert seen.headers["webhook-id"] == delivery_id


def test_the_end_of_a_job_and_its_failed_attempts_are_delivered(http: Http, web: Web) -> None:
    """From the worker that recorded them, by the notifier, to the receiver; each under an id of its own."""
    put(http, "ends", "webhook", "succeeded", "dead", "attempt_failed", url=web.url())
    good = http.submit()
    bad = http.submit("demo.broken", {"reason": "as always"}, retries=1, backoff={"baseSeconds": 1, "jitter": "none"})
    http.ended([good, bad])

    def received() -> list[tuple[str, str, int]]:
        events = [json.loads(seen.body) for seen in web.seen]
        return sorted((event["type"], event["data"]["jobId"], event["data"]["attempt"]) for event in events)

    expected = [("job.attempt_failed", bad["id"], 1), ("job.attempt_failed", bad["id"], 2), ("job.dead", bad["id"], 2)]
    assert eventually(received, lambda events: len(events) >= 4) == [
        *expected,
        ("job.succeeded", good["id"], 1),
    ]
    assert len({seen.headers["webhook-id"] for seen in web.seen}) == 4
    assert http.client.delete("/subscriptions/ends").status_code == 204


def test_an_asymmetric_key_signs_in_the_function(http: Http, web: Web) -> None:
    """The layer has what it takes."""
    hook = put(http, "asymmetric", "webhook", url=web.url(), signature="v1a")
    assert hook["publicKey"].startswith("whpk_")
    done = ended(http, "asymmetric", send_test(http, "asymmetric"))
    assert done["state"] == "succeeded"
    assert web.seen[0].headers["webhook-signature"].startswith("v1a,")


def test_a_target_that_may_not_be_is_refused_by_name(http: Http) -> None:
    """By the name of the rule."""
    reply = http.client.put(
        "/subscriptions/inside",
        json={"channel": "webhook", "config": {"url": "https://169.254.169.254/latest"}, "events": ["dead"]},
    )
    assert (reply.status_code, reply.json()["code"]) == (422, "target_refused")
    assert "instance metadata" in reply.json()["detail"]


def test_a_mail_reaches_the_mailbox(notifying: Stage, http: Http) -> None:
    """Of a pause, told to the tenant of whoever paused; the words are filled in from the event."""
    words = {"subject": "$type: $queue", "text": "$reason\n"}
    put(http, "mail", "email", "queue_paused", to=["ops@example.com"], **words)
    assert http.client.post("/queues/low/pause", json={"reason": "a rehearsal"}).status_code == 200
    assert http.client.post("/queues/low/resume").status_code == 204

    def mails() -> list[dict[str, Any]]:
        url = f"{notifying.stack.aws_endpoint_url}/_ministack/ses/messages"
        by_account = httpx.get(url).raise_for_status().json()["messages"]
        all_mails = [message for messages in by_account.values() for message in messages]
        # Tests of the task `email` send to others.
        return [mail for mail in all_mails if mail["To"] == ["ops@example.com"]]

    [sent_id] = {item["id"] for item in http.client.get("/subscriptions/mail/deliveries").json()["items"]}
    assert ended(http, "mail", sent_id)["state"] == "succeeded"
    [mail] = eventually(mails)
    assert (mail["To"], mail["Source"]) == (["ops@example.com"], "whendue@example.com")
    assert (mail["Subject"], mail["BodyText"]) == ("queue.paused: low", "a rehearsal\n")


class Slow:
    """A receiver that takes its time at `/slow`; knows how many deliveries it had in hand at once."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.most = 0
        self._in_hand = 0
        self._lock = threading.Lock()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer."""
        if handler.path == "/slow":
            self._count(1)
            self.free.wait(SLOW_S)
            self._count(-1)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _count(self, more: int) -> None:
        with self._lock:
            self._in_hand += more
            self.most = max(self.most, self._in_hand)


def test_a_slow_receiver_holds_up_neither_jobs_nor_other_tenants(notifying: Stage, http: Http, web: Web) -> None:
    """Of what it is to get a few are under way at once; a job and another tenant's delivery overtake the others."""
    web.reply = slow = Slow()
    notifying.home.notifiers(notifying.stack, 2 * NOTIFY_CONCURRENCY)
    put(http, "slow", "webhook", url=web.url("/slow"))
    # Cold starts are the emulator's: so many at once first, as there will be.
    for item in [send_test(http, "slow") for _ in range(NOTIFY_CONCURRENCY)]:
        ended(http, "slow", item)
    web.seen.clear()
    slow_ids = [send_test(http, "slow") for _ in range(MANY)]
    eventually(lambda: len(web.seen) >= NOTIFY_CONCURRENCY)
    [job] = http.ended([http.submit()])
    assert job["state"] == "succeeded"
    with notifying.http("other") as other:
        put(other, "quick", "webhook", url=web.url("/quick"))
        done = ended(other, "quick", send_test(other, "quick"))
    assert done["state"] == "succeeded"
    paths = [seen.path for seen in web.seen]
    before = paths[: paths.index("/quick")].count("/slow")
    print(f"\nanother tenant's delivery came after {before} of {MANY} to a receiver that takes {SLOW_S} s")
    assert before <= MANY / 2
    slow.free.set()
    # Those that waited in line come when a slot is handed on, or look for themselves.
    assert {ended(http, "slow", slow_id)["state"] for slow_id in slow_ids[:1]} == {"succeeded"}
    assert slow.most == NOTIFY_CONCURRENCY
