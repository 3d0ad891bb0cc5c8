"""What only processes do: they are told to go down while they work."""

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders.waiting import eventually
from tests.e2e.homes import GRACE_S, Containers, Home
from tests.e2e.runs import begins, runs_of
from tests.e2e.stage import Stage

JOBS = 200
# Half of them end within the grace, half are given back.
SHORT_S, LONG_S = 3, 15
# So many threads that all 200 run at once.
THREADS = JOBS


@pytest.fixture
def containers(home: Home) -> Containers:
    """The home that these tests are about."""
    if not isinstance(home, Containers):
        pytest.skip("Lambda tells no function to go down; make e2e-containers")
    return home


def test_a_worker_that_is_asked_to_stop_while_two_hundred_jobs_run_loses_none(
    containers: Containers, stage_named: Callable[..., Stage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None lost, none runs in two processes at once (stricter than G4), no attempt burnt, gone within the grace."""
    stage = stage_named("drain", schedule_timer=False, at_work=False)
    paths = [tmp_path / str(number) for number in range(JOBS)]
    seconds = [SHORT_S if number % 2 else LONG_S for number in range(JOBS)]
    with stage.http() as http:
        wanted: list[dict[str, Any]] = [
            {"type": "e2e.noted", "payload": {"path": str(path), "seconds": length}, "retries": 0}
            for path, length in zip(paths, seconds, strict=True)
        ]
        jobs = http.batch(wanted)
        old = containers.replica(stage.stack, "worker", "--threads", str(THREADS), "--wait", "1")
        eventually(lambda: sum(map(begins, paths)) == JOBS)
        assert old.stop() == 0, "it ended by itself, within the grace"
        new = containers.replica(stage.stack, "worker", "--threads", str(THREADS), "--wait", "1")
        ended = http.ended(jobs)
        new.stop()
    assert Counter((job["state"], job["attempt"], job["lost"]) for job in ended) == {("succeeded", 1, 0): JOBS}
    runs = [runs_of(path) for path in paths]
    assert [len(run) for run, length in zip(runs, seconds, strict=True) if length == SHORT_S] == [1] * (JOBS // 2)
    again = [run for run in runs if len(run) == 2]
    assert all(first[1] <= second[0] for first, second in again)
    assert sum(map(len, runs)) == JOBS + len(again)
    with capsys.disabled():
        print(f"\n{JOBS} jobs at SIGTERM: {JOBS - len(again)} ended within {GRACE_S} s, {len(again)} were given back")


def test_a_second_signal_ends_a_process_at_once(
    containers: Containers, stage_named: Callable[..., Stage], tmp_path: Path
) -> None:
    """Whoever presses Ctrl-C twice means it; the job heals like after any crash."""
    stage = stage_named("twice", schedule_timer=False, at_work=False)
    path = tmp_path / "runs"
    with stage.http() as http:
        http.submit("e2e.noted", {"path": str(path), "seconds": 60}, timeoutSeconds=90)
        worker = containers.replica(stage.stack, "worker", "--wait", "1")
        eventually(lambda: begins(path) == 1)
        process: subprocess.Popen[bytes] = worker.process
        worker.expect_end()
        process.terminate()
        eventually(lambda: b"draining" in worker.log.read_bytes())
        process.terminate()
        assert process.wait(GRACE_S) == 128 + 15
