"""Everything bad that a client can send has a clear answer with a stable code, and stores nothing."""

import base64
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from functions.api.http import problems
from tests.builders.api import a_token, api_of
from tests.builders.faults import KilledError, Refusing
from tests.builders.gateway import Client, Shape
from tests.builders.world import World
from whendue.direct import api_code
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import UnavailableError, WhendueError
from whendue.quotas import (
    BACKOFF_CAP_S,
    BODY_BYTES,
    BULK_JOBS,
    HORIZON_S,
    JSON_DEPTH,
    MAX_ATTEMPTS,
    NEVER_RETRY,
    PAYLOAD_BYTES,
    TAGS,
    TIMEOUT_S,
)


def a_job(**fields: Any) -> dict[str, Any]:
    return {"type": "ok"} | fields


INVALID_JOBS: dict[str, dict[str, Any]] = {
    "no type": {"payload": {}},
    "an empty type": a_job(type=""),
    "a type with a space": a_job(type="a b"),
    "a type that is a number": a_job(type=1),
    "an unknown field": a_job(dely=1),
    "a field in snake case": a_job(delay_seconds=1),
    "a negative delay": a_job(delaySeconds=-1),
    "a delay as text": a_job(delaySeconds="5"),
    "a delay that is true": a_job(delaySeconds=True),
    "a delay over the horizon": a_job(delaySeconds=HORIZON_S + 1),
    "a due time over the horizon": a_job(dueAt="2099-01-01T00:00:00Z"),
    "a due time without an offset": a_job(dueAt="2027-01-01T00:00:00"),
    "a due time that does not exist": a_job(dueAt="2027-02-30T00:00:00Z"),
    "a due time as a number": a_job(dueAt=1800000000),
    "delay and due time": a_job(delaySeconds=1, dueAt="2027-01-01T00:00:00Z"),
    "another priority": a_job(priority="urgent"),
    "an unknown profile": a_job(profile="none"),
    "retries and attempts": a_job(retries=1, maxAttempts=2),
    "negative retries": a_job(retries=-1),
    "half a retry": a_job(retries=0.5),
    "no attempt": a_job(maxAttempts=0),
    "too many attempts": a_job(maxAttempts=MAX_ATTEMPTS + 1),
    "a backoff of nothing": a_job(backoff={"baseSeconds": 0}),
    "a backoff of almost nothing": a_job(backoff={"baseSeconds": 1e-300}),
    "a cap of almost nothing": a_job(backoff={"capSeconds": 5e-324}),
    "a shrinking backoff": a_job(backoff={"factor": 0.5}),
    "too long a backoff": a_job(backoff={"capSeconds": BACKOFF_CAP_S + 1}),
    "another jitter": a_job(backoff={"jitter": "some"}),
    "no time": a_job(timeoutSeconds=0),
    "too much time": a_job(timeoutSeconds=TIMEOUT_S + 1),
    "no lease": a_job(leaseSeconds=0),
    "no retention": a_job(retentionSeconds=0),
    "an error type with a space": a_job(neverRetry=["Value Error"]),
    "too many error types": a_job(neverRetry=[f"E{n}" for n in range(NEVER_RETRY + 1)]),
    "too long error types": a_job(neverRetry=["E" * 60, "F" * 60, "G" * 60]),
    "following in words": a_job(followProfile="yes"),
    "too many tags": a_job(tags={str(n): "" for n in range(TAGS + 1)}),
    "a long tag": a_job(tags={"a": "x" * 65}),
    "a nameless tag": a_job(tags={"": "x"}),
    "a tag that is a number": a_job(tags={"a": 1}),
    "tags in a list": a_job(tags=["a"]),
    "a tenant of the caller's choice": a_job(tenant="other"),
}


@pytest.mark.parametrize("name", INVALID_JOBS)
def test_an_invalid_job_is_422_and_nothing_is_stored(client: Client, world: World, name: str) -> None:
    """Alone and in a batch; the answer names the place."""
    body = INVALID_JOBS[name]
    answer = client.send("POST", "/jobs", body)
    assert (answer.status, answer.code) in [(422, "invalid_request"), (422, "unknown_profile")]
    batch = client.send("POST", "/jobs/batch", {"jobs": [body]}).json["items"][0]
    assert (batch["status"], batch["problem"]["code"]) == (422, answer.code)
    assert batch["job"] is None
    assert world.app.listing.page("jobs", "acme", _any(), 10, None).jobs == []


def _any() -> Any:
    from whendue.operations.listing import JobFilter

    return JobFilter()


BAD_BODIES: dict[str, tuple[int, str, str | bytes]] = {
    "empty": (422, "invalid_request", ""),
    "not JSON": (400, "malformed_request", "{"),
    "two values": (400, "malformed_request", "{}{}"),
    "a list": (422, "invalid_request", "[]"),
    "a word": (422, "invalid_request", '"ok"'),
    "null": (422, "invalid_request", "null"),
    "a repeated name": (400, "malformed_request", '{"type":"ok","type":"bad"}'),
    "NaN": (400, "malformed_request", '{"type":"ok","payload":NaN}'),
    "Infinity": (400, "malformed_request", '{"type":"ok","payload":-Infinity}'),
    "a float beyond a double": (400, "malformed_request", '{"type":"ok","payload":1e999}'),
    "a huge integer": (400, "malformed_request", '{"type":"ok","payload":' + "9" * 5000 + "}"),
    "a NUL": (400, "malformed_request", '{"type":"ok","payload":"\\u0000"}'),
    "half a surrogate pair": (400, "malformed_request", '{"type":"ok","payload":"\\ud800"}'),
    "too deep": (400, "malformed_request", '{"type":"ok","payload":' + "[" * JSON_DEPTH + "]" * JSON_DEPTH + "}"),
    "very deep": (400, "malformed_request", "[" * 200_000),
    "not UTF-8": (400, "malformed_request", b'{"type":"\xff"}'),
    "too large": (413, "body_too_large", '{"type":"ok","payload":"' + "x" * BODY_BYTES + '"}'),
    "too large in bytes": (413, "body_too_large", '{"type":"ok","payload":"' + "ü" * (BODY_BYTES // 2) + '"}'),
    "a payload that is too large": (
        413,
        "payload_too_large",
        '{"type":"ok","payload":{"a":"' + "x" * PAYLOAD_BYTES + '"}}',
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_has_a_clear_answer(world: World, shape: Shape, name: str) -> None:
    """Whoever wrote the client learns what is wrong with it."""
    status, code, body = BAD_BODIES[name]
    answer = Client(api_of(world), a_token(), shape).send("POST", "/jobs", body)
    assert (answer.status, answer.code) == (status, code)


# What was sent, and the text that a gateway has made of it.
NOT_UTF_8 = {
    "a single byte": (b'{"type":"ok","payload":{"a":"\xff"}}', 400),
    "Latin-1": ('{"type":"ok","payload":{"a":"Zo\xeb"}}'.encode("latin-1"), 400),
    "an overlong slash": (b'{"type":"ok","payload":{"a":"\xc0\xaf"}}', 400),
    "half a surrogate pair": (b'{"type":"ok","payload":{"a":"\xed\xa0\x80"}}', 400),
    "next to one that was sent": ('{"type":"ok","payload":{"a":"\ufffd'.encode() + b'\xff"}}', 400),
    "one that was sent": ('{"type":"ok","payload":{"a":"\ufffd"}}'.encode(), 202),
}


@pytest.mark.parametrize("coded", [True, False], ids=["base64", "text"])
@pytest.mark.parametrize("name", NOT_UTF_8)
def test_bytes_that_are_not_utf_8_are_refused_also_where_a_gateway_has_replaced_them(
    world: World, shape: Shape, name: str, *, coded: bool
) -> None:
    """A payload would be another one than was sent, and nobody would know; U+FFFD itself may be sent."""
    sent, status = NOT_UTF_8[name]
    body = sent if coded else sent.decode(errors="replace")
    headers = {"Content-Length": str(len(sent))}
    answer = Client(api_of(world), a_token(), shape).send("POST", "/jobs", body, headers)
    assert answer.status == status, answer.text
    if status == 400:
        assert answer.code == "malformed_request"
        assert "UTF-8" in answer.json["detail"]


def test_a_body_as_deep_as_allowed_is_taken(client: Client) -> None:
    """The limit is where the docs say, not somewhere near it. The body itself is a level."""
    depth = JSON_DEPTH - 2
    value: Any = 1
    for _ in range(depth):
        value = [value]
    assert client.submit(payload={"deep": value})["state"] == "queued"


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_a_body_of_another_media_type_is_415(client: Client, media: str) -> None:
    """A browser's form must not be able to submit."""
    answer = client.send("POST", "/jobs", "{}", {"Content-Type": media})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "charset", ["; charset=utf-8", ';charset="UTF-8"', ";a=b ; Charset=us-ascii", ";", "; x=charset"]
)
def test_json_with_a_charset_and_base64_is_taken(client: Client, charset: str) -> None:
    """As API Gateway hands over what it takes for binary."""
    answer = client.send("POST", "/jobs", b'{"type":"ok"}', {"Content-Type": f"Application/JSON{charset}"})
    assert answer.status == 202


@pytest.mark.parametrize("charset", ["utf-16", '"latin1"', "", "utf-8-sig"])
def test_json_in_another_charset_is_415(client: Client, charset: str) -> None:
    """It would be read as UTF-8 all the same, and might mean something else."""
    answer = client.send("POST", "/jobs", '{"type":"ok"}', {"Content-Type": f"application/json; charset={charset}"})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_body_that_claims_to_be_base64_and_is_not_is_400(client: Client) -> None:
    """Only a broken gateway sends this, and it gets an answer, too."""
    headers = {"authorization": f"Bearer {a_token()}", "content-type": "application/json"}
    event = {
        "rawPath": "/jobs",
        "headers": headers,
        "body": base64.b64encode(b"{}").decode() + "!",
        "isBase64Encoded": True,
        "requestContext": {"http": {"method": "POST", "path": "/jobs"}},
    }
    assert client.event(event).code == "malformed_request"


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "grün", "a\nb"])
def test_a_bad_idempotency_key_is_refused(client: Client, key: str) -> None:
    """In the header and in a batch alike."""
    assert client.send("POST", "/jobs", a_job(), {"Idempotency-Key": key}).code == "invalid_request"
    [item] = client.send("POST", "/jobs/batch", {"jobs": [a_job(idempotencyKey=key)]}).json["items"]
    assert item["status"] == 422


OTHERS: dict[str, tuple[int, str, tuple[Any, ...], dict[str, Any]]] = {
    "an unknown path": (404, "route_not_found", ("GET", "/job"), {}),
    "another method": (405, "method_not_allowed", ("DELETE", "/jobs"), {}),
    "an unknown job": (404, "job_not_found", ("GET", "/jobs/0190"), {}),
    "a job id of odd characters": (404, "job_not_found", ("GET", "/jobs/%00%2e%2e"), {}),
    "a huge job id": (404, "job_not_found", ("GET", "/jobs/" + "a" * 5000), {}),
    "cancelling an unknown job": (404, "job_not_found", ("POST", "/jobs/0190/cancel"), {}),
    "redriving an unknown job": (404, "job_not_found", ("POST", "/jobs/0190/redrive"), {}),
    "changing an unknown job": (404, "job_not_found", ("PATCH", "/jobs/0190", {"priority": "low"}), {}),
    "changing nothing": (422, "invalid_request", ("PATCH", "/jobs/0190", {}), {}),
    "changing something else": (422, "invalid_request", ("PATCH", "/jobs/0190", {"type": "bad"}), {}),
    "an unknown task": (422, "unknown_task", ("POST", "/jobs", {"type": "none"}), {}),
    "no job": (422, "invalid_request", ("POST", "/jobs/batch", {"jobs": []}), {}),
    "too many jobs": (422, "invalid_request", ("POST", "/jobs/batch", {"jobs": [a_job()] * (BULK_JOBS + 1)}), {}),
    "an unknown state": (422, "invalid_request", ("GET", "/jobs"), {"state": "lost"}),
    "an unknown priority": (422, "invalid_request", ("GET", "/jobs"), {"priority": "urgent"}),
    "an unknown parameter": (422, "invalid_request", ("GET", "/jobs"), {"stat": "dead"}),
    "no limit": (422, "invalid_request", ("GET", "/jobs"), {"limit": 0}),
    "too large a limit": (422, "invalid_request", ("GET", "/jobs"), {"limit": 201}),
    "a limit in words": (422, "invalid_request", ("GET", "/jobs"), {"limit": "ten"}),
    "an invented cursor": (400, "invalid_cursor", ("GET", "/jobs"), {"cursor": "abc"}),
    "an expiry that has passed": (
        422,
        "invalid_expiry",
        ("POST", "/jobs", {"type": "ok", "expiresAt": "2020-01-01T00:00:00Z"}),
        {},
    ),
    "a cursor of groups": (400, "invalid_cursor", ("GET", "/dead-letters"), {"cursor": "abc"}),
    "a cursor of tenants": (400, "invalid_cursor", ("GET", "/dead-letters/by-tenant"), {"cursor": "abc"}),
    "a rate of nothing": (422, "invalid_request", ("POST", "/dead-letters/redrive", {"ratePerSecond": 0}), {}),
    "a rate of almost nothing": (
        422,
        "invalid_request",
        ("POST", "/dead-letters/redrive", {"ratePerSecond": 5e-324}),
        {},
    ),
    "an unknown filter": (422, "invalid_request", ("POST", "/dead-letters/redrive", {"filter": {"id": "1"}}), {}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_bad_request_has_a_clear_answer(world: World, shape: Shape, name: str) -> None:
    """On every route."""
    status, code, request, query = OTHERS[name]
    answer = Client(api_of(world), a_token(), shape).send(*request, **query)
    assert (answer.status, answer.code) == (status, code)


def test_another_method_is_answered_with_those_there_are(client: Client) -> None:
    """RFC 9110 section 15.5.6."""
    assert client.send("DELETE", "/jobs").headers["allow"] == "GET, HEAD, POST"


def test_a_problem_names_the_places_and_never_the_values(client: Client) -> None:
    """Values may be secrets, and answers end up in logs."""
    answer = client.send("POST", "/jobs", {"type": "ok", "priority": "hunter2", "tags": {"a": 5}})
    assert sorted(problem["where"] for problem in answer.json["errors"]) == ["body.priority", "body.tags.a"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("where", ["table", "queue"])
def test_a_table_or_queue_that_does_not_answer_is_503_with_retry_after(world: World, where: str) -> None:
    """The client may try again, with its Idempotency-Key; a job whose message alone failed is accepted (G1)."""
    table = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes))
    queue = Refusing(world.queues, "send", lambda name, messages: [False] * len(messages))
    api = api_of(world, **({"store": table} if where == "table" else {"queue": queue}))
    answer = Client(api, a_token()).send("POST", "/jobs", a_job())
    if where == "queue":
        assert answer.status == 202
        return
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_health_says_what_does_not_answer(world: World) -> None:
    """503 takes the instance out of a load balancer."""

    def gone(*_: object) -> None:
        raise UnavailableError("the table stayed throttled")

    answer = Client(api_of(world, store=Refusing(world.table, "get", gone)), None).send("GET", "/health/ready")
    assert (answer.status, answer.json["status"]) == (503, "DOWN")
    assert answer.json["components"] == {
        "table": {"status": "DOWN", "details": {"code": "unavailable"}},
        "queues": {"status": "UP"},
        "tasks": {"status": "UP"},
    }


def test_an_unexpected_error_is_a_500_that_shows_nothing(world: World, logged: StringIO) -> None:
    """Its words may quote a payload; the log has its type and place."""

    def broken(*_: object) -> None:
        raise RuntimeError("hunter2")

    answer = Client(api_of(world, store=Refusing(world.table, "apply", broken)), a_token()).send(
        "POST", "/jobs", a_job()
    )
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "hunter2" not in answer.text + logged.getvalue()
    assert "RuntimeError" in logged.getvalue()


def test_a_dying_process_is_not_caught(world: World) -> None:
    """Lambda's own end must end the function."""

    def killed(*_: object) -> None:
        raise KilledError

    api = api_of(world, store=Refusing(world.table, "apply", killed))
    with pytest.raises(KilledError):
        Client(api, a_token()).send("POST", "/jobs", a_job())


def errors_below(error: type[WhendueError]) -> list[type[WhendueError]]:
    return [error, *(below for dependent in error.__subclasses__() for below in errors_below(dependent))]


def test_codes_are_stable_and_of_one_meaning() -> None:
    """Clients match on them: a change here breaks somebody."""
    # Direct mode imports the API's code a second time, under another name.
    errors = [error for error in errors_below(WhendueError) if not error.__module__.startswith(f"{api_code.NAME}.")]
    codes = [error.code for error in errors]
    assert len(codes) == len(set(codes))
    assert {error.code: status.value for error, status in problems.STATUS.items()} == {
        "backfill_not_found": 404,
        "operation_not_found": 404,
        "schedule_not_found": 404,
        "too_many_operations": 409,
        "too_many_schedules": 409,
        "body_too_large": 413,
        "built_in_profile": 409,
        "forbidden": 403,
        "idempotency_conflict": 409,
        "invalid_cursor": 400,
        "invalid_expiry": 422,
        "timeout_too_long": 422,
        "unknown_queue": 422,
        "invalid_payload": 422,
        "invalid_reference": 422,
        "invalid_request": 422,
        "invalid_schedule": 400,
        "unique_conflict": 409,
        "invalid_workflow": 422,
        "job_not_found": 404,
        "malformed_request": 400,
        "method_not_allowed": 405,
        "not_allowed": 422,
        "payload_too_large": 413,
        "precondition_failed": 412,
        "profile_not_found": 404,
        "queue_not_found": 404,
        "task_not_found": 404,
        "route_not_found": 404,
        "state_conflict": 409,
        "delivery_not_found": 404,
        "document_not_found": 404,
        "response_too_large": 500,
        "unreadable": 500,
        "header_injection": 400,
        "headers_too_large": 431,
        "uri_too_long": 414,
        "subscription_not_found": 404,
        "target_refused": 422,
        "too_many_subscriptions": 409,
        "unknown_channel": 422,
        "unknown_dependency": 422,
        "unknown_subscription": 422,
        "too_many_profiles": 409,
        "unauthenticated": 401,
        "old_table": 503,
        "unavailable": 503,
        "unknown_profile": 422,
        "unstorable": 422,
        "unknown_task": 422,
        "unsupported_media_type": 415,
        "workflow_not_found": 404,
    }


def test_a_payload_that_does_not_fit_its_task_is_422(
    client: Client, world: World, client_of: Callable[..., Client]
) -> None:
    """It is refused at submit, not found dead tomorrow."""
    from pydantic import BaseModel

    from whendue.declarations.registry import task

    class Strict(BaseModel, extra="forbid"):
        number: int

    def run(payload: Strict) -> int:
        return payload.number

    task("strict", registry=world.registry)(run)
    answer = client.send("POST", "/jobs", {"type": "strict", "payload": {"number": "x", "more": "hunter2"}})
    assert (answer.status, answer.code) == (422, "invalid_payload")
    assert sorted(problem["where"] for problem in answer.json["errors"]) == ["more", "number"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("path", ["/schedules/..", "/profiles/.", "/subscriptions/%2E%2E"])
def test_names_that_clients_take_off_the_path_are_refused(client: Client, path: str) -> None:
    """RFC 3986 section 5.2.4: what is made under such a name could not be reached by everybody."""
    answer = client.send("PUT", path, {})
    assert (answer.status, answer.code) in ((422, "invalid_request"), (404, "route_not_found"))


@pytest.mark.parametrize("kind", ["\u202e", "x" * 65, "a b", ""])
def test_a_type_that_no_job_can_have_is_not_looked_for(client: Client, kind: str) -> None:
    """Looking through a whole table for it took half a minute."""
    answer = client.send("GET", "/jobs", type=kind)
    assert (answer.status, answer.code) == (422, "invalid_request")


def test_what_is_no_json_is_pointed_at(client: Client) -> None:
    """Line and column; never the text."""
    answer = client.send("POST", "/jobs", '{"type": "ok",\n}')
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert "line 2, column 1" in answer.json["detail"]


@pytest.mark.parametrize(
    ("message", "errors", "notes"),
    [
        ("the payload does not fit", [{"where": "a.b", "problem": "is missing"}], ["a.b: is missing"]),
        ("the payload does not fit", [{"where": "", "problem": "is no object"}], ["is no object"]),
        ("a: is missing", [{"where": "a", "problem": "is missing"}], []),
        ("ba: is missing", [{"where": "a", "problem": "is missing"}], ["a: is missing"]),
        ("of a task", [1, None, {}], []),
        ("of a task", "text", []),
        ("of a task", None, []),
    ],
)
def test_an_error_notes_the_places_that_its_message_does_not_name(message: str, errors: Any, notes: list[str]) -> None:
    """A traceback shows notes, and no details; a task may raise an error with any."""
    assert getattr(WhendueError(message, errors=errors), "__notes__", []) == notes
