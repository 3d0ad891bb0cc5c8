"""whendue.operations.waiting: a request that waits for a job's end; it reads the job now and then, and not for ever."""

import threading
from contextlib import ExitStack
from typing import Any

import pytest

from functions.api.handler import concurrent_api
from functions.api.http.caller import Waits
from localstack import token
from tests.builders.api import SECRET, a_token, api_of, api_on
from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.errors import JobNotFoundError
from whendue.operations.reader import JobView
from whendue.operations.waiting import wait_for_end
from whendue.quotas import WAIT_S, WAITS_OF_A_TENANT
from whendue.submission.request import JobRequest
from whendue.support.clock import Clock

# A quarter of a second, and then half as long again each time, up to two seconds.
READS = 15


class Counted:
    """A table whose reads of jobs are counted."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        """Return the table's method."""
        return getattr(self._table, name)

    def get(self, *given: Any, **named: Any) -> Any:
        self.reads += 1
        return self._table.get(*given, **named)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def counted(world: World) -> Counted:
    return Counted(world.table)


def passing(world: World) -> Clock:
    """Return a clock on which jobs run while a request sleeps."""
    return Clock(world.clock.now_ms, world.system.bits, lambda seconds: world.pass_time(seconds, step_s=seconds))


def waited(world: World, counted: Counted, job_id: str, wait_s: float) -> JobView:
    world.system = passing(world)
    app = world.build(store=counted)
    return app.query.get(TENANT, job_id, wait_s)


def test_the_answer_comes_when_the_job_has_ended(world: World, counted: Counted) -> None:
    """Within the longest interval."""
    job = world.submit("ok", delay_s=5)
    began_ms = world.clock.now_ms()
    assert waited(world, counted, job.id, WAIT_S).job.terminal
    assert 5000 <= world.clock.now_ms() - began_ms <= 8000


def test_the_answer_comes_when_the_time_is_over(world: World, counted: Counted) -> None:
    """With the job as it is; and the reads are bounded."""
    job = world.submit("ok", delay_s=500)
    began_ms = world.clock.now_ms()
    assert not waited(world, counted, job.id, WAIT_S).job.terminal
    assert (world.clock.now_ms() - began_ms) / 1000 == pytest.approx(WAIT_S, abs=0.01)
    assert counted.reads <= READS


def test_who_does_not_wait_reads_once(world: World, counted: Counted) -> None:
    """A plain GET costs what it did."""
    job = world.submit("ok", delay_s=500)
    waited(world, counted, job.id, 0)
    assert counted.reads == 1


def test_a_job_that_has_ended_is_answered_at_once(world: World, counted: Counted) -> None:
    """By one read of it."""
    job = world.submit("ok")
    world.work()
    before_ms = world.clock.now_ms()
    assert waited(world, counted, job.id, WAIT_S).job.terminal
    assert (world.clock.now_ms(), counted.reads) == (before_ms, 1)


def test_a_job_that_is_erased_meanwhile_is_not_found(world: World) -> None:
    """As by any read."""
    job = world.submit("ok", delay_s=500)
    world.app.erasing  # noqa: B018 - made with the clock that moves
    world.system = Clock(world.clock.now_ms, world.system.bits, lambda _: erase(world, job.id))
    with pytest.raises(JobNotFoundError):
        wait_for_end(world.build().runtime, TENANT, job.id, WAIT_S)


def erase(world: World, job_id: str) -> None:
    world.app.control.cancel(TENANT, job_id)
    world.app.erasing.erase(TENANT, job_id)


def test_so_many_wait_and_the_others_do_not() -> None:
    """Whoever has left makes room, also by an error."""
    waits = Waits(2)
    with waits.take() as first, waits.take() as second, waits.take() as third:
        assert (first, second, third) == (True, True, False)
    with pytest.raises(KeyError), waits.take():
        raise KeyError
    with waits.take() as first, waits.take() as second:
        assert (first, second) == (True, True)
    with Waits(0).take() as none:
        assert not none


def test_a_request_that_finds_no_room_is_answered_at_once(world: World) -> None:
    """While another one waits: it keeps no further thread of the process."""
    job = world.submit("ok", delay_s=500)
    asleep, wake = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        asleep.set()
        wake.wait(60)
        world.clock.advance(seconds)

    api = api_on(world, Clock(world.clock.now_ms, world.system.bits, sleep))
    api.prepare_all()
    waiting = threading.Thread(target=Client(api, a_token()).send, args=("GET", f"/jobs/{job.id}"), kwargs={"wait": 1})
    waiting.start()
    assert asleep.wait(60)
    refused = Client(api, a_token()).send("GET", f"/jobs/{job.id}", wait=20)
    assert (refused.json["state"], refused.headers["retry-after"]) == ("scheduled", "2")
    assert "retry-after" not in Client(api, a_token()).send("GET", f"/jobs/{job.id}").headers
    wake.set()
    waiting.join(60)
    assert not waiting.is_alive()


def test_a_tenants_requests_that_begin_to_wait_are_bounded_and_anothers_wait_all_the_same(world: World) -> None:
    """Each keeps a function of the API, which are of all tenants; in the next window it has as many again."""
    world.clock.advance(WAIT_S - world.clock.now_ms() / 1000 % WAIT_S)
    world.system = Clock(world.clock.now_ms, world.system.bits, fall_asleep)
    app = world.build()
    jobs = {tenant: app.submit.one(tenant, JobRequest("ok", {}, delay_s=500)).job.id for tenant in (TENANT, "other")}

    def waits(tenant: str) -> bool:
        try:
            app.query.get(tenant, jobs[tenant], 20)
        except AsleepError:
            return True
        return False

    assert [waits(TENANT) for _ in range(WAITS_OF_A_TENANT + 2)] == [True] * WAITS_OF_A_TENANT + [False] * 2
    refused = Client(api_of(world), a_token()).send("GET", f"/jobs/{jobs[TENANT]}", wait=20)
    assert (refused.status, refused.headers["retry-after"]) == (200, "2")
    assert waits("other")
    world.clock.advance(WAIT_S)
    assert waits(TENANT)


class AsleepError(Exception):
    """A request has begun to wait."""


def fall_asleep(_: float) -> None:
    raise AsleepError


@pytest.mark.parametrize(("threads", "waiting"), [(1, 0), (3, 0), (4, 1), (40, 10)])
def test_a_quarter_of_a_processs_threads_may_wait(
    world: World, monkeypatch: pytest.MonkeyPatch, threads: int, waiting: int
) -> None:
    """One that has a single thread goes on answering: a request that waits would keep it for 20 s."""
    for name, value in token.environment(SECRET).items():
        monkeypatch.setenv(name, value)
    waits = concurrent_api(world.app, threads)._waits
    with ExitStack() as stack:
        taken = [stack.enter_context(waits.take()) for _ in range(waiting + 1)]
    assert taken == [True] * waiting + [False]


@pytest.mark.parametrize("wait", ["21", "-1", "x", "1.5", "", "99999999999999999999999"])
def test_what_is_no_time_to_wait_is_refused(world: World, wait: str) -> None:
    """With the parameter's name; the other tenant's job is not found, without waiting."""
    job = world.submit("ok", delay_s=500)
    answer = Client(api_of(world), a_token()).send("GET", f"/jobs/{job.id}", wait=wait)
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert answer.json["errors"][0]["where"] == "query.wait"


def test_the_api_waits_and_another_tenants_job_is_not_found(world: World) -> None:
    """Over HTTP."""
    job = world.submit("ok", delay_s=5)
    api = api_on(world, passing(world))
    assert Client(api, a_token("other")).send("GET", f"/jobs/{job.id}", wait=20).status == 404
    ended = Client(api, a_token()).send("GET", f"/jobs/{job.id}", wait=20)
    assert (ended.json["state"], "retry-after" in ended.headers) == ("succeeded", False)
    later = world.submit("ok", delay_s=500)
    assert "retry-after" not in Client(api, a_token()).send("GET", f"/jobs/{later.id}", wait=2).headers
