"""What attempts have logged: listed page by page, erased with their job, and no cost for a job that logs nothing."""

from typing import Any

import pytest

from tests.builders.ageing import Ageing
from tests.builders.api import a_token, api_of
from tests.builders.dependencies import Costed, unavailable
from tests.builders.gateway import Client
from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import TENANT, World
from whendue.declarations.registry import Retry
from whendue.jobs.model import Job, State
from whendue.quotas import LOGS_READ, LOGS_SHOWN, MAX_ATTEMPTS
from whendue.table.keys import Key, kind_of, log_range


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Client:
    return Client(api_of(world), a_token())


def noisy(payload: Any, ctx: Any) -> None:
    ctx.log.info("attempt %s", ctx.attempt)
    raise Retry


def attempted(world: World, count: int) -> Job:
    """Let a job fail so often, each time with a line."""
    world.task("noisy", noisy)
    job = world.submit("noisy", policy={"max_attempts": 50, "base_s": 1, "factor": 1, "jitter": "none"})
    while world.job(job).failures < count:
        world.work()
        world.clock.advance(1)
    return job


def keys(world: World) -> list[Key]:
    return [key for key in world.table.items() if kind_of(key.sk) == "log"]


def listed(client: Client, job: Job, **query: Any) -> list[list[int]]:
    """Follow the cursors; return the attempts of each page."""
    pages: list[list[int]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = client.send("GET", f"/jobs/{job.id}/logs", **query, **cursor).json
        pages.append([item["attempt"] for item in page["items"]])
        if page["cursor"] is None:
            return pages
        cursor = {"cursor": page["cursor"]}


@pytest.mark.parametrize(
    ("limit", "sizes"), [(1, [1] * 7), (2, [2, 2, 2, 1]), (3, [3, 3, 1]), (7, [7]), (8, [7]), (LOGS_SHOWN, [7])]
)
def test_all_are_listed_once_newest_first(world: World, client: Client, limit: int, sizes: list[int]) -> None:
    """No page is empty, also where the last one is full."""
    pages = listed(client, attempted(world, 7), limit=limit)
    assert [len(page) for page in pages] == sizes
    assert [number for page in pages for number in page] == [*range(7, 0, -1)]


def test_an_attempt_is_found_in_one_request_among_as_many_as_a_job_may_have(world: World, client: Client) -> None:
    """One redrive's; those of earlier runs follow, page by page."""
    assert LOGS_READ > MAX_ATTEMPTS
    job = attempted(world, 50)
    assert world.job(job).state is State.DEAD
    assert listed(client, job, attempt=1) == [[1]]
    world.app.control.redrive(TENANT, job.id)
    world.work()
    assert listed(client, job, attempt=1, limit=1) == [[1], [1]]
    assert [number for page in listed(client, job, attempt=7) for number in page] == [7]


@pytest.mark.parametrize("attempt", [0, -1, 51, "x"])
def test_an_attempt_that_cannot_be_is_refused(client: Client, attempt: object) -> None:
    """With the name of the parameter."""
    answer = client.send("GET", f"/jobs/{client.submit()['id']}/logs", attempt=attempt)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert "attempt" in answer.text


def test_a_cursor_is_good_for_its_own_job_tenant_and_attempt(world: World, client: Client) -> None:
    """As with all lists; another tenant has no such job."""
    first, second = attempted(world, 3), attempted(world, 3)
    cursor = client.send("GET", f"/jobs/{first.id}/logs", limit=1).json["cursor"]
    for job, wrong in (
        (second, {"cursor": cursor}),
        (first, {"cursor": "abc"}),
        (first, {"cursor": cursor, "attempt": 2}),
    ):
        answer = client.send("GET", f"/jobs/{job.id}/logs", limit=1, **wrong)
        assert (answer.status, answer.code) == (400, "invalid_cursor")
    other = Client(client.api, a_token("other"))
    assert other.send("GET", f"/jobs/{first.id}/logs").code == "job_not_found"
    writer = Client(client.api, a_token(TENANT, "jobs:write"))
    assert writer.send("GET", f"/jobs/{first.id}/logs").status == 403


def test_a_job_that_logs_nothing_has_none(client: Client) -> None:
    """An empty page is the end."""
    assert client.send("GET", f"/jobs/{client.submit()['id']}/logs").json == {"items": [], "cursor": None}


def test_a_log_that_cannot_be_read_hides_no_other(world: World, client: Client) -> None:
    """It is left out and noted."""
    job = attempted(world, 3)
    for key, broken in zip(sorted(keys(world))[1:], ("{", "[1]"), strict=True):
        world.table.rows[key]["lines"] = broken
    assert [number for page in listed(client, job, limit=1) for number in page] == [1]
    assert [log.attempt for log in world.app.job_logs.page(TENANT, job.id, None, 20, None).logs] == [1]
    assert world.app.bulkhead.take()["isolated_errors"] == 2


def test_what_a_lost_worker_logged_before_it_came_back_is_kept_beside_that_of_the_next(world: World) -> None:
    """Both ran the same attempt; the fences keep them apart, and the end of the first one is refused."""
    runs: list[int] = []

    def run(payload: Any, ctx: Any) -> None:
        runs.append(1)
        ctx.log.info("run %s", len(runs))
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
    logs = world.app.job_logs.page(TENANT, job.id, None, 20, None).logs
    assert [(log.attempt, log.lines[0].message) for log in logs] == [(1, "run 2"), (1, "run 1")]


def test_logs_go_with_their_job(world: World, client: Client) -> None:
    """Erased at once, or when its retention is over."""
    job = attempted(world, 2)
    world.app.control.cancel(TENANT, job.id)
    assert keys(world)
    assert client.send("DELETE", f"/jobs/{job.id}").status == 204
    assert keys(world) == []
    ageing = Ageing()
    ageing.task("t", lambda payload, ctx: ctx.log.info("x"))
    ageing.submit("t", policy={"retention_s": 60})
    ageing.work()
    assert len(keys(ageing)) == 1
    ageing.age(2 * 86_400)
    ageing.ttl()
    ageing.age(2 * 86_400)
    assert keys(ageing) == []


def test_logs_of_members_go_with_their_workflow(world: World, client: Client) -> None:
    """They carry no entry of their own in the index."""
    world.task("t", lambda payload, ctx: ctx.log.info("x"))
    whole = start(world, flow(node("a", "t")))
    world.work()
    world.work()
    [member] = parts(world, whole, 1)
    assert [log.lines[0].message for log in world.app.job_logs.page(TENANT, member.id, None, 20, None).logs] == ["x"]
    assert "check_at" not in world.table.rows[keys(world)[0]]
    assert client.send("DELETE", f"/jobs/{whole.id}").status == 204
    assert keys(world) == []


def test_logs_of_an_earlier_life_of_an_id_are_not_shown() -> None:
    """An Idempotency-Key may be used again once its job has gone."""
    assert log_range(1)[0] != log_range(2)[0]
    assert log_range(1) < ("log@1#000001#f",) < log_range(1)[1:]


def test_a_job_that_logs_nothing_costs_nothing_more() -> None:
    """One call and one write for each attempt that logs; for others none."""
    world = Costed()
    world.task("quiet", lambda payload, ctx: None)
    world.task("noisy", lambda payload, ctx: ctx.log.info("x"))
    # The first batches ask what is paused.
    for kind in ("quiet", "noisy"):
        world.submit(kind)
        world.work()

    def ran(kind: str, count: int) -> tuple[dict[str, int], dict[str, int]]:
        for _ in range(count):
            world.submit(kind)
        return world.writes(world.work), dict(world.meter.calls)

    quiet_writes, quiet_calls = ran("quiet", 5)
    noisy_writes, noisy_calls = ran("noisy", 5)
    assert "log" not in quiet_writes
    assert noisy_writes == quiet_writes | {"log": 5}
    assert noisy_calls == quiet_calls | {"apply": quiet_calls["apply"] + 1}


@pytest.mark.parametrize("how", ["unavailable", "raises"])
def test_a_log_that_cannot_be_stored_stops_no_end(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lost; its neighbours' are not."""
    world = World()
    world.task("t", lambda payload, ctx: ctx.log.info("x"))
    job, neighbour = world.submit("t"), world.submit("t")
    app = unavailable(world, "log") if how == "unavailable" else world.app
    if how == "raises":
        real = world.table.apply

        def apply(writes: Any) -> Any:
            if any(write.name == "log" and write.key.pk == job.key.pk for write in writes):
                raise RuntimeError("odd")
            return real(writes)

        monkeypatch.setattr(world.table, "apply", apply)
    world.work(app)
    assert [world.job(each).state for each in (job, neighbour)] == [State.SUCCEEDED] * 2
    shown = [len(world.app.job_logs.page(TENANT, each.id, None, 20, None).logs) for each in (job, neighbour)]
    assert shown == [0, 1 if how == "raises" else 0]


def test_a_stored_log_has_only_what_the_tenant_logged(world: World) -> None:
    """Nothing of it is in an item that others read, and none in the log of the worker."""
    world.task("t", lambda payload, ctx: ctx.log.info("secret"))
    world.submit("t")
    [result] = world.work()
    assert "secret" not in f"{result.counts}{world.app.bulkhead.take()}"
    assert [kind_of(key.sk) for key, item in world.table.items().items() if "secret" in str(item)] == ["log"]
