"""What HTTP itself promises: If-Match, HEAD, slashes, Location, integers, and browsers of other origins."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.api.app import Api
from functions.api.http.cors import Origins
from localstack import token
from tests.builders.api import SECRET, a_token, api_of
from tests.builders.gateway import Answer, Client, Request, Shape
from tests.builders.world import World
from whendue.adapters.auth import AuthSettings, Verifier
from whendue.errors import ConfigurationError

APP = "https://app.example.com"


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


# --- If-Match ----------------------------------------------------------------------------------------------------


def test_a_change_of_a_job_that_was_changed_meanwhile_is_refused(client: Client, world: World) -> None:
    """If-Match was ignored: of two who read and then changed, the first one's change was lost."""
    path = f"/jobs/{client.submit(delaySeconds=3600)['id']}"
    seen = client.send("GET", path).headers["etag"]
    first = client.send("PATCH", path, {"priority": "high"}, {"If-Match": seen})
    assert (first.status, first.json["priority"]) == (200, "high")
    second = client.send("PATCH", path, {"priority": "low"}, {"If-Match": seen})
    assert (second.status, second.code) == (412, "precondition_failed")
    then = client.send("GET", path)
    assert (then.json["priority"], then.headers["etag"]) == ("high", first.headers["etag"])
    several = {"If-Match": f'"other", {first.headers["etag"]}'}
    assert client.send("PATCH", path, {"priority": "low"}, several).status == 200


@pytest.mark.parametrize(
    ("match", "status"), [("*", 200), ('"other"', 412), ('W/"{etag}"', 412), ("no tag", 422), ('"3"', 412)]
)
def test_what_if_match_may_say(client: Client, match: str, status: int) -> None:
    """RFC 9110 section 13.1.1: strong comparison; `*` is whichever there is."""
    path = f"/jobs/{client.submit(delaySeconds=3600)['id']}"
    etag = client.send("GET", path).headers["etag"].strip('"')
    headers = {"If-Match": match.replace("{etag}", etag)}
    assert client.send("PATCH", path, {"priority": "high"}, headers).status == status
    assert client.send("PATCH", f"/jobs/{'0' * 36}", {"priority": "high"}, {"If-Match": "*"}).status == 404


@pytest.mark.parametrize("change", ["cancel", "redrive"])
def test_a_cancel_and_a_redrive_keep_to_if_match_as_well(client: Client, change: str) -> None:
    """Its brothers: they change what somebody else may have changed."""
    path = f"/jobs/{client.submit(delaySeconds=3600)['id']}"
    if change == "redrive":
        client.send("POST", f"{path}/cancel")
    answer = client.send("POST", f"{path}/{change}", None, {"If-Match": '"other"'})
    assert answer.code == "precondition_failed"
    etag = client.send("GET", path).headers["etag"]
    then = client.send("POST", f"{path}/{change}", None, {"If-Match": etag})
    assert (then.status, then.headers["etag"]) == (200, client.send("GET", path).headers["etag"])


def test_erasing_keeps_to_if_match_as_well(client: Client) -> None:
    """What was redriven and has ended again since is not what somebody decided to erase."""
    path = f"/jobs/{client.submit(delaySeconds=3600)['id']}"
    client.send("POST", f"{path}/cancel")
    etag = client.send("GET", path).headers["etag"]
    client.send("POST", f"{path}/redrive")
    client.send("POST", f"{path}/cancel")
    assert client.send("DELETE", path, None, {"If-Match": etag}).code == "precondition_failed"
    assert client.send("DELETE", path, None, {"If-Match": client.send("GET", path).headers["etag"]}).status == 204


def test_the_timer_s_own_notes_are_no_other_version(client: Client, world: World) -> None:
    """Nobody decides by when the timer looks next."""
    path = f"/jobs/{client.submit()['id']}"
    world.queues.discard("normal")
    etag = client.send("GET", path).headers["etag"]
    world.clock.advance(200)
    world.tick()
    assert client.send("GET", path).headers["etag"] == etag
    world.work()
    assert client.send("GET", path).headers["etag"] != etag


# --- methods and paths -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/docs", "/health", "/jobs", "/jobs/{id}", "/jobs/{id}/explain", "/schedules"])
def test_head_is_get_without_its_content(client: Client, path: str) -> None:
    """It was 405; RFC 9110 section 9.1: every server must know GET and HEAD."""
    path = path.replace("{id}", client.submit()["id"])
    full, head = client.send("GET", path), client.send("HEAD", path)
    assert (head.status, head.text) == (full.status, "")
    assert head.headers == full.headers
    assert client.send("HEAD", "/nothing").status == 404
    assert client.send("HEAD", "/jobs/batch").status == client.send("GET", "/jobs/batch").status


def test_head_needs_what_get_needs(client_of: Callable[..., Client]) -> None:
    """A scope, and a tenant."""
    job = client_of().submit()
    assert client_of("other").send("HEAD", f"/jobs/{job['id']}").status == 404
    assert client_of(scopes="jobs:write").send("HEAD", f"/jobs/{job['id']}").status == 403


def test_a_slash_at_the_end_changes_nothing(client: Client) -> None:
    """It was 404."""
    answer = client.send("POST", "/jobs/", {"type": "ok"})
    assert (answer.status, answer.headers["location"]) == (202, f"/jobs/{answer.json['id']}")
    assert client.send("GET", f"/jobs/{answer.json['id']}/").json["id"] == answer.json["id"]
    assert client.send("GET", "/health/").status == 200


@pytest.mark.parametrize("number", ["1_0", " 10", "+10", "10 ", "1.0", "1e1", "٣", "", "1" * 19])
def test_an_integer_is_written_in_digits(client: Client, number: str) -> None:
    """`limit=1_0` was read as 10."""
    answer = client.send("GET", "/jobs", limit=number)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert answer.json["errors"][0]["where"] == "query.limit"
    assert client.send("GET", "/jobs", limit="10").status == 200
    assert client.send("GET", "/profiles/default/versions/1_0").status == 422


@pytest.mark.parametrize(
    ("shape", "path", "seen"),
    [("rest", "/jobs", "/live/jobs"), ("rest", "/jobs", "/base/jobs"), ("http", "/live/jobs", None)],
)
def test_location_leads_back_through_the_stage(world: World, shape: Shape, path: str, seen: str | None) -> None:
    """Without it a client of a REST API is sent to another API's path."""
    headers = {"Authorization": f"Bearer {a_token()}", "Content-Type": "application/json"}
    event = Request("POST", path, headers, '{"type": "ok"}').event(shape)
    event["requestContext"] |= {"stage": "live"} | ({"path": seen} if seen else {})
    answer = Client(api_of(world), None, shape).event(event)
    prefix = (seen or path).removesuffix("/jobs")
    assert (answer.status, answer.headers["location"]) == (202, f"{prefix}/jobs/{answer.json['id']}")


@pytest.mark.parametrize("target", [{"job": {"type": "ok"}}, {"workflow": {"chain": [{"type": "ok"}]}}])
def test_a_schedule_is_previewed_as_it_would_be_put(client: Client, target: Any) -> None:
    """`job` was refused as an unknown field."""
    body = {"cron": "0 9 * * *", "overlap": "skip", "misfire": {"policy": "skip"}, "name": "s", **target}
    answer = client.send("POST", "/schedules/preview", body)
    assert (answer.status, len(answer.json["items"])) == (200, 10)


# --- other origins -----------------------------------------------------------------------------------------------


def across(world: World, method: str, path: str, shape: Shape, origin: str = APP, **headers: str) -> Answer:
    """Send what a browser sends for a script of another origin."""
    verifier = Verifier(AuthSettings.from_env(token.environment(SECRET)), world.system)
    api = Api(world.app, verifier, Origins.from_env({"WHENDUE_CORS_ORIGINS": f"{APP}, http://localhost:3000"}))
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(api, None, shape).event(Request(method, path, {"Origin": origin, **asked}).event(shape))


def test_a_script_of_a_configured_origin_may_call(world: World, shape: Shape) -> None:
    """Browsers ask first, without a token."""
    asks = {"Access_Control_Request_Method": "PATCH", "Access_Control_Request_Headers": "authorization,if-match"}
    answer = across(world, "OPTIONS", f"/jobs/{'0' * 36}", shape, **asks)
    assert (answer.status, answer.text) == (204, "")
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, PATCH"
    assert {"Authorization", "If-Match"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    then = across(world, "GET", "/jobs", shape, Authorization=f"Bearer {a_token()}")
    assert (then.status, then.headers["access-control-allow-origin"], then.headers["vary"]) == (200, APP, "Origin")
    assert "ETag" in then.headers["access-control-expose-headers"]
    refused = across(world, "GET", "/jobs", shape)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, APP)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.com.evil.example", ""])
def test_a_script_of_any_other_origin_gets_no_headers(world: World, shape: Shape, origin: str) -> None:
    """The browser keeps the answer from it."""
    asks = {"Access_Control_Request_Method": "GET"}
    for answer in (across(world, "OPTIONS", "/jobs", shape, origin, **asks), across(world, "GET", "/", shape, origin)):
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert answer.headers["vary"] == "Origin"
    assert across(world, "OPTIONS", "/jobs", shape, origin, **asks).code == "method_not_allowed"


def test_without_a_configured_origin_nothing_is_said(client: Client) -> None:
    """As it always was."""
    answer = client.send("GET", "/jobs", None, {"Origin": APP})
    assert not {"vary", "access-control-allow-origin"} & set(answer.headers)


@pytest.mark.parametrize("entry", ["*", "app.example.com", "https://app.example.com/", "https://A.example", "null"])
def test_an_origin_that_no_browser_sends_is_refused_at_start(entry: str) -> None:
    """It would match nothing."""
    with pytest.raises(ConfigurationError, match="entry 2"):
        Origins.from_env({"WHENDUE_CORS_ORIGINS": f"{APP},{entry}"})
    assert Origins.from_env({}) == Origins()


def test_no_page_frames_the_docs(client: Client) -> None:
    """These three do not fall back to default-src."""
    policy = client.send("GET", "/docs").headers["content-security-policy"]
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy.split("; "))
