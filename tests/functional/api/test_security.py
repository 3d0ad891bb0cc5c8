"""Who may do what: tenants see nothing of each other, scopes hold, and nothing secret gets out."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.api.app import PUBLIC, make_resolver, routes_of
from tests.functional.api.conftest import SECRET, a_token, api_of
from tests.functional.api.gateway import Client
from tests.world import World

ROUTES = sorted((route.method, route.path) for route in routes_of(make_resolver()))
OF_A_JOB = [(method, path) for method, path in ROUTES if "<job_id>" in path]
BODIES = {"PATCH": {"priority": "low"}}
FOR_ADMINS = {
    ("POST", "/queues/<name>/pause"),
    ("POST", "/queues/<name>/resume"),
    ("POST", "/pauses"),
    ("DELETE", "/pauses/tenant"),
    ("DELETE", "/pauses/types/<type>"),
    ("PUT", "/profiles/<name>"),
    ("DELETE", "/profiles/<name>"),
    ("PUT", "/subscriptions/<name>"),
    ("DELETE", "/subscriptions/<name>"),
    ("POST", "/subscriptions/<name>/rotate-secret"),
    ("POST", "/subscriptions/<name>/enable"),
    ("POST", "/subscriptions/<name>/test"),
    ("POST", "/subscriptions/<name>/deliveries/<delivery_id>/replay"),
}


def test_there_are_routes_of_a_job() -> None:
    """The tests below stand on this list."""
    assert {path.removeprefix("/jobs/<job_id>") for _, path in OF_A_JOB} == {"", "/explain", "/cancel", "/redrive"}


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
def test_another_tenants_job_is_exactly_like_no_job(client_of: Callable[..., Client], method: str, path: str) -> None:
    """Not even its existence shows."""
    mine = client_of().submit()["id"]
    other = client_of("other")
    answers = [other.send(method, path.replace("<job_id>", one), BODIES.get(method)) for one in (mine, "0190")]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].text.replace(mine, "*") == answers[1].text.replace("0190", "*")


def test_lists_and_groups_hold_ones_own_jobs_only(client_of: Callable[..., Client], world: World) -> None:
    """The tenant comes from the token and from nowhere else."""
    client_of().submit("bad", maxAttempts=1)
    client_of().submit()
    world.work()
    other = client_of("other")
    assert other.send("GET", "/jobs").json["items"] == []
    assert other.send("GET", "/dead-letters").json["items"] == []
    assert other.send("POST", "/dead-letters/redrive", {}).json["matched"] == 0


def test_a_cursor_of_another_tenant_opens_nothing(client_of: Callable[..., Client]) -> None:
    """A cursor names partitions; it must not be a way into them."""
    for _ in range(3):
        client_of().submit(delaySeconds=60)
    cursor = client_of().send("GET", "/jobs", limit=1).json["cursor"]
    assert client_of("other").send("GET", "/jobs", limit=1, cursor=cursor).code == "invalid_cursor"


def test_idempotency_keys_of_tenants_do_not_meet(client_of: Callable[..., Client]) -> None:
    """Two tenants may well choose the same key."""
    key = {"Idempotency-Key": "1"}
    assert client_of().submit(headers=key)["id"] != client_of("other").submit(headers=key, payload={"n": 1})["id"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_a_token_unless_it_is_public(world: World, method: str, path: str) -> None:
    """A new route is closed by default."""
    answer = Client(api_of(world), None).send(method, path, BODIES.get(method))
    if path in PUBLIC:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] not in PUBLIC])
def test_reading_and_writing_need_their_scopes(client_of: Callable[..., Client], method: str, path: str) -> None:
    """A token that may only read changes nothing; one that may only write reads nothing; `admin` may do all.

    How everybody's jobs run is changed by `admin` alone; what shows all tenants has a scope of its own.
    """
    if path == "/actuator/prometheus":
        needed = "metrics:read"
    else:
        needed = "jobs:read" if method == "GET" else "admin" if (method, path) in FOR_ADMINS else "jobs:write"
    other = " ".join(sorted({"jobs:read", "jobs:write"} - {needed}))
    refused = client_of(scopes=other).send(method, path, BODIES.get(method))
    assert (refused.status, refused.code) == (403, "forbidden")
    assert f'scope="{needed}"' in refused.headers["www-authenticate"]
    for scopes in (needed, "admin", f"openid {needed}"):
        assert client_of(scopes=scopes).send(method, path, BODIES.get(method)).status not in (401, 403)


@pytest.mark.parametrize("path", ["/", "/docs", "/jobs", "/nowhere"])
def test_every_reply_has_the_security_headers(client: Client, path: str) -> None:
    """Also errors."""
    headers = client.send("GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_no_token_payload_or_secret_is_logged(client: Client, world: World, logged: StringIO) -> None:
    """Logs are read by people and systems that may see none of these."""
    job = client.submit(payload={"password": "hunter2"}, tags={"card": "4111"}, headers={"Idempotency-Key": "key-77"})
    client.send("GET", f"/jobs/{job['id']}", token="hunter2")
    client.send("POST", "/jobs", '{"type": "hunter2')
    client.send("GET", "/jobs", headers={"Authorization": "Bearer hunter2"})
    world.work()
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["status"] for line in lines] == [202, 422, 400, 401]
    assert {line["route"] for line in lines} == {"/jobs", "/jobs/<job_id>"}
    text = json.dumps(lines)
    for secret in ("hunter2", "4111", "key-77", SECRET, a_token()[:40], job["id"]):
        assert secret not in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
known_fields = st.sampled_from(
    ["type", "payload", "delaySeconds", "dueAt", "priority", "profile", "retries", "backoff", "tags", "jobs", "filter"]
) | st.sampled_from(["neverRetry", "limits", "follow"])
bodies = st.dictionaries(known_fields | st.text(max_size=8), json_values | st.just("ok"), max_size=6).map(json.dumps)
paths = st.sampled_from([path for _, path in ROUTES]) | st.text(max_size=30).map(lambda text: f"/{text}")
methods = st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=300
)
@given(methods, paths, bodies | st.text() | st.binary(), st.dictionaries(st.text(max_size=8), st.text(max_size=8)))
def test_whatever_is_sent_is_never_a_5xx(
    client: Client, method: str, path: str, body: str | bytes, query: dict[str, str]
) -> None:
    """A 5xx would mean that a client can break us."""
    answer = client.send(method, path, body, None, **{f"{name}_": value for name, value in query.items()})
    assert answer.status < 500
    if answer.status >= 400:
        assert answer.code
