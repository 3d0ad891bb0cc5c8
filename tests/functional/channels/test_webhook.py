"""Webhooks against a real receiver that verifies each signature with the published library."""

import base64
import json
import threading
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from tests.builders.notified import EVENT, Notified
from tests.builders.web import Seen, Web
from tests.builders.world import TENANT
from whendue import quotas as limits
from whendue.engine.commit import commit
from whendue.errors import StateConflictError
from whendue.jobs.due_index import shard_of
from whendue.jobs.model import State
from whendue.notifications.subscription import FAILING, GONE, Subscription
from whendue.settings import NOTIFICATIONS

HOUR_S = 3600


def verify(key: str | None, seen: Seen) -> Any:
    """Verify as a receiver does; return the event."""
    assert key is not None
    return Webhook(key).verify(seen.body, seen.headers)


def header(seen: Seen, name: str) -> str:
    return {given.lower(): value for given, value in seen.headers.items()}[name]


def test_a_delivery_is_verified_by_the_published_library(web: Web, world: Notified) -> None:
    """Signed over id, timestamp and exactly the bytes that were sent."""
    hook = world.subscribe(url=web.url("/hook?a=1"))
    delivery = world.notify_one()
    web.answers(204)
    world.work()
    [seen] = web.seen
    assert verify(hook.key, seen) == EVENT.payload()
    assert (seen.method, seen.path) == ("POST", "/hook?a=1")
    assert header(seen, "webhook-id") == delivery.id
    assert header(seen, "content-type") == "application/json"
    assert header(seen, "user-agent").startswith("whendue/")
    seen.body += b" "
    with pytest.raises(WebhookVerificationError):
        verify(hook.key, seen)
    assert world.job(delivery).state is State.SUCCEEDED
    [shown] = world.log()
    assert shown.result == {"status": 204, "body": ""}
    assert shown.payload == EVENT.payload()


def test_an_asymmetric_signature_is_verified_with_the_public_key(web: Web, world: Notified) -> None:
    """`v1a`: ed25519 over the same content, as the specification has it; no secret leaves us."""
    from whendue.outbound.signing import public_part

    hook = world.subscribe(url=web.url(), signature="v1a")
    world.notify_one()
    world.work()
    [seen] = web.seen
    version, _, signature = header(seen, "webhook-signature").partition(",")
    assert version == "v1a"
    public = public_part(hook.key)
    assert public is not None
    assert public.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    content = f"{header(seen, 'webhook-id')}.{header(seen, 'webhook-timestamp')}.".encode() + seen.body
    key.verify(base64.b64decode(signature), content)


def test_a_failing_receiver_is_asked_again_under_the_same_id(web: Web, world: Notified) -> None:
    """Each attempt is signed anew with its own time; the id tells the receiver that it is the same event."""
    hook = world.subscribe(url=web.url())
    web.answers(500, b"out of\norder")
    delivery = world.notify_one()
    world.work()
    first = world.job(delivery)
    assert (first.state, first.failures) == (State.PENDING, 1)
    assert first.last is not None
    assert (first.last.type, first.last.message) == ("WebhookStatusError", "the receiver answered 500: out of order")
    assert 5_000 < first.due_at - world.clock.now_ms() <= 6_000
    assert world.health().failing_since is not None
    web.answers(200, b"thanks")
    assert world.again(delivery).state is State.SUCCEEDED
    assert [verify(hook.key, seen)["type"] for seen in web.seen] == ["job.succeeded"] * 2
    assert len({header(seen, "webhook-id") for seen in web.seen}) == 1
    assert len({header(seen, "webhook-timestamp") for seen in web.seen}) == 2
    assert world.health().failing_since is None
    [shown] = world.log()
    assert [(attempt.attempt, attempt.message) for attempt in shown.attempts] == [
        (1, "the receiver answered 500: out of order")
    ]
    assert shown.result == {"status": 200, "body": "thanks"}


def test_an_event_that_is_published_twice_arrives_once(web: Web, world: Notified) -> None:
    """Whoever died before it knew that a delivery was created creates it again."""
    world.subscribe(url=web.url())
    world.notify()
    again = world.app.notifications.deliveries_of(TENANT, EVENT)
    assert [end.done for end in world.table.apply(again)] == [False]
    world.work()
    assert len(web.seen) == 1


def test_a_receiver_that_hangs_is_given_up_for_this_attempt(
    web: Web, world: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it hangs: it takes the attempt's time and no more, or this would never end."""
    monkeypatch.setattr(limits, "NOTIFY_TIMEOUT_S", 0.3)
    free = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        free.wait()

    web.reply = hang
    world.subscribe(url=web.url())
    delivery = world.notify_one()
    world.work()
    free.set()
    after = world.job(delivery)
    assert after.state is State.PENDING
    assert after.last is not None
    assert after.last.type == "HttpTimeoutError"


def test_a_redirect_is_a_failure_and_is_not_followed(web: Web, world: Notified) -> None:
    """It could lead anywhere."""
    world.subscribe(url=web.url())
    web.answers(302, Location=web.url("/elsewhere"))
    delivery = world.notify_one()
    world.work()
    assert [seen.path for seen in web.seen] == ["/hook"]
    after = world.job(delivery)
    assert after.state is State.PENDING
    assert after.last is not None
    assert after.last.message == "the receiver answered 302, and redirects are not followed"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_is_honoured(web: Web, world: Notified, status: int) -> None:
    """A receiver that says when is asked then, not before."""
    world.subscribe(url=web.url())
    web.answers(status, Retry_After="3000")
    delivery = world.notify_one()
    world.work()
    assert 2_990_000 < world.job(delivery).due_at - world.clock.now_ms() <= 3_000_000


def test_a_receiver_that_is_gone_disables_its_subscription_at_once(web: Web, world: Notified) -> None:
    """410 means never again (Standard Webhooks, status codes)."""
    world.subscribe(url=web.url())
    web.answers(410, b"moved out")
    delivery = world.notify_one()
    world.work()
    after, health = world.job(delivery), world.health()
    assert after.state is State.DEAD
    assert after.last is not None
    assert (after.last.type, after.last.message) == ("ReceiverGoneError", "the receiver answered 410: moved out")
    assert (health.active, health.disabled_reason) == (False, GONE)
    assert world.notify() == [], "nothing is created for it any more"


def test_a_receiver_that_fails_for_a_day_is_disabled_and_what_waits_ends(web: Web, world: Notified) -> None:
    """With a reason; enabled again it can be replayed what it missed, under the same ids."""
    hook = world.subscribe(url=web.url())
    web.answers(500)
    delivery = world.notify_one()
    world.work()
    began = world.clock.now_ms()
    while world.job(delivery).state is State.PENDING:
        assert world.health().active
        world.again(delivery)
    assert 24 * HOUR_S <= (world.clock.now_ms() - began) / 1000 < 26 * HOUR_S
    assert len(web.seen) == 10
    assert (world.job(delivery).state, world.health().disabled_reason) == (State.DEAD, FAILING)
    with pytest.raises(StateConflictError):
        world.app.deliveries.replay(TENANT, "hook", delivery.id)
    enabled = world.app.subscriptions.enable(TENANT, "hook")
    assert (enabled.active, enabled.failing_since) == (True, None)
    assert enabled.version > hook.version
    web.answers(200)
    world.app.deliveries.replay(TENANT, "hook", delivery.id)
    world.work()
    assert world.job(delivery).state is State.SUCCEEDED
    assert len({header(seen, "webhook-id") for seen in web.seen}) == 1


def test_what_waits_for_a_subscription_that_is_disabled_or_deleted_ends_dead(web: Web, world: Notified) -> None:
    """Nothing is sent behind the user's back."""
    world.subscribe(url=web.url())
    world.subscribe("other", url=web.url())
    web.answers(410)
    first, other = world.notify()
    world.app.subscriptions.delete(TENANT, "other")
    [second] = world.app.notifications.deliveries_of(TENANT, EVENT)
    assert second.job.id == first.id
    world.work()
    assert len(web.seen) == 1
    ended = world.job(other)
    assert (ended.state, ended.last and ended.last.type) == (State.DEAD, "subscription_disabled")


def test_a_delivered_event_is_replayed_under_the_same_id(web: Web, world: Notified) -> None:
    """A receiver that lost it can have it again, and tell that it is the same."""
    hook = world.subscribe(url=web.url())
    delivery = world.notify_one()
    world.work()
    again = world.app.deliveries.replay(TENANT, "hook", delivery.id)
    assert (again.state, again.result) == (State.PENDING, None)
    world.work()
    assert [header(seen, "webhook-id") for seen in web.seen] == [delivery.id] * 2
    assert verify(hook.key, web.seen[1]) == EVENT.payload()
    assert world.job(delivery).state is State.SUCCEEDED


def test_during_a_rotation_both_keys_sign(web: Web, world: Notified) -> None:
    """Receivers change to the new one whenever they like within a day; then the old one is worth nothing."""
    old = world.subscribe(url=web.url())
    new = world.app.subscriptions.rotate(TENANT, "hook")
    world.notify_one()
    world.work()
    for key in (old.key, new.key):
        verify(key, web.seen[0])
    assert len(header(web.seen[0], "webhook-signature").split(" ")) == 2
    world.clock.advance(24 * HOUR_S)
    world.app.deliveries.replay(TENANT, "hook", world.log()[0].job.id)
    world.work()
    verify(new.key, web.seen[1])
    with pytest.raises(WebhookVerificationError):
        verify(old.key, web.seen[1])


def test_a_rotation_that_is_repeated_keeps_the_key_that_receivers_have(web: Web, world: Notified) -> None:
    """The reply of the first one may have been lost: nobody knows the key in between."""
    old = world.subscribe(url=web.url())
    between = world.app.subscriptions.rotate(TENANT, "hook")
    world.clock.advance(60)
    new = world.app.subscriptions.rotate(TENANT, "hook")
    assert (new.old_key, new.old_until) == (old.key, between.old_until)
    assert new.key not in (old.key, between.key)


def test_another_kind_of_key_is_a_rotation(web: Web, world: Notified) -> None:
    """Receivers that verify the old kind go on for a day."""
    old = world.subscribe(url=web.url())
    new: Subscription = world.subscribe(url=web.url(), signature="v1a")
    world.notify_one()
    world.work()
    verify(old.key, web.seen[0])
    kinds = [item.partition(",")[0] for item in header(web.seen[0], "webhook-signature").split(" ")]
    assert kinds == ["v1a", "v1"]
    assert (new.key or "").startswith("whsk_")


def test_an_answer_is_kept_short_and_on_one_line(web: Web, world: Notified) -> None:
    """It is the receiver's text, and stands in our log."""
    world.subscribe(url=web.url())
    web.answers(500, b"\x1b[31m" + b"x" * 10_000)
    delivery = world.notify_one()
    world.work()
    last = world.job(delivery).last
    assert last is not None
    assert last.message.isprintable()
    assert len(last.message.encode()) <= 256
    web.answers(200, "ü".encode() * 5_000)
    world.again(delivery)
    [shown] = world.log()
    assert len(shown.result["body"].encode()) <= 200
    assert json.dumps(shown.result)


def test_a_slow_receiver_holds_up_five_workers_and_nobody_else(web: Web, world: Notified) -> None:
    """Of eight deliveries at once five are claimed and three wait in line; one of another lane is not behind them."""
    world.subscribe(url=web.url("/slow"))
    for n in range(8):
        world.notify(replace(EVENT, about=f"0190 {n}"))
    world.subscribe("other", url=web.url("/other"))
    assert shard_of("hook", limits.NOTIFY_LANES) != shard_of("other", limits.NOTIFY_LANES)
    other = world.app.notifications.deliveries_of(TENANT, replace(EVENT, about="last"))[1]
    commit(world.app.runtime, [other], world.clock.now_ms())
    seen: list[str] = []

    def slow(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.path)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.reply = slow
    messages = world.queues.receive(NOTIFICATIONS)
    worked = world.app.work.handle(messages, world.clock.now_ms() + 60_000)
    assert Counter(seen) == {"/slow": limits.NOTIFY_CONCURRENCY, "/other": 1}
    assert worked.counts["limited"] == 3
    assert {message.group for message in world.queues.messages[NOTIFICATIONS]} == {TENANT}, (
        "tenants are fair to each other"
    )
