"""What happened to a job: listed page by page, at no cost for what happens anyway, and never what did not happen."""

from typing import Any

import pytest

from functions.api.http.times import to_timestamp
from tests.builders.api import a_token, api_of
from tests.builders.dependencies import Costed, unavailable
from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State
from whendue.quotas import CHANGES_KEPT, PAGE_MAX
from whendue.table.keys import Key, kind_of

ADA = "ada"


@pytest.fixture
def world() -> Costed:
    return Costed()


@pytest.fixture
def client(world: Costed) -> Client:
    return Client(api_of(world), a_token())


def path_of(job: Job) -> str:
    return f"/jobs/{job.id}/events"


def events(client: Client, job: Job, **query: Any) -> list[dict[str, Any]]:
    """Follow the cursors; return all events, oldest first."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = client.send("GET", path_of(job), **query, **cursor).json
        assert len(page["items"]) == query.get("limit", len(page["items"])) or page["cursor"] is None
        found += page["items"]
        if page["cursor"] is None:
            return found[::-1]
        cursor = {"cursor": page["cursor"]}


def types(client: Client, job: Job, **query: Any) -> list[str]:
    return [event["type"] for event in events(client, job, **query)]


def kept(world: World) -> list[Key]:
    return [key for key in world.table.items() if kind_of(key.sk) == "change"]


def with_a_past(world: World, client: Client) -> Job:
    """Let a job be put off, fail, end as dead, be redriven, and be cancelled."""
    job = world.submit("bad", delay_s=3600, policy={"max_attempts": 2, "base_s": 1, "jitter": "none"})
    later = to_timestamp(world.clock.now_ms() + 7_200_000)
    for body in ({"dueAt": later}, {"priority": "high"}, {"dueAt": "2000-01-01T00:00:00Z"}):
        world.clock.advance(1)
        assert client.send("PATCH", f"/jobs/{job.id}", body).status == 200
    world.pass_time(130)
    assert world.job(job).state is State.DEAD
    world.app.control.redrive(TENANT, job.id, 900_000, by=ADA)
    world.clock.advance(1)
    world.app.control.cancel(TENANT, job.id, by=ADA)
    return job


PAST = [
    "submitted", "rescheduled", "reprioritised", "rescheduled", "started", "failed", "started", "failed", "dead",
    "redriven", "cancel_requested", "cancelled",
]  # fmt: skip


def test_the_past_of_a_job(world: Costed, client: Client) -> None:
    """Each with its time, who asked for it, and what it changed."""
    job = with_a_past(world, client)
    found = events(client, job)
    assert [event["type"] for event in found] == PAST
    assert [event["at"] for event in found] == sorted(event["at"] for event in found)
    asked = [event["by"] for event in found if event["by"]]
    assert asked == [asked[0]] * 3 + [ADA] * 3
    by_type = {event["type"]: event for event in found}
    assert (by_type["reprioritised"]["priority"], by_type["reprioritised"]["previousPriority"]) == ("high", "normal")
    assert by_type["rescheduled"]["dueAt"] < by_type["rescheduled"]["previousDueAt"]
    assert by_type["failed"]["error"] == by_type["dead"]["error"]
    assert (by_type["failed"]["attempt"], by_type["failed"]["error"]["message"]) == (2, "attempt 2 is bad")
    assert (by_type["cancelled"]["error"], by_type["cancelled"]["by"]) == (None, ADA)
    assert client.send("GET", path_of(job)).json["complete"] is True


@pytest.mark.parametrize("limit", [1, 5, len(PAST), PAGE_MAX])
def test_all_are_listed_once(world: Costed, client: Client, limit: int) -> None:
    """Whatever the size of a page."""
    assert types(client, with_a_past(world, client), limit=limit) == PAST


def test_a_cursor_is_good_for_its_own_job_and_tenant(world: Costed, client: Client) -> None:
    """Another tenant has no such job."""
    first, second = with_a_past(world, client), with_a_past(world, client)
    cursor = client.send("GET", path_of(first), limit=1).json["cursor"]
    for job, wrong in ((second, cursor), (first, "abc")):
        answer = client.send("GET", path_of(job), cursor=wrong)
        assert (answer.status, answer.code) == (400, "invalid_cursor")
    other = Client(client.api, a_token("other"))
    answer = other.send("GET", path_of(first))
    assert (answer.status, answer.code) == (404, "job_not_found")


def test_a_page_is_refused_that_is_too_large(client: Client, world: Costed) -> None:
    """As with all lists."""
    assert client.send("GET", path_of(world.submit()), limit=PAGE_MAX + 1).status == 422


# --- what it costs ----------------------------------------------------------------------------------------------


def test_what_happens_anyway_costs_no_write(world: Costed, client: Client) -> None:
    """Neither a success, nor a failed attempt, nor what is asked of a job for the first time."""
    world.fails_first("flaky")
    job = world.submit("flaky", policy={"base_s": 1, "jitter": "none"})
    wrote = world.writes(lambda: world.pass_time(10))
    assert {name for name in wrote if name in ("claim", "fail", "succeed", "keep_change")} == {
        "claim", "fail", "succeed",
    }  # fmt: skip
    assert types(client, job) == ["submitted", "started", "failed", "started", "succeeded"]
    later = world.submit(delay_s=3600)
    control = world.app.control
    assert world.writes(lambda: control.reschedule(TENANT, later.id, None, "high", by=ADA)) == {"reschedule": 1}
    assert world.writes(lambda: control.cancel(TENANT, later.id, by=ADA)) == {"keep_change": 1, "cancel": 1}


def test_a_job_of_which_nothing_was_asked_is_read_with_one_call(world: Costed) -> None:
    """Its own item has all there is."""
    job = world.submit()
    world.work()
    page = world.app.history.page
    assert sum(world.calls(lambda: page(TENANT, job.id, 50, None)).values()) == 1


# --- crashes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["keep_change", "reschedule"])
def test_what_was_not_done_is_no_event(world: Costed, client: Client, lost: str) -> None:
    """Whichever of the two writes never comes through; the next request finds nothing in its way."""
    job = world.submit(delay_s=3600)
    world.app.control.reschedule(TENANT, job.id, None, "high", by=ADA)
    with pytest.raises(UnavailableError):
        unavailable(world, lost).control.reschedule(TENANT, job.id, None, "low", by=ADA)
    assert types(client, job) == ["submitted", "reprioritised"]
    for key in kept(world):
        # The timer has looked at it since.
        world.table.rows[key]["check_at"] += 1
    world.app.control.reschedule(TENANT, job.id, None, "low", by=ADA)
    found = [event["priority"] for event in events(client, job)]
    assert found == [None, "high", "low"]


# --- bounds, and what belongs to a job --------------------------------------------------------------------------


def test_what_is_asked_very_often_is_not_kept_for_ever(world: Costed, client: Client) -> None:
    """The first ones are, and the last; the page says that some are missing."""
    job = world.submit(delay_s=3600)
    for number in range(CHANGES_KEPT + 3):
        world.app.control.reschedule(TENANT, job.id, None, ("high", "low")[number % 2], by=str(number))
    assert [event["by"] for event in events(client, job)] == [None, *map(str, range(CHANGES_KEPT)), "102"]
    assert len(kept(world)) == CHANGES_KEPT
    assert client.send("GET", path_of(job)).json["complete"] is False


def test_they_are_erased_with_their_job(world: Costed, client: Client) -> None:
    """And a job that has the id later has a past of its own."""
    wanted: dict[str, Any] = {"delay_s": 3600, "idempotency_key": "k"}
    job = world.submit(**wanted)
    world.app.control.reschedule(TENANT, job.id, None, "high")
    world.app.control.cancel(TENANT, job.id, by=ADA)
    assert len(kept(world)) == 1
    assert client.send("DELETE", f"/jobs/{job.id}").status == 204
    assert kept(world) == []
    assert client.send("GET", path_of(job)).code == "job_not_found"
    world.clock.advance(1)
    again = world.submit(**wanted)
    assert again.id == job.id
    assert types(client, again) == ["submitted"]


@pytest.mark.parametrize("broken", [{"kind": "odd"}, {"at": "x"}, {"number": None}])
def test_a_change_that_cannot_be_read_hides_no_other(world: Costed, client: Client, broken: dict[str, Any]) -> None:
    """It is left out and noted, and the page says that one is missing."""
    job = with_a_past(world, client)
    world.table.rows[min(kept(world))].update(broken)
    assert types(client, job) == [PAST[0], *PAST[2:]]
    assert client.send("GET", path_of(job)).json["complete"] is False
    world.app.history.page(TENANT, job.id, 50, None)
    assert world.app.bulkhead.take()["isolated_errors"] == 1


def test_a_redrive_of_before_the_upgrade_is_missing(world: Costed, client: Client) -> None:
    """Earlier versions counted it, and noted nothing."""
    job = world.submit()
    world.work()
    world.table.rows[job.key]["redrives"] = 1
    assert client.send("GET", path_of(job)).json["complete"] is False


# --- who asked --------------------------------------------------------------------------------------------------


def test_a_bulk_redrive_names_who_asked(world: Costed, client: Client) -> None:
    """Of each job."""
    jobs = [world.submit("bad", policy={"max_attempts": 1}) for _ in range(3)]
    world.work()
    client.send("POST", "/dead-letters/redrive", {"filter": {"type": "bad"}})
    for job in jobs:
        redriven = [event for event in events(client, job) if event["type"] == "redriven"]
        assert [event["by"] is not None for event in redriven] == [True]


def test_a_cancel_of_a_running_job_is_there_before_its_end(world: Costed, client: Client) -> None:
    """The first who asked, once."""

    def run(payload: Any, ctx: Any) -> None:
        for name in ("first", "second"):
            world.app.control.cancel(TENANT, ctx.job_id, by=name)
        raise RuntimeError

    world.task("t", run)
    job = world.submit("t")
    world.work()
    found = events(client, job)
    assert [event["type"] for event in found] == ["submitted", "started", "cancel_requested", "cancelled"]
    assert found[2]["by"] == "first"


def test_a_lost_worker(world: Costed, client: Client) -> None:
    """Another one takes over: of the two runs, the last is shown, and how many workers were lost."""
    runs: list[int] = []

    def run(payload: Any, ctx: Any) -> None:
        runs.append(1)
        if len(runs) == 1:
            # Its lease ends, and another worker takes over.
            world.clock.advance(60)
            world.tick()
            world.clock.advance(120)
            world.tick()
            world.work()

    world.task("t", run)
    job = world.submit("t", policy={"lease_s": 2})
    world.work()
    found = events(client, job)
    assert [event["type"] for event in found] == ["submitted", "lost", "started", "succeeded"]
    assert found[1]["workers"] == 1
