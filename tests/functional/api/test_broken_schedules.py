"""A stored schedule that cannot be read, or worked out: the API shows it, changes it and removes it."""

from typing import Any

import pytest

from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.schedules.model import schedule_key

BODY: dict[str, Any] = {"cron": "0 * * * * *", "job": {"type": "ok", "payload": {}}}


@pytest.mark.parametrize("kind", ["no JSON", "a cron of an older version", "a number that no table holds"])
def test_a_broken_schedule_is_shown_paused_resumed_put_and_deleted(world: World, client: Client, kind: str) -> None:
    """Each was a 500, for ever."""
    assert client.send("PUT", "/schedules/s", BODY).status == 201
    item = world.table.rows[schedule_key(TENANT, "s")]
    broken = {
        "no JSON": "{",
        "a cron of an older version": item["definition"].replace("0 * * * * *", "0 0 4-99 * * *"),
        "a number that no table holds": item["definition"].replace('"policy":{}', '"policy":{"base_s":1e-300}'),
    }[kind]
    assert broken != item["definition"]
    world.table.rows[schedule_key(TENANT, "s")] = item | {"definition": broken}
    world.clock.advance(61)
    world.tick()
    shown = client.send("GET", "/schedules/s")
    assert shown.status == 200, shown.text
    assert bool(shown.json["lastError"]) == (kind != "a number that no table holds")
    assert client.send("GET", "/schedules").status == 200
    for method, path, body in (
        ("POST", "/schedules/s/pause", {"reason": "why"}),
        ("POST", "/schedules/s/resume", None),
        ("PUT", "/schedules/s", BODY),
        ("DELETE", "/schedules/s", None),
    ):
        answer = client.send(method, path, body)
        assert answer.status < 300, (method, path, answer.text)
    world.pass_time(400)
    assert world.table.get([schedule_key(TENANT, "s")]) == [None]
