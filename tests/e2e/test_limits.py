"""Limits on real processes: what the tasks themselves note of how many run at once and when they start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.builders.waiting import eventually
from tests.e2e.stage import Http, at

QUICK = {"baseSeconds": 1, "factor": 1, "jitter": "none"}


@dataclass(slots=True)
class Run:
    """One execution, seconds since 1970."""

    begin: float
    end: float | None = None


def runs_of(path: Path) -> list[Run]:
    """Read what tasks noted; a process that dies ends everything that it had begun."""
    runs: dict[tuple[str, str], Run] = {}
    for line in path.read_text().splitlines():
        what, process, fence, time = line.split()
        if what == "begin":
            runs[process, fence] = Run(float(time))
            continue
        for (other, mark), run in runs.items():
            if run.end is None and other == process and (what == "dies" or mark == fence):
                run.end = float(time)
    return sorted(runs.values(), key=lambda run: run.begin)


def test_fifty_jobs_of_a_key_limited_to_three_never_run_more_than_three_at_once(
    http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when workers are killed: slots come back with their leases, and nobody waits for ever."""
    path = tmp_path / "runs"
    wanted: list[dict[str, Any]] = [
        {
            "type": "e2e.noted",
            "payload": {"path": str(path), "seconds": 0.5, "dies": number in (5, 20, 35)},
            "limits": {"concurrency": 3, "key": "three"},
        }
        for number in range(50)
    ]
    jobs = http.ended(http.batch(wanted))
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert {job["attempt"] for job in jobs} == {1}
    runs = runs_of(path)
    assert len(runs) >= 53
    at_once = [sum(other.begin <= run.begin < (other.end or run.begin + 1) for other in runs) for run in runs]
    with capsys.disabled():
        last = max(run.end or 0 for run in runs)
        print(f"\n50 jobs, 3 at once, 3 workers killed: {len(runs)} runs in {last - runs[0].begin:.1f} s")
    assert max(at_once) == 3


def test_a_rate_of_ten_per_second_holds_over_thirty_seconds(
    http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within 10%, for a backlog that is there at once; no window has more, and nobody starts before its time.

    Counted on the times that jobs were given: how late a busy machine then starts them is no matter of the limit.
    """
    paths = [tmp_path / str(number) for number in range(350)]
    wanted: list[dict[str, Any]] = [
        {"type": "e2e.noted", "payload": {"path": str(path)}, "limits": {"ratePerSecond": 10, "key": "ten"}}
        for path in paths
    ]
    jobs = http.ended(http.batch(wanted))
    assert {(job["state"], job["attempt"]) for job in jobs} == {("succeeded", 1)}
    given = sorted(at(job["dueAt"]) for job in jobs)
    counts = [sum(begin <= item < begin + 30 for item in given) for begin in given if begin + 30 <= given[-1]]
    with capsys.disabled():
        print(f"\n350 jobs at 10/s: {counts[0]} in the first 30 s, at most {max(counts)} in any")
    # The last start: a worker may be so slow that another one takes its job over.
    assert all(runs_of(path)[-1].begin >= at(job["dueAt"]) for path, job in zip(paths, jobs, strict=True))
    assert min(counts) >= 270
    assert max(counts) <= 330


def test_an_edit_of_a_profiles_limits_governs_the_next_claims(http: Http, tmp_path: Path) -> None:
    """Live within seconds in processes that knew the profile without; awaited, wave by wave."""
    assert http.client.put("/profiles/pool", json={}).status_code == 201

    def at_once() -> int:
        path = tmp_path / str(uuid4())
        wanted = {"type": "e2e.noted", "payload": {"path": str(path), "seconds": 0.5}, "profile": "pool"}
        jobs = http.ended(http.batch([wanted] * 4))
        assert {job["state"] for job in jobs} == {"succeeded"}
        runs = runs_of(path)
        return max(sum(other.begin <= run.begin < (other.end or run.begin + 1) for other in runs) for run in runs)

    assert at_once() > 1
    assert http.client.put("/profiles/pool", json={"limits": {"concurrency": 1}}).status_code == 200
    eventually(at_once, lambda most: most == 1)
