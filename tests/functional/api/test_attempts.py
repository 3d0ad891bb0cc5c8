"""Every failed attempt of a job, page by page, newest first."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.jobs.model import Failure, as_value, evolve, to_item
from whendue.quotas import ATTEMPTS_SHOWN
from whendue.table.keys import attempt_key
from whendue.table.writes import Write, insert


def tried(world: World, client: Client, count: int) -> str:
    """Store a job with so many failed attempts; the last one stands in the job alone."""
    job = world.submit("bad")
    failure = Failure("RuntimeError", "no", "", "f" * 16, 1, 1, 1_800_000_000_000, 1_800_000_000_001)
    each = [replace(failure, attempt=number, generation=number) for number in range(1, count + 1)]
    kept = each[:-1]
    for start in range(0, len(kept), 25):
        world.table.apply(
            [
                insert(
                    "attempt",
                    attempt_key(job.id, item.generation, job.life),
                    as_value(item),
                )
                for item in kept[start : start + 25]
            ]
        )
    stored = world.job(job)
    world.table.apply([Write("tried", job.key, (), to_item(evolve(stored, last=each[-1])))])
    return job.id


def listed(client: Client, job_id: str, limit: int) -> list[list[int]]:
    """Follow the cursors; return the attempts of each page."""
    pages: list[list[int]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = client.send("GET", f"/jobs/{job_id}/attempts", limit=limit, **cursor).json
        pages.append([item["attempt"] for item in page["items"]])
        if page["cursor"] is None:
            return pages
        cursor = {"cursor": page["cursor"]}


@pytest.mark.parametrize(("count", "limit"), [(250, 100), (250, 1), (100, 100), (101, 100), (3, 3), (2, 1), (1, 50)])
def test_all_are_listed_once(world: World, client: Client, count: int, limit: int) -> None:
    """The job shows the last hundred; those before were out of reach."""
    job_id = tried(world, client, count)
    pages = listed(client, job_id, limit)
    assert [number for page in pages for number in page] == [*range(count, 0, -1)]
    assert all(len(page) <= limit for page in pages)
    shown = client.send("GET", f"/jobs/{job_id}").json["attempts"]
    assert [item["attempt"] for item in shown] == [*range(max(1, count - ATTEMPTS_SHOWN + 1), count + 1)]


def test_a_job_that_never_failed_has_none(client: Client) -> None:
    """An empty page is the end."""
    job = client.submit()
    assert client.send("GET", f"/jobs/{job['id']}/attempts").json == {"items": [], "cursor": None}


def test_a_cursor_is_good_for_its_own_job_and_tenant(
    world: World, client: Client, client_of: Callable[..., Client]
) -> None:
    """As with all lists; another tenant has no such job."""
    first, second = tried(world, client, 3), tried(world, client, 3)
    cursor = client.send("GET", f"/jobs/{first}/attempts", limit=1).json["cursor"]
    for job_id, wrong in ((second, cursor), (first, "abc"), (first, cursor[:-1])):
        answer = client.send("GET", f"/jobs/{job_id}/attempts", limit=1, cursor=wrong)
        assert (answer.status, answer.code) == (400, "invalid_cursor")
    assert client_of("other").send("GET", f"/jobs/{first}/attempts").code == "job_not_found"


def test_a_page_of_attempts_that_cannot_be_read_is_not_the_end(world: World, client: Client) -> None:
    """They are left out and noted; the older ones are still reached."""
    job_id = tried(world, client, 6)
    job = world.app.query.get("acme", job_id).job
    for number in (3, 4):
        del world.table.rows[attempt_key(job_id, number, job.life)]["type"]
    assert [number for page in listed(client, job_id, 1) for number in page] == [6, 5, 2, 1]
