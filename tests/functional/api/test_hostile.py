"""Hostile input: nothing is read before it is known who may send it there; only what is wrong is refused."""

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from functions.api.app import PUBLIC, make_resolver, routes_of
from functions.api.http import json_text
from functions.api.http.body import ROOMS, SMALL, room_of
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import World
from whendue.quotas import (
    BODY_BYTES,
    BULK_JOBS,
    HEADERS,
    HEADERS_BYTES,
    JOB_BODY_BYTES,
    JSON_DEPTH,
    QUERY_PARAMETERS,
    SMALL_BODY_BYTES,
    TARGET_BYTES,
)

ROUTES = sorted(routes_of(make_resolver()), key=lambda route: (route.path, route.method))
QUOTES = '"' + '\\"' * 10_000
BODILESS = [route for route in ROUTES if not room_of(route).bytes]
FIELDLESS = [route for route in ROUTES if room_of(route).bytes and not route.dependant.body_params]


def path_of(route: Any) -> str:
    return re.sub("<[a-z_]+>", "1", route.path)


def named(route: Any) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been parsed."""
    seen: list[str] = []
    parse = json_text.parse

    def noted(text: str, items: str | None) -> Any:
        seen.append(text)
        return parse(text, items)

    monkeypatch.setattr(json_text, "parse", noted)
    return seen


@pytest.mark.parametrize("path", ["/health", "/", "/docs", "/jobs", "/jobs/batch", "/nowhere", "/jobs/1/cancel"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_without_a_token_nothing_is_read(world: World, parsed: list[str], path: str, method: str) -> None:
    r"""A body of `"` followed by `\"` 10,000 times took 4.6 s, on any path, from anybody."""
    answer = Client(api_of(world), None).send(method, path, QUOTES)
    assert answer.status in (401, 404, 405, 413)
    assert parsed == []


def test_with_a_token_it_is_read_once_where_a_body_belongs(client: Client, parsed: list[str]) -> None:
    """And refused for what it is."""
    assert client.send("POST", "/jobs", QUOTES).code == "malformed_request"
    client.submit()
    assert len(parsed) == 2


ORDER: dict[str, tuple[int, str, tuple[str, str], dict[str, str], str | None]] = {
    "an unknown path comes first": (404, "route_not_found", ("POST", "/nowhere"), {"content-type": "a/b"}, None),
    "then the method": (405, "method_not_allowed", ("BREW", "/jobs"), {"content-type": "a/b"}, None),
    "then the token": (401, "unauthenticated", ("POST", "/jobs"), {"content-type": "a/b"}, None),
    "then the scope": (403, "forbidden", ("POST", "/jobs"), {"content-type": "a/b"}, "jobs:read"),
    "then the size": (413, "body_too_large", ("POST", "/jobs"), {"content-type": "a/b"}, "jobs:write"),
}


@pytest.mark.parametrize("name", ORDER)
def test_the_order_of_checks(world: World, shape: Shape, name: str) -> None:
    """Each check comes before all that cost more; here everything is wrong at once."""
    status, code, (method, path), headers, scopes = ORDER[name]
    client = Client(api_of(world), scopes and a_token(scopes=scopes), shape)
    answer = client.send(method, path, "[" * (JOB_BODY_BYTES + 1), headers)
    assert (answer.status, answer.code) == (status, code)


def test_media_type_comes_before_parsing(client: Client) -> None:
    """The last two of the order."""
    assert client.send("POST", "/jobs", "[", {"Content-Type": "a/b"}).code == "unsupported_media_type"
    assert client.send("POST", "/jobs", "[").code == "malformed_request"


@pytest.mark.parametrize("path", ["/actuator/prometheus", "/jobs", "/health"])
def test_a_line_feed_at_the_end_is_another_path(client_of: Callable[..., Client], path: str) -> None:
    """A pattern's `$` overlooks it: all tenants' metrics were open to `jobs:read`, and pauses to `jobs:write`."""
    client = client_of(scopes="jobs:read jobs:write")
    assert client.send("GET", f"{path}\n").code == "route_not_found"
    assert client.send("POST", "/pauses\n", {"reason": "x"}).code == "route_not_found"


# --- bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", BODILESS, ids=named)
def test_a_body_where_none_belongs_is_413_unread(client: Client, parsed: list[str], route: Any) -> None:
    """RFC 9110 section 9.3.1: it means nothing there; section 15.5.14 says how to refuse it."""
    answer = client.send(route.method, path_of(route), "{}")
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert "must have no body" in answer.json["detail"]
    assert parsed == []
    assert client.send(route.method, "/health", "").status in (200, 405)


@pytest.mark.parametrize("route", FIELDLESS, ids=named)
@pytest.mark.parametrize("body", ['{"force":true}', "[]", "1", '""', "[[]]"])
def test_a_request_without_fields_takes_none(client: Client, route: Any, body: str) -> None:
    """A field that is ignored is a wish that is ignored."""
    answer = client.send(route.method, path_of(route), body)
    assert (answer.status, answer.code) == (422, "invalid_request")


@pytest.mark.parametrize("body", ["{}", "null", " ", ""])
def test_an_empty_object_is_no_field(client: Client, body: str) -> None:
    """Many clients send one with every POST."""
    assert client.send("POST", f"/jobs/{client.submit(delaySeconds=60)['id']}/cancel", body).status == 200


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in BODILESS], ids=named)
def test_every_route_has_a_limit_of_its_own(client: Client, route: Any) -> None:
    """5 MB are for those alone that take many jobs."""
    room = room_of(route)
    assert room.bytes == ROOMS.get((route.method, route.path), SMALL).bytes
    answer = client.send(route.method, path_of(route), " " * (room.bytes + 1))
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert str(room.bytes) in answer.json["detail"]


def test_only_what_takes_many_jobs_takes_five_megabytes() -> None:
    """The table, as the docs have it."""
    limits = {named(route): room_of(route).bytes for route in ROUTES if route not in BODILESS}
    assert {name for name, limit in limits.items() if limit == BODY_BYTES} == {"POST /jobs/batch", "POST /workflows"}
    assert {name for name, limit in limits.items() if limit == JOB_BODY_BYTES} == {
        "POST /jobs",
        "POST /schedules/<name>/trigger",
        "POST /tasks/schedule",
    }
    assert sorted(set(limits.values())) == [SMALL_BODY_BYTES, JOB_BODY_BYTES, BODY_BYTES]


def test_a_payload_of_a_mebibyte_is_taken_however_it_is_escaped(client: Client) -> None:
    """Many clients write ASCII only."""
    text = "ü" * (1024 * 1024 // 2 - 100)
    body = json.dumps({"type": "ok", "payload": {"text": text}}, ensure_ascii=True)
    assert client.send("POST", "/jobs", body).status == 202


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "gzip, gzip", "x" * 5000])
def test_a_compressed_body_is_415_and_never_unpacked(client: Client, coding: str) -> None:
    """RFC 9110 section 15.5.16: the answer says what would be taken."""
    body = gzip.compress(b'{"type":"ok"}')
    answer = client.send("POST", "/jobs", body, {"Content-Encoding": coding})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "identity"
    assert client.send("POST", "/jobs", '{"type":"ok"}', {"Content-Encoding": "identity"}).status == 202


WIDE: dict[str, Any] = {
    "unknown fields": {"type": "ok"} | {f"x{number}": 0 for number in range(6000)},
    "tags": {"type": "ok", "tags": {str(number): "" for number in range(6000)}},
    "dependencies": {"type": "ok", "dependsOn": [0] * 6000},
    "deep in the wrong place": {"type": "ok", "backoff": {"x": [[0] * 3000, [0] * 3000]}},
}


@pytest.mark.parametrize("name", WIDE)
def test_a_request_of_too_many_fields_is_refused_before_each_is_described(client: Client, name: str) -> None:
    """Describing a wrong field costs a hundred times as much as reading it."""
    answer = client.send("POST", "/jobs", WIDE[name])
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert "outside of payloads" in answer.json["detail"]
    assert "errors" not in answer.json


def test_a_wide_payload_is_no_matter(client: Client) -> None:
    """It is the task's."""
    assert client.submit(payload={str(number): [number] for number in range(20_000)})["state"] == "queued"


def test_a_problem_names_the_first_errors_in_few_characters(client: Client) -> None:
    """The answer to a bad request is no larger for being worse."""
    answer = client.send("POST", "/jobs", {"type": "ok"} | {f"{number}\n" + "x" * 1000: 0 for number in range(50)})
    assert len(answer.json["errors"]) == 20
    assert all(len(error["where"]) <= 256 and error["where"].isprintable() for error in answer.json["errors"])


# --- values ------------------------------------------------------------------------------------------------------

CARRIED: dict[str, Any] = {
    "a snowflake": 1_834_567_890_123_456_789,
    "18 digits and a sign": -123_456_789_012_345_678,
    "the largest of 64 bits": 2**64 - 1,
    "the largest with a sign": 2**63 - 1,
    "the smallest": -(2**63),
    "an escaped backslash": "\\u0000",
    "two of them": "\\\\u0000\\ud800",
    "a pair": "\U0001f600",
    "a tenth": 0.1,
    "the largest double": 1.7976931348623157e308,
    "the smallest double": 5e-324,
}


@pytest.mark.parametrize("name", CARRIED)
def test_what_json_can_say_comes_back_as_it_was(client: Client, world: World, name: str) -> None:
    """As a value, as a name, alone, in a batch and in a workflow; to the task and back."""
    value = {"v": CARRIED[name], str(CARRIED[name]): [CARRIED[name]]}
    jobs = [client.submit(payload=value)]
    jobs += [
        item["job"]
        for item in client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok", "payload": value}]}).json["items"]
    ]
    workflow = client.send("POST", "/workflows", {"chain": [{"type": "ok", "payload": value}]}).json["id"]
    world.pass_time(60)
    [node] = client.send("GET", f"/workflows/{workflow}").json["nodes"]
    for job_id in [*(job["id"] for job in jobs), node["job"]]:
        found = client.send("GET", f"/jobs/{job_id}")
        assert found.json["payload"] == value
        assert found.json["result"] == value | {"attempt": 1}
        assert type(found.json["payload"]["v"]) is type(CARRIED[name])


NOT_CARRIED: dict[str, tuple[str, str]] = {
    "a NUL": ('"a\\u0000b"', "has a NUL character (U+0000)"),
    "a NUL behind an escaped backslash": ('"\\\\\\u0000"', "has a NUL character (U+0000)"),
    "half a pair": ('"\\ud800"', "has half of a surrogate pair"),
    "the other half": ('"\\uDC00\\u0041"', "has half of a surrogate pair"),
    "2**64": (str(2**64), "is an integer of more than 64 bits: send it as a string"),
    "-2**63 - 1": (str(-(2**63) - 1), "is an integer of more than 64 bits: send it as a string"),
    "5000 digits": ("9" * 5000, "is an integer of more than 64 bits: send it as a string"),
    "NaN": ("NaN", "is NaN, which is not JSON"),
    "Infinity": ("-Infinity", "is -Infinity, which is not JSON"),
    "1e400": ("1e400", "is a number that is too large for a double"),
    "a repeated name": ('{"a":1,"a":1}', "has the same name twice"),
    "a NUL in a name": ('{"a\\u0000":1}', "has a name that has a NUL character (U+0000)"),
}


@pytest.mark.parametrize("name", NOT_CARRIED)
def test_what_cannot_be_carried_is_refused_by_its_place(client: Client, shape: Shape, name: str) -> None:
    """As 400, for it is not the JSON that we take; nothing of it is quoted."""
    text, problem = NOT_CARRIED[name]
    answer = client.send("POST", "/jobs", f'{{"type":"ok","payload":{{"list":[1,{text}]}}}}')
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.json["errors"] == [{"where": "body.payload.list.1", "problem": problem}]
    assert answer.json["detail"] == f"body.payload.list.1 {problem}"
    node = f'{{"nodes":{{"a":{{"type":"ok"}},"b":{{"type":"ok","payload":{text}}}}}}}'
    assert client.send("POST", "/workflows", node).json["errors"] == [
        {"where": "body.nodes.b.payload", "problem": problem}
    ]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", NOT_CARRIED)
def test_one_bad_value_in_a_batch_of_500_refuses_its_job_alone(client: Client, name: str) -> None:
    """It was all 500."""
    text, problem = NOT_CARRIED[name]
    good, bad = '{"type":"ok"}', f'{{"type":"ok","payload":{{"v":{text}}}}}'
    body = f'{{"jobs":[{",".join([good] * 300 + [bad] + [good] * (BULK_JOBS - 301))}]}}'
    answer = client.send("POST", "/jobs/batch", body)
    assert answer.status == 207
    assert [item["status"] for item in answer.json["items"]] == [202] * 300 + [400] + [202] * 199
    refused = answer.json["items"][300]["problem"]
    assert refused["code"] == "malformed_request"
    assert refused["errors"] == [{"where": "payload.v", "problem": problem}]


@pytest.mark.parametrize("delay", [5e-324, 1e-300, 0.0009])
def test_a_delay_of_almost_nothing_is_a_tick_of_the_clock(client: Client, world: World, delay: float) -> None:
    """The table holds no number near zero; nobody waits for it, nor is it early."""
    job = client.submit(delaySeconds=delay)
    world.clock.advance(1)
    world.work()
    assert client.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"


def test_a_job_that_is_too_deep_refuses_itself_alone(client: Client) -> None:
    """As deep in a batch as alone."""
    allowed = '{"type":"ok","payload":' + '{"a":' * (JSON_DEPTH - 1) + "1" + "}" * (JSON_DEPTH - 1) + "}"
    deeper = allowed.replace('{"a":1}', '{"a":[]}')
    assert client.send("POST", "/jobs", allowed).status == 202
    assert client.send("POST", "/jobs", deeper).code == "malformed_request"
    answer = client.send("POST", "/jobs/batch", f'{{"jobs":[{allowed},{deeper},{allowed}]}}')
    assert [item["status"] for item in answer.json["items"]] == [202, 400, 202]


@pytest.mark.parametrize(
    "body", ['{"jobs":[{"type":"ok"}],"jobs":[]}', '{"jobs":{"a\\u0000":1}}', '{"jobs":[],"x":1e400}']
)
def test_what_is_wrong_with_the_batch_itself_refuses_it(client: Client, body: str) -> None:
    """There is no item that it belongs to."""
    assert client.send("POST", "/jobs/batch", body).status == 400


def test_a_body_that_is_no_text_at_all_is_400(client: Client) -> None:
    """A gateway may hand over half a surrogate pair as it is."""
    assert client.send("POST", "/jobs", '{"type":"ok","payload":"\ud800"}').code == "malformed_request"
    assert client.send("POST", "/jobs/batch", '{"jobs":[{"type":"\ud800"}]}').code == "malformed_request"


# --- path, query, headers ----------------------------------------------------------------------------------------

QUERIES: dict[str, tuple[str, int]] = {
    "a repeated name": ("limit=1&limit=2", 422),
    "a repeated name that is blank": ("state=&state=", 422),
    "a blank name": ("=1", 422),
    "no value": ("state", 422),
    "blank": ("&&&", 200),
    "not UTF-8": ("type=%ff", 400),
    "half an escape": ("type=%", 422),
    "no escape": ("type=%zz", 422),
    "a NUL": ("type=%00", 422),
    "a line break": ("type=a%0d%0aSet-Cookie:%20a", 422),
    "half a pair": ("type=%ed%a0%80", 400),
    "a comma": ("state=dead,succeeded", 422),
    "many": ("&".join(f"x{number}=" for number in range(QUERY_PARAMETERS + 1)), 422),
    "very many": ("&" * 10_000, 422),
    "long": ("type=" + "a" * 10_000, 422),
    "too long": ("type=" + "a" * TARGET_BYTES, 414),
}


@pytest.mark.parametrize("name", QUERIES)
def test_odd_queries(client: Client, name: str) -> None:
    """A parameter is said once, is UTF-8 and holds no control character."""
    query, status = QUERIES[name]
    event = {
        "rawPath": "/jobs",
        "rawQueryString": query,
        "headers": {"authorization": f"Bearer {a_token()}"},
        "requestContext": {"http": {"method": "GET", "path": "/jobs"}},
    }
    answer = client.event(event)
    assert answer.status == status, answer.text
    if status >= 400:
        assert answer.code


def test_a_repeated_parameter_is_named(client: Client, shape: Shape) -> None:
    """The first one was taken, or the last one, by the kind of gateway."""
    answer = client.send("GET", "/jobs", limit=[1, 2])
    assert answer.json["errors"] == [{"where": "query.limit", "problem": "must be sent once"}]


HEADER_SETS: dict[str, tuple[dict[str, str], int]] = {
    "many": ({f"x-{number}": "" for number in range(HEADERS + 1)}, 431),
    "large": ({"x": "a" * HEADERS_BYTES}, 431),
    "a long name": ({"x" * HEADERS_BYTES: ""}, 431),
    "odd characters": ({"x\0": "\0\r\n\x7f\ud800é", "": ""}, 202),
    "a long trace": ({"traceparent": "00-" + "0" * 20_000}, 202),
    "a long content type": ({"content-type": "application/json" + ";" * 20_000}, 202),
    "a long key": ({"idempotency-key": "k" * 20_000}, 422),
    "two media types": ({"content-type": "application/json,application/json"}, 415),
    "a cookie": ({"cookie": "a=b;" * 5000}, 202),
    "a host": ({"host": "evil.example", "x-forwarded-host": "evil.example", "x-http-method-override": "DELETE"}, 202),
}


@pytest.mark.parametrize("name", HEADER_SETS)
def test_odd_headers(client: Client, name: str) -> None:
    """Those that say nothing to us are passed over."""
    headers, status = HEADER_SETS[name]
    answer = client.send("POST", "/jobs", '{"type":"ok"}', headers)
    assert answer.status == status, answer.text
    assert "evil" not in json.dumps(dict(answer.headers) | {"text": answer.text})


@pytest.mark.parametrize(
    "name", ["Basic YTpi", "Bearer", "Bearer  ", "Bearer \0", "\ud800", "Bearer " + "a." * 30_000, ","]
)
def test_odd_authorization(world: World, name: str) -> None:
    """401, however odd."""
    answer = Client(api_of(world), None).send("GET", "/jobs", headers={"Authorization": name})
    assert (answer.status, answer.code) == (401, "unauthenticated")


ODD_IDS = ["%00", "\0", "%ff", "ÿ", "..", "%2e%2e", "a" * 129, "a" * 5000, "a b", "a|b", "'", "job#1", "\ud800", "a\n"]


@pytest.mark.parametrize("job_id", ODD_IDS)
@pytest.mark.parametrize(
    "path",
    ["/jobs/{}", "/jobs/{}/explain", "/workflows/{}", "/schedules/a/backfills/{}", "/operations/{}"],
)
def test_an_id_that_cannot_be_one_is_404(client: Client, path: str, job_id: str) -> None:
    """DynamoDB takes no key of over 2048 bytes: such an id would have been a 500."""
    answer = client.send("GET", path.format(job_id))
    assert answer.status == 404
    assert answer.code.endswith("_not_found")


@pytest.mark.parametrize(
    "path", ["", "//", "/jobs//", "//jobs", "/" * 10_000, "/./jobs", "/jobs/../health", "/JOBS", "/jobs?x", "\0"]
)
def test_an_odd_path_is_404(client: Client, path: str) -> None:
    """Paths are compared as they are; an empty one is the first page."""
    answer = client.send("GET", path)
    assert answer.status == (200 if path == "" else 404)


def test_a_path_that_is_too_long_is_414_without_a_token(world: World) -> None:
    """RFC 9110 section 15.5.15."""
    answer = Client(api_of(world), None).send("GET", "/jobs/" + "a" * TARGET_BYTES)
    assert (answer.status, answer.code) == (414, "uri_too_long")


def test_a_public_path_needs_no_token_however_bad_it_is(world: World) -> None:
    """A load balancer's probe."""
    for path in PUBLIC - {"/assets/<name>", "/dashboard/sign-in"}:
        assert Client(api_of(world), "rubbish").send("GET", path).status == 200
