"""No timeout is accepted that no worker can keep."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World

LONGEST_S = 900


def _with(timeout_s: int) -> dict[str, Any]:
    return {"type": "ok", "timeoutSeconds": timeout_s}


def test_a_timeout_that_no_worker_can_keep_is_refused_everywhere(world: World, client: Client) -> None:
    """A function runs for 900 s. The error has the limit."""
    for timeout_s, status in ((58, 202), (LONGEST_S, 202), (LONGEST_S + 1, 422), (43_200, 422)):
        answer = client.send("POST", "/jobs", _with(timeout_s))
        assert answer.status == status, answer.text
        assert status == 202 or (answer.code, answer.json["errors"][0]["where"]) == (
            "timeout_too_long",
            "timeoutSeconds",
        )
        assert status == 202 or str(LONGEST_S) in answer.json["detail"]
        schedule = client.send("PUT", f"/schedules/s{timeout_s}", {"cron": "0 * * * *", "job": _with(timeout_s)})
        assert (schedule.status == 201) is (status == 202), schedule.text
        flow = client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}, "b": _with(timeout_s)}})
        assert (flow.status, status == 202 or flow.json["errors"][0]["where"]) == (
            status,
            status == 202 or "nodes.b.timeoutSeconds",
        )
        profile = client.send("PUT", f"/profiles/p{timeout_s}", {"timeoutSeconds": timeout_s})
        assert (profile.status == 201) is (status == 202), profile.text
    items = client.send("POST", "/jobs/batch", {"jobs": [_with(5), _with(901), _with(6)]}).json["items"]
    assert [item["status"] for item in items] == [202, 422, 202]


@pytest.mark.parametrize(("asked_s", "kept_s"), [(58, 58), (897, 897), (898, 897), (900, 897)])
def test_what_is_shown_is_what_is_kept(client: Client, asked_s: int, kept_s: int) -> None:
    """A worker needs the last 3 s of its 900 to record what it ran."""
    assert client.submit(timeoutSeconds=asked_s)["effective"]["timeoutSeconds"]["value"] == kept_s


def test_who_asks_for_too_much_is_named_and_the_request_can_ask_for_less(world: World, client: Client) -> None:
    """A task that was declared for containers runs elsewhere if the request says how long it may take."""
    world.task("slow", lambda payload, ctx: None, timeout_s=3600)
    answer = client.send("POST", "/jobs", {"type": "slow"})
    assert (answer.status, "the task 'slow' has a timeout of 3600 s" in answer.json["detail"]) == (422, True)
    client.submit("slow", timeoutSeconds=600)


def test_a_small_worker_has_a_small_default(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that says nothing is always accepted; and a workflow's own job is."""
    monkeypatch.setattr(world, "settings", replace(world.settings, max_timeout_s=7))
    client = Client(api_of(world, store=world.table), a_token())
    job = client.submit()
    assert job["effective"]["timeoutSeconds"] == {"value": 7, "source": "default"}
    assert client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}).status == 202
