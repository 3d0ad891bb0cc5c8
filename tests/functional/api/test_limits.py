"""Limits over HTTP: taken, shown, explained, and refused with the field's name."""

from typing import Any

import pytest

from tests.builders.gateway import Client
from tests.builders.world import World


def test_limits_are_taken_shown_and_explained(client: Client, world: World) -> None:
    """A user sees what was asked for, and what the job waits for."""
    wanted = {"concurrency": None, "ratePerSecond": 0.5, "key": "customer-7"}
    first, second = (client.submit(limits={"ratePerSecond": 0.5, "key": "customer-7"}) for _ in range(2))
    assert first["limits"] == wanted
    world.work()
    states = [client.send("GET", f"/jobs/{job['id']}").json for job in (first, second)]
    [waiting] = [job for job in states if job["state"] == "scheduled"]
    [reason] = client.send("GET", f"/jobs/{waiting['id']}/explain").json["reasons"]
    assert reason["code"] == "limited"
    assert reason["facts"] == {
        "key": "customer-7",
        "ratePerSecond": 0.5,
        "waitingSinceAt": waiting["createdAt"],
        "nextCheckAt": waiting["dueAt"],
    }


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        ({"concurrency": 0}, "limits.concurrency"),
        ({"concurrency": 101}, "limits.concurrency"),
        ({"concurrency": 1.5}, "limits.concurrency"),
        ({"ratePerSecond": 0}, "limits.ratePerSecond"),
        ({"ratePerSecond": 501}, "limits.ratePerSecond"),
        ({"ratePerSecond": 1, "key": "a#b"}, "limits.key"),
        ({"ratePerSecond": 1, "key": "type:a"}, "limits.key"),
        ({"key": ""}, "limits.key"),
        ({"burst": 3}, "limits.burst"),
        ({}, "limits"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_and_the_field_named(client: Client, limits: Any, where: str) -> None:
    """Before anything is stored."""
    answer = client.send("POST", "/jobs", {"type": "ok", "limits": limits})
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert [error["where"].removeprefix("body.") for error in answer.json["errors"]] == [where]


def test_another_limit_is_another_request(client: Client) -> None:
    """The same Idempotency-Key with other limits is a conflict; without limits it is what it always was."""
    body = {"type": "ok", "payload": {}}
    replies = [
        client.send("POST", "/jobs", body | more, {"Idempotency-Key": "one"})
        for more in ({}, {}, {"limits": {"concurrency": 1}})
    ]
    assert [reply.status for reply in replies] == [202, 200, 409]
