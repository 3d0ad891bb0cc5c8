"""Direct mode refuses what HTTP refuses, with the same words; and a transaction refuses what a submit refuses."""

import json
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from functions.api.app import Api
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client as Gateway
from tests.builders.world import TENANT, World
from whendue.direct.transaction import PlanningApp
from whendue.direct.transport import InProcess

WORLD = World()
HTTP = Gateway(api_of(WORLD), a_token())
DIRECT = httpx.Client(base_url="https://direct.invalid", transport=InProcess(WORLD.app, TENANT))
PLANNING = httpx.Client(base_url="https://direct.invalid", transport=InProcess(PlanningApp(WORLD.app), TENANT))
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def maybe(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return good | good | ANY


FIELDS = {
    "payload": ANY,
    "priority": maybe(st.sampled_from(["critical", "high", "normal", "low", "urgent"])),
    "profile": maybe(st.sampled_from(["default", "fast", "nobody", "a b"])),
    "retries": maybe(st.integers(-2, 200)),
    "delaySeconds": maybe(st.floats(-1, 4e7, allow_nan=False)),
    "dueAt": maybe(st.sampled_from(["2026-11-28T08:00:00Z", "2026-11-28T08:00:00", "9999-01-01T00:00:00Z"])),
    "tags": maybe(st.dictionaries(st.text(max_size=70), st.text(max_size=300), max_size=12)),
    "notify": maybe(st.lists(st.sampled_from(["nobody", "a b", ""]), max_size=2)),
    "dependsOn": maybe(st.lists(st.sampled_from(["0190", ""]), max_size=2)),
    "limits": maybe(
        st.fixed_dictionaries({}, optional={"concurrency": st.integers(-1, 9), "key": st.text(max_size=2)})
    ),
    "timeoutSeconds": maybe(st.integers(-1, 10**6)),
    "other": ANY,
}
BODIES = st.fixed_dictionaries(
    {}, optional={"type": maybe(st.sampled_from(["ok", "none", "workflow", "notify.webhook"]))} | FIELDS
)
PATHS = st.sampled_from(["/jobs", "/tasks/schedule", "/jobs/batch", "/workflows", "/schedules/x", "/nowhere", "/jobs/"])
KEYS = st.none() | st.sampled_from(["k", "a b", "x" * 256, ""])


def outcome(status: int, body: Any) -> tuple[int, Any]:
    """Return what is compared: a refusal as a whole, of an acceptance that it is one."""
    return (status, body) if status >= 400 else (202, None)


@given(PATHS, st.sampled_from(["POST", "PUT", "PATCH"]), BODIES | ANY, KEYS)
def test_what_http_refuses_direct_mode_refuses_in_the_same_words(
    path: str, method: str, body: Any, key: str | None
) -> None:
    """Code, detail and places: a program is not written twice."""
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
    content = json.dumps(body).encode()
    over_http = HTTP.send(method, path, content, headers)
    in_process = DIRECT.request(method, path, content=content, headers=headers)
    assert outcome(in_process.status_code, in_process.text and in_process.json()) == outcome(
        over_http.status, over_http.text and over_http.json
    )


@given(BODIES)
def test_what_a_submit_refuses_a_transaction_refuses_in_the_same_words(body: Any) -> None:
    """And only dependencies are refused by the transaction alone."""
    submitted, planned = (client.post("/jobs", json=body) for client in (DIRECT, PLANNING))
    if submitted.status_code < 400 and body.get("dependsOn"):
        assert planned.json()["errors"][0]["where"] == "dependsOn"
    elif not body.get("dependsOn"):
        assert outcome(planned.status_code, planned.json()) == outcome(submitted.status_code, submitted.json())


def test_the_two_are_different_applications_of_the_same_code() -> None:
    """The comparison is one of two ways through it."""
    assert isinstance(HTTP.api, Api)
    assert type(HTTP.api) is not type(DIRECT._transport._api)  # type: ignore[attr-defined]
