"""G10 and G12: jobs that kill their process take nobody with them, whatever home they run in."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.exceptions import EVERY
from tests.builders.waiting import eventually
from tests.e2e.homes import Containers, Home
from tests.e2e.runs import begins
from tests.e2e.stage import TERMINAL, Http, Stage, at

HEALTHY = 40
HEALS_S = 180
every_case = pytest.mark.skipif(not os.environ.get(EVERY), reason=f"takes minutes; {EVERY}=1")


@pytest.fixture
def stage(stage_named: Callable[..., Stage], request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Return a stack of its own: its workers die."""
    made = stage_named(f"killers-{abs(hash(request.node.nodeid)) % 10_000}", schedule_timer=True)
    yield made
    made.home.end(made.stack)


def states(http: Http, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [http.job(job) for job in jobs]


def seconds_after(jobs: list[dict[str, Any]], others: list[dict[str, Any]]) -> float:
    """Return how long after the last of the others the last of the jobs ended, by the times that the API shows."""
    return last_end(jobs) - last_end(others)


def last_end(jobs: list[dict[str, Any]]) -> float:
    return max(at(job["finishedAt"]) for job in jobs)


# `make test` knows nothing of this suite: CI runs the hardest of them, WHENDUE_EVERY_CASE=1 all.
@pytest.mark.sampled(6)
@pytest.mark.parametrize("killers", [4, 2, 1])
@pytest.mark.parametrize("batch", [10, 1])
def test_jobs_that_kill_their_process_take_nobody_with_them(
    stage: Stage, batch: int, killers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every healthy job succeeds, none is lost more than twice, all within three minutes after the killers are dead."""
    stage.home.batches(stage.stack, batch)
    with stage.http("killer") as bad, stage.http("healthy") as good:
        wanted = [{"type": "e2e.wait", "payload": {"seconds": 1}, "retries": 0}] * HEALTHY
        half = HEALTHY // 2
        healthy = good.batch(wanted[:half])
        killing = bad.batch([{"type": "e2e.crash", "payload": {}, "retries": 0}] * killers)
        healthy += good.batch(wanted[half:])
        eventually(lambda: all(job["state"] in TERMINAL for job in states(bad, killing)), every_s=2)
        dead = states(bad, killing)
        ended = good.ended(healthy)
    assert {(job["state"], job["error"]["type"]) for job in dead} == {("dead", "worker_lost")}
    assert {job["state"] for job in ended} == {"succeeded"}
    assert max(job["lost"] for job in ended) <= 2
    healed_s = seconds_after(ended, dead)
    with capsys.disabled():
        print(f"\n{killers} killers, batches of {batch}: {sorted((job['lost'] for job in ended), reverse=True)}")
        print(f"healed {healed_s:.0f} s after the last killer was dead")
    assert healed_s <= HEALS_S


@pytest.fixture
def containers(home: Home) -> Containers:
    """The home whose processes can be killed from outside."""
    if not isinstance(home, Containers):
        pytest.skip("its processes are not to be had; WHENDUE_E2E_HOME=container")
    return home


@every_case
def test_a_killer_among_eight_threads(containers: Containers, stage_named: Callable[..., Stage]) -> None:
    """Seen before: after 361 s all eight were dead. A second process is not there to help."""
    stage = stage_named("eight", schedule_timer=True, at_work=False)
    stack = stage.stack
    timer = containers.replica(stack, "timer")
    with stage.http() as http:
        healthy = http.batch([{"type": "e2e.wait", "payload": {"seconds": 20}, "retries": 0}] * 7)
        killer = http.submit("e2e.crash", {"seconds": 3}, retries=0)
        worker = containers.replica(stack, "worker", "--threads", "8", "--batch", "1")
        [dead] = http.ended([killer])
        ended = http.ended(healthy)
    worker.stop()
    timer.stop()
    assert (dead["state"], dead["error"]["type"]) == ("dead", "worker_lost")
    assert {job["state"] for job in ended} == {"succeeded"}
    assert max(job["lost"] for job in ended) <= 2
    assert seconds_after(ended, [dead]) <= HEALS_S


@every_case
def test_one_death_heals_within_three_minutes_while_others_idle(
    containers: Containers, stage_named: Callable[..., Stage], tmp_path: Path
) -> None:
    """Seen before: 83 to 403 s, the 5-s one after 283. With the lease that jobs have by default."""
    stage = stage_named("idle", schedule_timer=True, at_work=False, WHENDUE_LEASE_S="45")
    stack = stage.stack
    paths = [tmp_path / str(number) for number in range(10)]
    with stage.http() as http:
        http.batch(
            [
                {"type": "e2e.noted", "payload": {"path": str(path), "seconds": seconds}, "retries": 0}
                for path, seconds in zip(paths, [100] * 9 + [5], strict=True)
            ]
        )
        timer = containers.replica(stack, "timer")
        first = containers.replica(stack, "worker", "--wait", "1")
        eventually(lambda: sum(map(begins, paths)) == len(paths))
        idle = [containers.replica(stack, "worker", "--wait", "1") for _ in range(2)]
        first.expect_end()
        first.process.kill()
        eventually(lambda: sum(map(begins, paths)) == 2 * len(paths), timeout_s=HEALS_S)
    for replica in (*idle, timer):
        replica.stop()
