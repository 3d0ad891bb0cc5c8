"""Subscriptions over HTTP: made, changed under a lock, rotated, tested, replayed; and secrets are shown once."""

import json
from collections import Counter
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.faults import Refusing
from tests.builders.gateway import Answer, Client, Shape
from tests.builders.notified import Notified, fresh_resources
from tests.builders.world import TENANT
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.jobs.model import State
from whendue.quotas import SUBSCRIPTION_CONFIG_BYTES, SUBSCRIPTION_FILTERS, SUBSCRIPTIONS_PER_TENANT
from whendue.settings import NOTIFICATIONS
from whendue.support.clock import ManualClock

HOOK: dict[str, Any] = {
    "channel": "webhook",
    "config": {"url": "https://hooks.example.com/whendue"},
    "events": ["succeeded", "dead"],
}
MAIL: dict[str, Any] = {"channel": "email", "config": {"to": ["ops@example.com"]}, "events": ["dead"]}
TOPIC: dict[str, Any] = {
    "channel": "sns",
    "config": {"topicArn": "arn:aws:sns:eu-west-1:123456789012:acme-jobs"},
    "events": ["schedule_missed"],
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Notified:
    made = Notified(ManualClock())
    fresh_resources(monkeypatch).provide("notify", lambda: made.app.notify)
    return made


@pytest.fixture
def client(world: Notified, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def put(client: Client, body: Any = HOOK, name: str = "hook", **headers: str) -> Answer:
    return client.send("PUT", f"/subscriptions/{name}", body, headers)


def get(client: Client, path: str = "") -> Answer:
    return client.send("GET", f"/subscriptions/hook{path}")


def post(client: Client, path: str) -> Answer:
    return client.send("POST", f"/subscriptions/hook{path}")


def test_a_subscription_is_read_as_it_was_put_but_for_its_secret(client: Client) -> None:
    """The secret is in the reply that made it, and in no other."""
    whole = HOOK | {
        "applies": "named",
        "filter": {"types": ["ok"], "priorities": ["high", "low"], "schedules": ["nightly"]},
    }
    made = put(client, whole)
    assert (made.status, made.headers["location"]) == (201, "/subscriptions/hook")
    assert made.json["secret"].startswith("whsec_")
    shown = get(client)
    assert {name: shown.json[name] for name in whole} == whole
    assert (shown.json["name"], shown.json["active"], shown.json["failingSince"]) == ("hook", True, None)
    assert shown.headers["etag"] == made.headers["etag"]
    listed = client.send("GET", "/subscriptions").json
    assert listed == {"items": [shown.json], "cursor": None}
    assert "secret" not in shown.json
    assert made.json["secret"] not in shown.text + json.dumps(listed)


def test_an_asymmetric_key_shows_its_public_part_and_never_the_other(client: Client, world: Notified) -> None:
    """Whoever verifies needs no secret of ours."""
    made = put(client, HOOK | {"config": HOOK["config"] | {"signature": "v1a"}})
    assert made.json["secret"] is None
    assert made.json["publicKey"].startswith("whpk_")
    assert get(client).json["publicKey"] == made.json["publicKey"]
    assert "whsk_" not in made.text + get(client).text


def test_secrets_are_in_no_log_no_job_and_no_error(client: Client, world: Notified, logged: StringIO) -> None:
    """Not in what is stored for a delivery, either: it is read from the subscription at each attempt."""
    secrets = [put(client).json["secret"], post(client, "/rotate-secret").json["secret"]]
    assert secrets[0] != secrets[1]
    delivery = post(client, "/test").json
    kept = [json.dumps(item, default=str) for key, item in world.table.items().items() if key.pk[:3] == "JOB"]
    sent = [message.body for message in world.queues.messages[NOTIFICATIONS]]
    shown = [client.send("GET", f"/jobs/{delivery['id']}").text, get(client, "/deliveries").text]
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in "".join([logged.getvalue(), *kept, *sent, *shown])


def test_an_edit_under_an_etag_is_refused_when_somebody_was_faster(client: Client, world: Notified) -> None:
    """No edit overwrites one that its author has not seen."""
    first = put(client).headers["etag"]
    world.clock.advance(1)
    second = put(client, HOOK | {"events": ["cancelled"]}, **{"If-Match": first})
    assert (second.status, second.json["secret"]) == (200, None)
    assert second.headers["etag"] != first
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/rotate-secret"), ("POST", "/enable")):
        late = client.send(method, f"/subscriptions/hook{path}", HOOK if method == "PUT" else None, {"If-Match": first})
        assert (late.status, late.code) == (412, "precondition_failed")
    assert get(client).json["events"] == ["cancelled"]
    assert put(client, HOOK, **{"If-None-Match": "*"}).code == "precondition_failed"
    assert client.send("DELETE", "/subscriptions/hook", None, {"If-Match": second.headers["etag"]}).status == 204
    assert get(client).code == "subscription_not_found"


def test_saying_the_same_again_changes_nothing(client: Client) -> None:
    """A repeated PUT, its reply lost, is the same subscription, with the same key."""
    made = put(client)
    again = put(client)
    assert (again.status, again.headers["etag"], again.json["secret"]) == (200, made.headers["etag"], None)


def test_a_subscription_that_is_made_again_is_another_one(client: Client, world: Notified) -> None:
    """With a key of its own, and no ETag of the one before."""
    made = put(client)
    client.send("DELETE", "/subscriptions/hook")
    world.clock.advance(1)
    again = put(client)
    assert again.status == 201
    assert again.json["secret"] != made.json["secret"]
    assert again.headers["etag"] != made.headers["etag"]
    assert put(client, HOOK, **{"If-Match": made.headers["etag"]}).code == "precondition_failed"


def test_a_rotation_says_until_when_the_old_key_signs(client: Client, world: Notified) -> None:
    """And shows the new one this once."""
    put(client)
    rotated = post(client, "/rotate-secret")
    assert rotated.status == 200
    assert rotated.json["secret"].startswith("whsec_")
    assert rotated.json["oldKeyUntil"] == "2027-01-16T08:00:00.000Z"
    assert "secret" not in get(client).json
    put(client, TOPIC, "topic")
    assert client.send("POST", "/subscriptions/topic/rotate-secret").code == "state_conflict"
    assert client.send("POST", "/subscriptions/none/rotate-secret").code == "subscription_not_found"


def test_a_test_event_is_delivered_and_logged(client: Client, world: Notified) -> None:
    """The log says what was sent and what came of it; ordinary lists of jobs have none of it."""
    put(client)
    sent = post(client, "/test")
    assert (sent.status, sent.json["subscription"], sent.json["type"]) == (202, "hook", "notify.webhook")
    [waiting] = get(client, "/deliveries").json["items"]
    assert (waiting["event"], waiting["state"], waiting["attempts"]) == ("subscription.test", "queued", [])
    assert client.send("POST", f"/jobs/{sent.json['id']}/cancel").json["state"] == "cancelled"
    [ended] = get(client, "/deliveries").json["items"]
    assert (ended["id"], ended["state"]) == (sent.json["id"], "cancelled")
    assert ended["payload"]["type"] == "subscription.test"
    for path in ("/jobs", "/dead-letters"):
        assert client.send("GET", path).json["items"] == []
    again = post(client, f"/deliveries/{ended['id']}/replay")
    assert (again.status, again.json["state"]) == (202, "queued")
    assert post(client, f"/deliveries/{ended['id']}/replay").code == "state_conflict"


def test_a_log_is_read_page_by_page_and_by_state(client: Client) -> None:
    """Each delivery once; the cursor is of this subscription's list alone."""
    put(client)
    put(client, HOOK, "other")
    ids = [post(client, "/test").json["id"] for _ in range(5)]
    client.send("POST", "/subscriptions/other/test")
    client.send("POST", f"/jobs/{ids[0]}/cancel")
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = client.send("GET", "/subscriptions/hook/deliveries", limit=2, **cursor).json
        seen += [item["id"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert sorted(seen) == sorted(ids)
    cancelled = client.send("GET", "/subscriptions/hook/deliveries", state="cancelled").json["items"]
    assert [entry["id"] for entry in cancelled] == ids[:1]
    first = client.send("GET", "/subscriptions/hook/deliveries", limit=1).json["cursor"]
    assert client.send("GET", "/subscriptions/other/deliveries", cursor=first).code == "invalid_cursor"
    assert client.send("GET", "/subscriptions/hook/deliveries", state="gone").code == "invalid_request"


def test_a_delivery_of_another_subscription_or_tenant_is_not_there(
    client: Client, client_of: Callable[..., Client]
) -> None:
    """Nor is a job a delivery."""
    put(client)
    put(client, HOOK, "other")
    mine = post(client, "/test").json["id"]
    job = client.submit()["id"]
    for path in (f"/subscriptions/other/deliveries/{mine}/replay", f"/subscriptions/hook/deliveries/{job}/replay"):
        assert client.send("POST", path).code == "delivery_not_found"
    stranger = client_of("stranger")
    assert stranger.send("GET", "/subscriptions").json["items"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("POST", f"/deliveries/{mine}/replay")):
        assert stranger.send(method, f"/subscriptions/hook{path}").code == "subscription_not_found"


def test_a_disabled_subscription_is_enabled_by_hand(client: Client, world: Notified) -> None:
    """It shows since when and why; a test of it is refused until then."""
    from whendue.notifications.subscription import disable

    put(client)
    world.table.apply([disable(world.health(), "why", world.clock.now_ms())])
    shown = get(client).json
    assert (shown["active"], shown["disabledReason"]) == (False, "why")
    assert post(client, "/test").code == "state_conflict"
    enabled = post(client, "/enable").json
    assert (enabled["active"], enabled["disabledAt"], enabled["disabledReason"]) == (True, None, None)
    assert post(client, "/test").status == 202


BREAKS = ["\r", "\n", "\r\nBcc: victim@example.com", "\nwebhook-id: mine"]


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize(
    "field", ["channel", "url", "to", "subject", "topicArn", "unknown", "a name", "events", "applies", "filter"]
)
def test_a_line_break_in_any_field_is_a_400(client: Client, world: Notified, field: str, line_break: str) -> None:
    """It could begin a header; a mail's body alone has lines."""
    bodies: dict[str, dict[str, Any]] = {
        "channel": HOOK | {"channel": f"webhook{line_break}"},
        "url": HOOK | {"config": {"url": f"https://hooks.example.com/{line_break}"}},
        "to": MAIL | {"config": {"to": ["ops@example.com", f"ops@example.com{line_break}"]}},
        "subject": MAIL | {"config": MAIL["config"] | {"subject": f"Hello{line_break}"}},
        "topicArn": TOPIC | {"config": {"topicArn": f"{TOPIC['config']['topicArn']}{line_break}"}},
        "unknown": MAIL | {"config": MAIL["config"] | {"more": {"text": f"x{line_break}"}}},
        "a name": MAIL | {"config": MAIL["config"] | {f"x{line_break}": 1}},
        "events": HOOK | {"events": [f"dead{line_break}"]},
        "applies": HOOK | {"applies": f"all{line_break}"},
        "filter": HOOK | {"filter": {"types": [f"ok{line_break}"]}},
    }
    answer = put(client, bodies[field])
    assert (answer.status, answer.code) == (400, "header_injection")
    assert world.app.subscriptions.every(TENANT) == []


def test_a_mails_body_has_lines(client: Client) -> None:
    """And the mail is the same."""
    body = MAIL | {"config": MAIL["config"] | {"text": "a\r\nb\n", "html": "<p>\n"}}
    assert put(client, body).json["config"] == body["config"]


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no channel": ({name: HOOK[name] for name in ("config", "events")}, "invalid_request"),
    "an unknown channel": (HOOK | {"channel": "pigeon"}, "unknown_channel"),
    "an unknown field": (HOOK | {"colour": "red"}, "invalid_request"),
    "an unknown field of the channel": (HOOK | {"config": HOOK["config"] | {"colour": "red"}}, "invalid_request"),
    "no URL": (HOOK | {"config": {}}, "invalid_request"),
    "a URL without TLS": (HOOK | {"config": {"url": "http://93.184.215.14/"}}, "target_refused"),
    "a metadata address": (HOOK | {"config": {"url": "https://169.254.169.254/"}}, "target_refused"),
    "another signature": (HOOK | {"config": HOOK["config"] | {"signature": "v2"}}, "invalid_request"),
    "no event": (HOOK | {"events": []}, "invalid_request"),
    "an unknown event": (HOOK | {"events": ["born"]}, "invalid_request"),
    "an event twice": (HOOK | {"events": ["dead", "dead"]}, "invalid_request"),
    "another reach": (HOOK | {"applies": "some"}, "invalid_request"),
    "another priority": (HOOK | {"filter": {"priorities": ["urgent"]}}, "invalid_request"),
    "too many filters": (
        HOOK | {"filter": {"types": [f"t{n}" for n in range(SUBSCRIPTION_FILTERS + 1)]}},
        "invalid_request",
    ),
    "a filter with a space": (HOOK | {"filter": {"schedules": ["a b"]}}, "invalid_request"),
    "too large a configuration": (
        MAIL | {"config": MAIL["config"] | {"text": "x" * SUBSCRIPTION_CONFIG_BYTES}},
        "invalid_request",
    ),
    "nobody to write to": (MAIL | {"config": {"to": []}}, "invalid_request"),
    "a recipient who is not allowed": (
        MAIL | {"config": {"to": ["ops@example.com", "eve@evil.example"]}},
        "not_allowed",
    ),
    "an allowed domain as a name": (MAIL | {"config": {"to": ["acme.example <eve@evil.example>"]}}, "not_allowed"),
    "a domain below an allowed one": (MAIL | {"config": {"to": ["a@not.acme.example"]}}, "not_allowed"),
    "one recipient who is not allowed": (MAIL | {"config": {"to": "eve@evil.example"}}, "not_allowed"),
    "no address": (MAIL | {"config": {"to": ["ops"]}}, "invalid_request"),
    "a template with a lone $": (MAIL | {"config": MAIL["config"] | {"subject": "costs 5 $"}}, "invalid_request"),
    "a topic that is not allowed": (
        TOPIC | {"config": {"topicArn": "arn:aws:sns:eu-west-1:123456789012:others"}},
        "not_allowed",
    ),
    "no topic": (TOPIC | {"config": {"topicArn": "acme-jobs"}}, "invalid_request"),
    "a list": ([], "invalid_request"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_subscription_is_refused_whole(client: Client, world: Notified, name: str) -> None:
    """With a stable code; nothing is stored, and no value is repeated."""
    body, code = BROKEN[name]
    answer = put(client, body)
    assert (answer.status, answer.code) == (422, code)
    assert world.app.subscriptions.every(TENANT) == []
    assert "eve@" not in answer.text


def test_a_recipient_of_an_allowed_domain_is_allowed_to_this_tenant_alone(
    client: Client, client_of: Callable[..., Client]
) -> None:
    """The operator's list is by tenant; who is not in it may write to nobody."""
    body = MAIL | {"config": {"to": ["Ada <Ada@ACME.example>", "OPS@example.com"]}}
    assert put(client, body).status == 201
    answer = client_of("other").send("PUT", "/subscriptions/mail", body)
    assert answer.code == "not_allowed"
    assert [problem["where"] for problem in answer.json["errors"]] == ["config.to.0", "config.to.1"]
    assert "WHENDUE_EMAIL_RECIPIENTS" in answer.json["errors"][0]["problem"]


def test_one_recipient_is_a_list_of_one(client: Client) -> None:
    """As in the task; it is shown as it was put."""
    body = MAIL | {"config": {"to": "Ada <ada@acme.example>"}}
    assert put(client, body).status == 201
    assert get(client).json["config"]["to"] == "Ada <ada@acme.example>"


def test_a_channel_is_not_changed(client: Client) -> None:
    """What is on its way is of the old one."""
    put(client)
    assert put(client, MAIL).code == "invalid_request"
    assert get(client).json["channel"] == "webhook"


def test_a_tenant_has_a_hundred_subscriptions_at_most(client: Client) -> None:
    """All are read by whoever ends a job; one that is there can still be changed."""
    for number in range(SUBSCRIPTIONS_PER_TENANT):
        assert put(client, HOOK, f"s{number}").status == 201
    assert put(client).code == "too_many_subscriptions"
    assert put(client, HOOK | {"events": ["dead"]}, "s7").status == 200
    client.send("DELETE", "/subscriptions/s7")
    assert put(client).status == 201


@pytest.mark.parametrize("kind", ["apply", "get"])
def test_where_the_table_does_not_answer_it_is_503(world: Notified, kind: str) -> None:
    """And nothing is known to be done."""

    def get_refused(*_: Any) -> Any:
        raise UnavailableError

    def apply_refused(writes: Any) -> Any:
        return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)

    store = Refusing(world.table, kind, apply_refused if kind == "apply" else get_refused)
    store.on = False
    client = Client(api_of(world, store=store), a_token())
    put(client)
    store.on = True
    for method, path, body in (
        ("PUT", "", HOOK | {"events": ["dead"]}),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", None),
        ("POST", "/test", None),
    ):
        assert client.send(method, f"/subscriptions/hook{path}", body).status == 503


# --- jobs that name subscriptions ----------------------------------------------------------------------------------


def test_a_job_a_profile_and_a_schedule_name_subscriptions(client: Client, world: Notified) -> None:
    """What the profile names is added to what the job names, each once."""
    for name in ("a", "b"):
        put(client, HOOK | {"applies": "named"}, name)
    assert client.send("PUT", "/profiles/mine", {"notify": ["b"]}).json["notify"] == ["b"]
    assert client.submit(notify=["a", "b"], profile="mine")["notify"] == ["a", "b"]
    assert client.submit(profile="mine")["notify"] == ["b"]
    assert client.submit()["notify"] == []
    schedule = {"every": "PT1H", "job": {"type": "ok", "payload": {}, "notify": ["a"]}}
    assert client.send("PUT", "/schedules/s", schedule).json["job"]["notify"] == ["a"]


@pytest.mark.parametrize("path", ["/jobs", "/profiles/mine", "/schedules/s"])
def test_a_subscription_that_is_not_there_cannot_be_named(client: Client, world: Notified, path: str) -> None:
    """A misspelt name would tell nobody; one that was just made is known at once."""
    bodies: dict[str, tuple[str, Any]] = {
        "/jobs": ("POST", {"type": "ok", "notify": ["hook"]}),
        "/profiles/mine": ("PUT", {"notify": ["hook"]}),
        "/schedules/s": ("PUT", {"every": "PT1H", "job": {"type": "ok", "notify": ["hook"]}}),
    }
    method, body = bodies[path]
    refused = client.send(method, path, body)
    assert (refused.status, refused.code) == (422, "unknown_subscription")
    other = Client(api_of(world, store=world.table), a_token())
    put(other)
    assert client.send(method, path, body).status < 300, "though this process did not know of it a moment ago"


def test_a_schedule_goes_on_when_a_subscription_that_it_names_is_gone(client: Client, world: Notified) -> None:
    """Nobody is told; the job runs."""
    put(client)
    client.send("PUT", "/schedules/s", {"every": "PT1M", "job": {"type": "ok", "payload": {}, "notify": ["hook"]}})
    client.send("DELETE", "/subscriptions/hook")
    world.pass_time(180)
    outcomes = {item["outcome"] for item in client.send("GET", "/schedules/s/fires").json["items"]}
    assert outcomes == {"ran"}


def test_a_workflow_goes_on_when_a_subscription_that_a_node_names_is_gone(client: Client, world: Notified) -> None:
    """It is refused while that is knowable: before any of its nodes runs."""
    body = {"nodes": {"a": {"type": "ok", "payload": {}, "notify": ["hook"]}}}
    refused = client.send("POST", "/workflows", body)
    assert (refused.code, [error["where"] for error in refused.json["errors"]]) == ("invalid_workflow", ["nodes.a"])
    put(client)
    accepted = client.send("POST", "/workflows", body)
    client.send("DELETE", "/subscriptions/hook")
    world.pass_time(10)
    assert client.send("GET", accepted.headers["location"]).json["state"] == "succeeded"


def test_the_names_are_part_of_what_an_idempotency_key_stands_for(client: Client) -> None:
    """Another request under the same key is a conflict; and without names the hash is what it always was."""
    put(client)
    key = {"Idempotency-Key": "k"}
    client.submit(headers=key, notify=["hook"])
    assert client.send("POST", "/jobs", {"type": "ok"}, key).code == "idempotency_conflict"


@pytest.mark.parametrize("kind", ["notify.webhook", "notify.pigeon"])
def test_nobody_submits_a_delivery(client: Client, kind: str) -> None:
    """It would be sent in somebody's name."""
    assert client.send("POST", "/jobs", {"type": kind}).code == "unknown_task"
    assert client.send("POST", "/jobs", {"type": "ok", "priority": NOTIFICATIONS}).code == "invalid_request"


def test_a_delivery_has_no_priority(client: Client, world: Notified) -> None:
    """Moved to another queue it would stand before jobs; its time may be changed."""
    put(client)
    delivery = post(client, "/test").json
    assert delivery["priority"] == NOTIFICATIONS
    refused = client.send("PATCH", f"/jobs/{delivery['id']}", {"priority": "high"})
    assert refused.code == "state_conflict"
    moved = client.send("PATCH", f"/jobs/{delivery['id']}", {"dueAt": "2027-02-01T00:00:00Z"})
    assert moved.json["state"] == "scheduled"


# --- what schedules and pauses tell --------------------------------------------------------------------------------


def payloads_of(world: Notified) -> list[dict[str, Any]]:
    return sorted((view.payload for view in world.log()), key=lambda payload: payload["timestamp"])


def test_a_pause_is_delivered_once_however_often_it_is_repeated(client: Client, world: Notified) -> None:
    """Of a queue, of the tenant and of one of its types; the pause of the tenant itself does not hold it back."""
    put(client, HOOK | {"events": ["queue_paused"]})
    for _ in range(2):
        client.send("POST", "/queues/low/pause", {"reason": "why"})
        client.send("POST", "/pauses", {"reason": "why"})
        client.send("POST", "/pauses", {"reason": "why", "type": "ok"})
        world.clock.advance(1)
    payloads = payloads_of(world)
    assert {payload["type"] for payload in payloads} == {"queue.paused"}
    assert sorted(
        (payload["data"]["queue"], payload["data"]["type"]) for payload in payloads if payload["data"]["queue"]
    )
    assert sorted(str((payload["data"]["queue"], payload["data"]["type"])) for payload in payloads) == [
        "('low', None)",
        "(None, 'ok')",
        "(None, None)",
    ]
    assert payloads[0]["data"]["by"] == "developer"
    world.work(queue=NOTIFICATIONS)
    assert all(view.job.claims for view in world.log()), "a paused tenant is still told"
    client.send("POST", "/queues/low/resume")
    world.clock.advance(1)
    client.send("POST", "/queues/low/pause", {"reason": "again"})
    assert len(payloads_of(world)) == 4


def test_a_pause_that_could_not_be_delivered_is_503_and_delivered_when_it_is_repeated(world: Notified) -> None:
    """It holds meanwhile."""

    def refusing(writes: Any) -> Any:
        deliveries = [write.name == "submit" for write in writes]
        done = iter(world.table.apply([write for write in writes if write.name != "submit"]))
        return [WriteResult(WriteStatus.UNAVAILABLE) if delivery else next(done) for delivery in deliveries]

    store = Refusing(world.table, "apply", refusing)
    world.subscribe(url="https://hooks.example.com/")
    client = Client(api_of(world, store=store), a_token())
    assert client.send("POST", "/queues/low/pause", {"reason": "why"}).status == 503
    assert client.send("GET", "/queues").json["items"][3]["paused"]["reason"] == "why"
    store.on = False
    world.clock.advance(5)
    assert client.send("POST", "/queues/low/pause", {"reason": "why"}).status == 200
    assert len(payloads_of(world)) == 1


def test_an_operators_pause_of_a_queue_is_delivered_to_the_operators_tenant(
    client: Client, client_of: Callable[..., Client]
) -> None:
    """Who pauses what for everybody is nobody else's business."""
    stranger = client_of("stranger")
    for item in (client, stranger):
        put(item, HOOK | {"events": ["queue_paused"]})
    client.send("POST", "/queues/low/pause", {"reason": "why"})
    assert len(get(client, "/deliveries").json["items"]) == 1
    assert get(stranger, "/deliveries").json["items"] == []


def test_missed_fires_are_delivered_once_with_their_number(client: Client, world: Notified) -> None:
    """One delivery for all of one missed range; also when the process that created it died before the cursor moved."""
    put(client, HOOK | {"events": ["schedule_missed"], "filter": {"schedules": ["s"]}})
    body = {"every": "PT1M", "misfire": {"policy": "skip"}, "job": {"type": "ok", "payload": {}}}
    for name in ("s", "other"):
        client.send("PUT", f"/schedules/{name}", body)
    world.clock.advance(3600)

    def refuse_to_advance(writes: Any) -> Any:
        results = world.table.apply([write for write in writes if write.name != "advance"])
        done = iter(results)
        return [WriteResult(WriteStatus.UNAVAILABLE) if write.name == "advance" else next(done) for write in writes]

    world.tick(world.build(store=Refusing(world.table, "apply", refuse_to_advance)))
    world.tick()
    [payload] = payloads_of(world)
    assert payload["type"] == "schedule.missed"
    data = payload["data"]
    assert (data["schedule"], data["reason"], data["more"]) == ("s", "misfired", False)
    assert data["missed"] == len(
        [
            item
            for item in client.send("GET", "/schedules/s/fires", limit=200).json["items"]
            if item["outcome"] == "missed"
        ]
    )


def test_missed_fires_that_are_too_old_are_published_apart(client: Client, world: Notified) -> None:
    """Whoever set a greatest age wants to know what it has cost."""
    put(client, HOOK | {"events": ["schedule_missed"]})
    misfire = {"policy": "catch_up", "limit": 5, "maxAgeSeconds": 600}
    client.send("PUT", "/schedules/s", {"every": "PT1M", "misfire": misfire, "job": {"type": "ok", "payload": {}}})
    world.clock.advance(3600)
    world.tick()
    world.tick()
    counted = {payload["data"]["reason"]: payload["data"]["missed"] for payload in payloads_of(world)}
    assert counted.keys() == {"misfired", "too_old"}
    items = client.send("GET", "/schedules/s/fires", limit=200, outcome="missed").json["items"]
    assert counted == Counter(item["reason"] for item in items)


def test_a_schedule_waits_with_its_cursor_until_missed_fires_are_published(client: Client, world: Notified) -> None:
    """Where the subscriptions cannot be read nothing is lost; the next tick goes on."""
    put(client, HOOK | {"events": ["schedule_missed"]})
    client.send("PUT", "/schedules/s", {"every": "PT1M", "misfire": {"policy": "skip"}, "job": {"type": "ok"}})
    world.clock.advance(3600)

    def refused(*_: Any) -> Any:
        raise UnavailableError

    world.tick(world.build(store=Refusing(world.table, "query", refused)))
    assert world.log() == []
    world.tick()
    assert len(world.log()) == 1


def test_a_list_of_queues_shows_the_deliveries(client: Client) -> None:
    """And an operator may pause them."""
    put(client)
    assert client.send("POST", f"/queues/{NOTIFICATIONS}/pause", {"reason": "why"}).status == 200
    post(client, "/test")
    shown = client.send("GET", "/queues").json["items"][-1]
    assert (shown["name"], shown["depth"], shown["paused"]["reason"]) == (NOTIFICATIONS, 1, "why")


def test_what_a_paused_queue_of_deliveries_holds_comes_after_the_resume(client: Client, world: Notified) -> None:
    """Deliveries are jobs: the timer brings them back."""
    put(client)
    client.send("POST", f"/queues/{NOTIFICATIONS}/pause", {"reason": "why"})
    delivery = world.notify_one()
    world.work()
    assert world.job(delivery).claims == 0
    client.send("POST", f"/queues/{NOTIFICATIONS}/resume")
    world.pass_time(400, 10)
    assert world.job(delivery).claims > 0
    assert world.job(delivery).state is State.PENDING
