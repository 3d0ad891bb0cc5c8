"""Who may do what: tenants see nothing of each other, scopes hold, and nothing secret gets out."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.api.app import PUBLIC, make_resolver, routes_of
from tests.builders.api import SECRET, a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World

ROUTES = sorted((route.method, route.path) for route in routes_of(make_resolver()))
OF_A_JOB = [(method, path) for method, path in ROUTES if "<job_id>" in path]
BODIES = {"PATCH": {"priority": "low"}}
READ, WRITE, ADMIN, OPERATOR, METRICS = "jobs:read", "jobs:write", "admin", "operator", "metrics:read"
# What each route needs; those that need no token are in PUBLIC. A new route has to be added here.
NEEDED = {
    ("GET", "/jobs"): READ,
    ("POST", "/jobs"): WRITE,
    ("POST", "/jobs/batch"): WRITE,
    ("POST", "/tasks/schedule"): WRITE,
    ("DELETE", "/jobs/<job_id>"): WRITE,
    ("GET", "/jobs/<job_id>"): READ,
    ("GET", "/jobs/<job_id>/attempts"): READ,
    ("GET", "/jobs/<job_id>/events"): READ,
    ("GET", "/jobs/<job_id>/logs"): READ,
    ("GET", "/jobs/<job_id>/explain"): READ,
    ("GET", "/jobs/<job_id>/payload"): READ,
    ("GET", "/jobs/<job_id>/result"): READ,
    ("POST", "/unique/holder"): READ,
    ("PATCH", "/jobs/<job_id>"): WRITE,
    ("POST", "/jobs/<job_id>/cancel"): WRITE,
    ("POST", "/jobs/<job_id>/redrive"): WRITE,
    ("GET", "/workflows"): READ,
    ("POST", "/workflows"): WRITE,
    ("GET", "/workflows/<workflow_id>"): READ,
    ("POST", "/workflows/<workflow_id>/cancel"): WRITE,
    ("POST", "/workflows/<workflow_id>/retry"): WRITE,
    ("GET", "/schedules"): READ,
    ("GET", "/schedules/<name>"): READ,
    ("PUT", "/schedules/<name>"): WRITE,
    ("DELETE", "/schedules/<name>"): WRITE,
    ("POST", "/schedules/<name>/pause"): WRITE,
    ("POST", "/schedules/<name>/resume"): WRITE,
    ("POST", "/schedules/<name>/trigger"): WRITE,
    ("GET", "/schedules/<name>/preview"): READ,
    ("POST", "/schedules/preview"): WRITE,
    ("GET", "/schedules/<name>/fires"): READ,
    ("POST", "/schedules/<name>/backfill"): WRITE,
    ("GET", "/schedules/<name>/backfills"): READ,
    ("GET", "/schedules/<name>/backfills/<backfill_id>"): READ,
    ("POST", "/schedules/<name>/backfills/<backfill_id>/cancel"): WRITE,
    ("POST", "/schedules/<name>/backfills/<backfill_id>/pause"): WRITE,
    ("POST", "/schedules/<name>/backfills/<backfill_id>/resume"): WRITE,
    ("GET", "/dead-letters"): READ,
    ("GET", "/dead-letters/by-tenant"): OPERATOR,
    ("POST", "/dead-letters/redrive"): WRITE,
    ("POST", "/operations"): WRITE,
    ("GET", "/operations"): READ,
    ("GET", "/operations/<operation_id>"): READ,
    ("POST", "/operations/<operation_id>/cancel"): WRITE,
    ("POST", "/operations/<operation_id>/undo"): WRITE,
    ("GET", "/tasks"): READ,
    ("GET", "/tasks/<name>"): READ,
    ("GET", "/profiles"): READ,
    ("GET", "/profiles/<name>"): READ,
    ("GET", "/profiles/<name>/versions/<version>"): READ,
    ("PUT", "/profiles/<name>"): ADMIN,
    ("DELETE", "/profiles/<name>"): ADMIN,
    ("GET", "/pauses"): READ,
    ("POST", "/pauses"): ADMIN,
    ("DELETE", "/pauses/tenant"): ADMIN,
    ("DELETE", "/pauses/types/<type>"): ADMIN,
    ("GET", "/subscriptions"): READ,
    ("GET", "/subscriptions/<name>"): READ,
    ("PUT", "/subscriptions/<name>"): ADMIN,
    ("DELETE", "/subscriptions/<name>"): ADMIN,
    ("POST", "/subscriptions/<name>/rotate-secret"): ADMIN,
    ("POST", "/subscriptions/<name>/enable"): ADMIN,
    ("POST", "/subscriptions/<name>/test"): ADMIN,
    ("GET", "/subscriptions/<name>/deliveries"): READ,
    ("POST", "/subscriptions/<name>/deliveries/<delivery_id>/replay"): ADMIN,
    # What is everybody's. To list queues shows a tenant which are paused, and nothing else; operators see all of it.
    ("GET", "/queues"): READ,
    ("POST", "/queues/<name>/pause"): OPERATOR,
    ("POST", "/queues/<name>/resume"): OPERATOR,
    # Of one's own tenant; operators see all.
    ("GET", "/usage"): READ,
    ("GET", "/actuator/prometheus"): METRICS,
}
# The widest scopes that a token may have without one of these.
WITHOUT = {
    READ: "jobs:write operator metrics:read",
    WRITE: "jobs:read operator metrics:read",
    ADMIN: "jobs:read jobs:write operator metrics:read",
    OPERATOR: "jobs:read jobs:write admin metrics:read",
    METRICS: "jobs:read jobs:write admin",
}


def test_the_scope_of_every_route_is_decided() -> None:
    """A new route is somebody's decision, not a prefix's."""
    assert {route for route in ROUTES if route[1] not in PUBLIC} == set(NEEDED)


def test_there_are_routes_of_a_job() -> None:
    """The tests below stand on this list."""
    assert {path.removeprefix("/jobs/<job_id>") for _, path in OF_A_JOB} == {
        "",
        "/attempts",
        "/events",
        "/logs",
        "/explain",
        "/payload",
        "/result",
        "/cancel",
        "/redrive",
    }


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
def test_another_tenants_job_is_exactly_like_no_job(client_of: Callable[..., Client], method: str, path: str) -> None:
    """Not even its existence shows."""
    mine = client_of().submit()["id"]
    other = client_of("other")
    answers = [other.send(method, path.replace("<job_id>", item), BODIES.get(method)) for item in (mine, "0190")]
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
        # Of the dashboard, a name that no file has, and links where there are none.
        assert answer.status == (404 if path in ("/assets/<name>", "/dashboard/sign-in") else 200)
    else:
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] not in PUBLIC])
def test_reading_and_writing_need_their_scopes(client_of: Callable[..., Client], method: str, path: str) -> None:
    """A token with every scope but the one that is needed is refused, and told which it lacks."""
    needed = NEEDED[method, path]
    # Operators see what they operate, without being anybody's reader.
    without = WITHOUT[needed].replace("operator", "") if path in ("/queues", "/usage") else WITHOUT[needed]
    refused = client_of(scopes=without).send(method, path, BODIES.get(method))
    assert (refused.status, refused.code) == (403, "forbidden")
    assert f'scope="{needed}"' in refused.headers["www-authenticate"]
    above = {READ: "admin", WRITE: "admin", METRICS: "operator"}.get(needed, needed)
    for scopes in (needed, above, f"openid {needed}"):
        assert client_of(scopes=scopes).send(method, path, BODIES.get(method)).status not in (401, 403)


def test_an_operator_sees_the_queues_and_no_job(client_of: Callable[..., Client]) -> None:
    """`operator` alone: how full the queues are, and nothing of a tenant's own."""
    operator = client_of(scopes="operator")
    assert operator.send("GET", "/queues").json["items"][0]["depth"] is not None
    assert operator.send("GET", "/jobs").code == "forbidden"


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
    if answer.status >= 400 and method != "HEAD":
        assert answer.code
