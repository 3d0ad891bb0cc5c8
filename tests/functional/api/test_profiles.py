"""Profiles over HTTP: made, read, changed under a lock, deleted; and jobs that run under them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.faults import Refusing
from tests.builders.gateway import Answer, Client, Context, Request, Shape
from tests.builders.world import World
from whendue.aws_quotas import ERROR_TYPE_BYTES
from whendue.errors import UnavailableError
from whendue.quotas import LIMIT_CONCURRENCY, MAX_ATTEMPTS, NOTIFY_NAMES, PROFILE_NAMES

WHOLE: dict[str, Any] = {
    "priority": "high",
    "queue": None,
    "maxAttempts": 7,
    "backoff": {"baseSeconds": 2.5, "factor": 3, "capSeconds": 60, "jitter": "none"},
    "timeoutSeconds": 8,
    "leaseSeconds": 9,
    "retentionSeconds": 3600,
    "neverRetry": ["ValueError", "timeout"],
    "expiresSeconds": 90,
    "follow": True,
    "limits": {"concurrency": 3, "ratePerSecond": 0.5, "key": "bank"},
    "notify": [],
}


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def put(client: Client, body: Any = None, name: str = "mine", **headers: str) -> Answer:
    return client.send("PUT", f"/profiles/{name}", {} if body is None else body, headers)


def match(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


def test_a_profile_is_read_as_it_was_put(client: Client) -> None:
    """All that it says, nothing that it does not say."""
    made = put(client, WHOLE)
    assert (made.status, made.headers["etag"]) == (201, '"1"')
    rest = {"name": "mine", "version": 1, "builtIn": False, "updatedAt": "2027-01-15T08:00:00.000Z"}
    assert made.json == WHOLE | rest
    shown = client.send("GET", "/profiles/mine")
    assert (shown.json, shown.headers["etag"]) == (made.json, '"1"')
    empty = put(client, {}, "empty").json
    said = {name: value for name, value in empty.items() if value is not None and name not in rest}
    assert said == {
        "backoff": {"baseSeconds": None, "factor": None, "capSeconds": None, "jitter": None},
        "follow": False,
        "notify": [],
    }


def test_an_edit_is_the_next_version_and_the_one_before_stays(client: Client, world: World) -> None:
    """A put is the whole: what it leaves out is no longer said."""
    put(client, {"maxAttempts": 7, "priority": "low"})
    world.clock.advance(1)
    edited = put(client, {"retries": 1})
    assert (edited.status, edited.headers["etag"]) == (200, '"2"')
    assert (edited.json["maxAttempts"], edited.json["priority"]) == (2, None)
    first, second = (client.send("GET", f"/profiles/mine/versions/{n}") for n in (1, 2))
    assert (first.json["maxAttempts"], first.json["priority"], first.headers["etag"]) == (7, "low", '"1"')
    assert second.json == edited.json
    assert client.send("GET", "/profiles/mine/versions/3").code == "profile_not_found"


def test_an_edit_under_an_etag_is_refused_when_somebody_was_faster(client: Client) -> None:
    """No edit overwrites one that its author has not seen."""
    put(client, {"maxAttempts": 1})
    assert put(client, {"maxAttempts": 2}, **match(1)).status == 200
    late = put(client, {"maxAttempts": 3}, **match(1))
    assert (late.status, late.code) == (412, "precondition_failed")
    assert client.send("GET", "/profiles/mine").json["maxAttempts"] == 2
    assert put(client, {"maxAttempts": 3}, **{"If-Match": "*"}).headers["etag"] == '"3"'
    assert put(client, {"maxAttempts": 4}).headers["etag"] == '"4"', "without a precondition the last writer wins"
    assert client.send("DELETE", "/profiles/mine", None, match(3)).code == "precondition_failed"
    assert client.send("DELETE", "/profiles/mine", None, match(4)).status == 204


def test_a_profile_is_made_only_if_there_is_none(client: Client) -> None:
    """`If-None-Match: *` never overwrites, `If-Match` never makes."""
    none_yet = {"If-None-Match": "*"}
    for headers in (match(1), {"If-Match": "*"}):
        assert put(client, {}, **headers).code == "precondition_failed"
    assert put(client, {"maxAttempts": 1}, **none_yet).status == 201
    assert put(client, {"maxAttempts": 1}, **none_yet).code == "precondition_failed"
    client.send("DELETE", "/profiles/mine")
    assert put(client, {"maxAttempts": 2}, **none_yet).headers["etag"] == '"3"'


def test_saying_the_same_again_makes_no_version(client: Client, world: World) -> None:
    """Whoever puts his profiles with each deploy, or got no reply, does not fill the history. A lock still counts."""
    made = put(client, WHOLE)
    before = world.table.items()
    for headers in ({}, match(1), {"If-Match": "*"}):
        again = put(client, WHOLE, **headers)
        assert (again.status, again.json) == (200, made.json)
    assert put(client, WHOLE, **match(2)).code == "precondition_failed"
    assert world.table.items() == before
    assert put(client, WHOLE | {"follow": False}).headers["etag"] == '"2"'


def test_a_deleted_profile_is_gone_and_its_versions_count_on(client: Client) -> None:
    """A version's number never means two things."""
    put(client, {"maxAttempts": 1})
    gone = client.send("DELETE", "/profiles/mine")
    assert (gone.status, gone.text) == (204, "")
    assert client.send("DELETE", "/profiles/mine").code == "profile_not_found"
    assert client.send("GET", "/profiles/mine").code == "profile_not_found"
    assert "mine" not in [item["name"] for item in client.send("GET", "/profiles").json["items"]]
    assert client.send("POST", "/jobs", {"type": "ok", "profile": "mine"}).code == "unknown_profile"
    assert client.send("GET", "/profiles/mine/versions/1").json["maxAttempts"] == 1
    assert client.send("GET", "/profiles/mine/versions/2").code == "profile_not_found"
    made = put(client, {"maxAttempts": 3})
    assert (made.status, made.json["version"]) == (201, 3)
    assert client.submit(profile="mine")["profileVersion"] == 3


def test_an_answer_without_a_body_has_an_empty_one(world: World, shape: Shape) -> None:
    """A null is a 500 to MiniStack."""
    api = api_of(world)
    put(Client(api, a_token()))
    request = Request("DELETE", "/profiles/mine", {"Authorization": f"Bearer {a_token()}"})
    reply = api(request.event(shape), Context())
    assert (reply["statusCode"], reply["body"]) == (204, "")


def test_the_list_has_the_built_in_profiles_and_ones_own(client_of: Callable[..., Client]) -> None:
    """And nobody else's."""
    mine, other = client_of(), client_of("other")
    put(mine, WHOLE, "bank")
    put(other, {}, "theirs")
    page = mine.send("GET", "/profiles").json
    assert [(item["name"], item["version"]) for item in page["items"]] == [
        ("bank", 1),
        ("default", None),
        ("once", None),
        ("patient", None),
    ]
    assert page["cursor"] is None
    assert page["items"][0] == mine.send("GET", "/profiles/bank").json
    assert page["items"][3]["backoff"]["baseSeconds"] == 30


def test_profiles_of_tenants_do_not_meet(client_of: Callable[..., Client]) -> None:
    """Another tenant's profile is exactly like none."""
    put(client_of(), {"maxAttempts": 7})
    other = client_of("other")
    # To the letter, but for the name that was asked for.
    mine, none, version, no_version = (
        other.send("GET", f"/profiles/{path}") for path in ("mine", "none", "mine/versions/1", "none/versions/1")
    )
    assert (mine.text, mine.code) == (none.text.replace("none", "mine"), "profile_not_found")
    assert (version.text, version.code) == (no_version.text.replace("none", "mine"), "profile_not_found")
    assert other.send("POST", "/jobs", {"type": "ok", "profile": "mine"}).code == "unknown_profile"
    assert put(other, {"maxAttempts": 9}).headers["etag"] == '"1"'
    assert client_of().send("GET", "/profiles/mine").json["maxAttempts"] == 7


@pytest.mark.parametrize("name", ["default", "patient", "once"])
def test_a_built_in_profile_is_shown_and_never_changed(client: Client, name: str) -> None:
    """Jobs on them must not cost a read."""
    shown = client.send("GET", f"/profiles/{name}")
    assert (shown.status, shown.json["builtIn"], shown.json["version"]) == (200, True, None)
    assert "etag" not in shown.headers
    for answer in (put(client, {}, name), client.send("DELETE", f"/profiles/{name}")):
        assert (answer.status, answer.code) == (409, "built_in_profile")
    assert client.send("GET", f"/profiles/{name}/versions/1").code == "profile_not_found"


BROKEN: dict[str, Any] = {
    "no attempt": {"maxAttempts": 0},
    "too many attempts": {"maxAttempts": MAX_ATTEMPTS + 1},
    "attempts in words": {"maxAttempts": "7"},
    "attempts said twice": {"maxAttempts": 2, "retries": 1},
    "a shrinking backoff": {"backoff": {"factor": 0.5}},
    "an unknown part of a backoff": {"backoff": {"base": 1}},
    "no lease": {"leaseSeconds": 0},
    "another priority": {"priority": "urgent"},
    "an unknown field": {"subscriptions": []},
    "too many subscriptions": {"notify": [f"s{n}" for n in range(NOTIFY_NAMES + 1)]},
    "too long names": {"notify": ["s" * 60, "t" * 60, "u" * 60]},
    "a job's field": {"payload": {}},
    "a version of one's own": {"version": 7},
    "an error type with a space": {"neverRetry": ["a b"]},
    "an error type that is none": {"neverRetry": [""]},
    "following in words": {"follow": "yes"},
    "limits of nothing": {"limits": {"key": "bank"}},
    "a concurrency of nothing": {"limits": {"concurrency": 0}},
    "too much concurrency": {"limits": {"concurrency": LIMIT_CONCURRENCY + 1}},
    "a rate of nothing": {"limits": {"ratePerSecond": 0}},
    "a key with a hash": {"limits": {"concurrency": 1, "key": "a#b"}},
    "a list": [],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_profile_is_refused_whole(client: Client, world: World, name: str) -> None:
    """The good fields beside a bad one change nothing, and what was there stays."""
    put(client, {"maxAttempts": 7})
    before = world.table.items()
    broken = BROKEN[name] if isinstance(BROKEN[name], list) else {"timeoutSeconds": 9} | BROKEN[name]
    answer = put(client, broken)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert world.table.items() == before


OTHERS: dict[str, tuple[int, str, tuple[Any, ...]]] = {
    "an unknown profile": (404, "profile_not_found", ("GET", "/profiles/none")),
    "a version of an unknown profile": (404, "profile_not_found", ("GET", "/profiles/none/versions/1")),
    "deleting an unknown profile": (404, "profile_not_found", ("DELETE", "/profiles/none")),
    "a name with a hash": (422, "invalid_request", ("PUT", "/profiles/a%23b", {})),
    "too long a name": (422, "invalid_request", ("PUT", f"/profiles/{'a' * 65}", {})),
    "reading too long a name": (422, "invalid_request", ("GET", f"/profiles/{'a' * 5000}")),
    "version zero": (422, "invalid_request", ("GET", "/profiles/none/versions/0")),
    "a version in words": (422, "invalid_request", ("GET", "/profiles/none/versions/one")),
    "a huge version": (422, "invalid_request", ("GET", f"/profiles/none/versions/{'9' * 3000}")),
    "no body": (422, "invalid_request", ("PUT", "/profiles/mine")),
    "another method": (405, "method_not_allowed", ("PATCH", "/profiles/mine", {})),
    "a malformed lock": (422, "invalid_request", ("PUT", "/profiles/mine", {}, {"If-Match": "3"})),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_bad_request_has_a_clear_answer(client: Client, world: World, name: str) -> None:
    """And stores nothing."""
    status, code, request = OTHERS[name]
    before = world.table.items()
    answer = client.send(*request)
    assert (answer.status, answer.code) == (status, code)
    assert world.table.items() == before


def test_a_tenant_has_so_many_profiles_and_no_more(client_of: Callable[..., Client]) -> None:
    """One list reads them all; names that are there already can still be edited, and made again."""
    client = client_of()
    for number in range(PROFILE_NAMES):
        assert put(client, {}, f"p{number}").status == 201
    client.send("DELETE", "/profiles/p0")
    full = put(client, {}, "one-more")
    assert (full.status, full.code) == (409, "too_many_profiles")
    assert put(client, {"maxAttempts": 2}, "p1").status == 200
    assert put(client, {}, "p0").status == 201
    assert put(client_of("other"), {}).status == 201


def test_a_job_shows_the_policy_it_runs_under_and_where_each_part_comes_from(client: Client, world: World) -> None:
    """Request over profile over task over default, and what the profile's version was."""
    world.task("careful", lambda payload, ctx: None, timeout_s=99, max_attempts=9)
    put(client, {"maxAttempts": 6, "leaseSeconds": 20, "priority": "high", "neverRetry": ["KeyError"]})
    job = client.submit("careful", profile="mine", leaseSeconds=10, backoff={"jitter": "none"})
    assert (job["priority"], job["profileVersion"], job["maxAttempts"], job["followProfile"]) == ("high", 1, 6, False)
    assert job["effective"] == {
        "maxAttempts": {"value": 6, "source": "profile"},
        "backoff": {
            "baseSeconds": {"value": 5, "source": "default"},
            "factor": {"value": 2, "source": "default"},
            "capSeconds": {"value": 3600, "source": "default"},
            "jitter": {"value": "none", "source": "request"},
        },
        "timeoutSeconds": {"value": 99, "source": "task"},
        "leaseSeconds": {"value": 10, "source": "request"},
        "retentionSeconds": {"value": 604_800, "source": "default"},
        "neverRetry": {"value": ["KeyError"], "source": "profile"},
    }
    assert client.send("GET", f"/jobs/{job['id']}").json["effective"] == job["effective"]
    plain = client.submit(profile="patient", priority="low")
    assert (plain["profileVersion"], plain["effective"]["maxAttempts"]) == (None, {"value": 12, "source": "profile"})


def test_a_request_takes_back_what_a_profile_never_retries(client: Client) -> None:
    """An empty list says: none. No list says: as the profile has it."""
    put(client, {"neverRetry": ["KeyError"]})
    job = client.submit(profile="mine", neverRetry=[])
    long = "E" * ERROR_TYPE_BYTES
    assert client.submit(neverRetry=[long])["effective"]["neverRetry"]["value"] == [long], "as long as error.type"
    assert job["effective"]["neverRetry"] == {"value": [], "source": "request"}


@pytest.mark.parametrize("source", ["request", "profile"])
def test_an_error_that_is_never_retried_ends_the_job_at_once(client: Client, world: World, source: str) -> None:
    """Its type as shown in `error.type`; others are tried again."""
    put(client, {"neverRetry": ["RuntimeError"]})
    job = client.submit("bad", **({"neverRetry": ["RuntimeError"]} if source == "request" else {"profile": "mine"}))
    other = client.submit("bad", neverRetry=["runtimeerror", "RuntimeErrors"])
    world.work()
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert (shown["state"], shown["attempt"], shown["error"]["type"]) == ("dead", 1, "RuntimeError")
    assert client.send("GET", f"/jobs/{other['id']}").json["state"] == "scheduled"


def test_an_edit_governs_what_is_accepted_afterwards_and_nothing_before(client: Client, world: World) -> None:
    """A job keeps the version it was accepted under for all its attempts, also after a redrive."""
    put(client, {"maxAttempts": 2, "backoff": {"baseSeconds": 1, "jitter": "none"}})
    before = client.submit("bad", profile="mine")
    put(client, {"maxAttempts": 1})
    after = client.submit("bad", profile="mine")
    world.pass_time(5)
    for job, version, attempts in ((before, 1, 2), (after, 2, 1)):
        shown = client.send("GET", f"/jobs/{job['id']}").json
        assert (shown["state"], shown["profileVersion"], shown["attempt"]) == ("dead", version, attempts)
    client.send("DELETE", "/profiles/mine")
    client.send("POST", f"/jobs/{before['id']}/redrive")
    world.pass_time(5)
    again = client.send("GET", f"/jobs/{before['id']}").json
    assert (again["state"], again["profileVersion"], again["attempt"]) == ("dead", 1, 2)


@pytest.mark.parametrize("options", [{"profile": "leader"}, {"profile": "mine", "followProfile": True}])
def test_a_following_job_takes_the_newest_version_at_each_claim(
    client: Client, world: World, options: dict[str, Any]
) -> None:
    """What the request itself asked for stays."""
    quick = {"baseSeconds": 1, "jitter": "none"}
    for name, follow in (("leader", True), ("mine", False)):
        put(client, {"maxAttempts": 9, "backoff": quick, "timeoutSeconds": 11, "follow": follow}, name)
    job = client.submit("bad", leaseSeconds=40, **options)
    assert (job["followProfile"], job["profileVersion"]) == (True, 1)
    world.work()
    for name in ("leader", "mine"):
        put(client, {"maxAttempts": 2, "backoff": quick, "leaseSeconds": 7}, name)
    assert client.send("GET", f"/jobs/{job['id']}").json["profileVersion"] == 1, "no claim, no change"
    world.pass_time(9)
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert (shown["state"], shown["attempt"], shown["profileVersion"]) == ("dead", 2, 2)
    assert shown["effective"]["leaseSeconds"] == {"value": 40, "source": "request"}
    assert shown["effective"]["timeoutSeconds"] == {"value": 30, "source": "default"}


def test_a_request_need_not_follow_a_profile_that_says_so(client: Client) -> None:
    """The request wins, here too."""
    put(client, {"follow": True})
    assert client.submit(profile="mine", followProfile=False)["followProfile"] is False
    assert client.submit(profile="once", followProfile=True)["followProfile"] is True


def test_following_is_a_part_of_the_request(client: Client) -> None:
    """The same Idempotency-Key with another wish is another request."""
    put(client, {})
    key = {"Idempotency-Key": "k"}
    client.submit(headers=key, profile="mine")
    body = {"type": "ok", "profile": "mine", "followProfile": True}
    assert client.send("POST", "/jobs", body, key).code == "idempotency_conflict"


def test_a_table_that_does_not_answer_is_503_for_custom_profiles_and_no_matter_for_built_in_ones(
    world: World,
) -> None:
    """Nothing is accepted under a profile that nobody could read."""
    client = Client(api_of(world), a_token())
    put(client, {})

    def gone(*_: object) -> None:
        raise UnavailableError("the table stayed throttled")

    deaf = Client(api_of(world, store=Refusing(world.table, "get", gone)), a_token())
    before = len(world.table.items())
    refused = deaf.send("POST", "/jobs", {"type": "ok", "profile": "mine"})
    assert (refused.status, refused.code) == (503, "unavailable")
    assert len(world.table.items()) == before
    jobs = [{"type": "ok", "profile": name} for name in ("mine", "default")]
    items = deaf.send("POST", "/jobs/batch", {"jobs": jobs}).json["items"]
    assert [item["status"] for item in items] == [503, 202]
    for answer in (deaf.send("GET", "/profiles/mine"), put(deaf, {"maxAttempts": 2})):
        assert answer.code == "unavailable"
