"""The load scripts: what they refuse, what they post, and that their report tells a run that does not add up."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from functions.api.schemas.job_requests import JobBody
from localstack import stack as stacks
from tests.load import options, report
from tests.load.drain import Ends, drain, settle
from tests.load.notes import Note
from tests.load.options import RefusedError, is_loopback
from tests.load.scenarios import SCENARIOS
from whendue.declarations.registry import BUILT_IN_TASKS, USER_TASKS, discover

LOCAL = {"URL": "http://127.0.0.1:8000", "TOKEN": "token"}
REMOTE = {"URL": "https://jobs.example.com", "TOKEN": "token"}


def job(job_id: str, state: str = "succeeded", second: int = 2) -> dict[str, Any]:
    time = "2026-01-01T00:00:{:02}.500Z".format
    return {
        "id": job_id,
        "state": state,
        "createdAt": time(0),
        "dueAt": time(1),
        "startedAt": None if state == "cancelled" else time(second),
        "finishedAt": time(4),
    }


def note(*ids: str, jobs: int = 1, status: int = 202) -> Note:
    return {"at_s": 100.0, "path": "/jobs", "status": status, "ms": 500.0, "jobs": jobs, "ids": list(ids)}


@pytest.mark.parametrize("asked", [REMOTE, REMOTE | {"ALLOW_REMOTE": "yes"}, REMOTE | {"ALLOW_REMOTE": ""}])
def test_a_url_elsewhere_is_refused_unless_it_is_said_to_be_ones_own(asked: dict[str, str]) -> None:
    """Load on somebody else's service is an attack."""
    with pytest.raises(RefusedError, match="ALLOW_REMOTE=1"):
        options.read(asked)
    assert options.read(REMOTE | {"ALLOW_REMOTE": "1"}).url == REMOTE["URL"]


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://localhost:1/x", True),
        ("http://127.8.0.1", True),
        ("http://[::1]:80", True),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost@example.com", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("nothing", False),
    ],
)
def test_this_machine_is_known_by_its_address(url: str, *, ours: bool) -> None:
    """Names that look like it are not it."""
    assert is_loopback(url) is ours


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DURATION", "0"),
        ("DURATION", "43201"),
        ("DURATION", "1m"),
        ("USERS", "-1"),
        ("USERS", "201"),
        ("SCENARIO", "flood"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused(name: str, value: str) -> None:
    """A typing error runs neither for days nor with a million users."""
    with pytest.raises(RefusedError, match=name):
        options.read(LOCAL | {name: value})


def test_a_run_needs_a_stack_and_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And says which of the two is missing."""
    with pytest.raises(RefusedError, match="TOKEN"):
        options.read({"URL": LOCAL["URL"]})
    monkeypatch.setattr(options, "load", lambda: stacks.load(tmp_path / "stack.json"))
    with pytest.raises(RefusedError, match="make up"):
        options.read({})


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_posts_jobs_that_the_api_takes(name: str) -> None:
    """Of tasks that there are, with payloads that fit; as many of them in each request, by which runs are bounded."""
    registry = discover(BUILT_IN_TASKS, USER_TASKS)
    posts = [SCENARIOS[name].post(n) for n in range(40)]
    assert len({len(post.jobs) for post in posts}) == 1
    for body in (body for post in posts for body in post.jobs):
        JobBody.model_validate(body)
        registry.get(body["type"]).parse(body["payload"])


def test_twenty_requests_of_the_mixed_scenario_have_every_kind_of_end() -> None:
    """The short form in CI is not much longer."""
    posts = [SCENARIOS["mixed"].post(n) for n in range(20)]
    kinds = Counter("cancelled" if post.cancel else post.jobs[0]["type"] for post in posts)
    assert kinds == {"demo.greet": 16, "demo.flaky": 2, "demo.broken": 1, "cancelled": 1}


def test_a_drain_asks_until_each_job_has_ended_and_reads_an_ended_one_once() -> None:
    """Each job takes another number of looks."""
    looks = Counter[str]()

    def read(job_id: str) -> dict[str, Any]:
        looks[job_id] += 1
        return job(job_id, "succeeded" if looks[job_id] >= int(job_id) else "running")

    drained = drain(["1", "3", "2"], read, poll_s=0)
    assert drained.states() == {"succeeded": 3}
    assert looks == {"1": 1, "2": 2, "3": 3}
    assert not drained.left


def test_a_drain_that_sees_no_more_ends_says_what_is_left() -> None:
    """A job that is gone is no ended one."""
    stored = {"done": job("done"), "stuck": job("stuck", "running"), "gone": None}
    drained = drain(list(stored), stored.__getitem__, timeout_s=0.05, poll_s=0.01)
    assert [job["id"] for job in drained.jobs] == ["done"]
    assert {job_id: job and job["state"] for job_id, job in drained.left.items()} == {"stuck": "running", "gone": None}


def test_waiting_for_a_run_reads_few_of_its_jobs_and_the_last_one() -> None:
    """What the report itself asks for is not to be counted among the run's AWS calls."""
    looks = Counter[str]()

    def read(job_id: str) -> dict[str, Any]:
        looks[job_id] += 1
        return job(job_id)

    settle([str(n) for n in range(1000)], read)
    assert looks.total() < 10
    assert looks["999"]


@pytest.mark.parametrize(
    ("notes", "drained", "good"),
    [
        ([note("a"), note("b"), note("c")], [job("a"), job("b", "dead"), job("c", "cancelled")], True),
        ([note("a"), note("b")], [job("a")], False),
        ([note("a")], [job("a"), job("b")], False),
        ([note(status=503)], [], False),
    ],
)
def test_a_report_adds_up_if_every_submitted_job_has_ended(
    notes: list[Note], drained: list[dict[str, Any]], *, good: bool
) -> None:
    """Neither too few, nor too many, nor none at all."""
    made = report.make("mixed", 1, notes, Ends(drained), None)
    assert made.adds_up is good
    assert report.as_json(made)["adds_up"] is good


def test_a_report_counts_errors_by_jobs_and_shows_what_is_unknown() -> None:
    """A batch with two refused jobs of three, a lost answer, a cancel that went through and one that did not."""
    cancels = [note(jobs=0), note(jobs=0, status=409)]
    made = report.make("bulk", 1, [note("a", jobs=3, status=207), note(status=0), *cancels], Ends([job("a")]), None)
    assert (made.refused, made.error_rate) == (4, round(4 / 6, 4))
    assert made.submitted_per_s == 2
    assert made.finished_per_s == 0.2
    assert made.lateness_s == {"p50": 1.0, "p90": 1.0, "p99": 1.0, "p100": 1.0}
    assert "AWS calls per job  unknown" in report.as_text(made)


def test_a_report_says_how_many_began_early_and_what_a_job_cost() -> None:
    """Never early is a guarantee; a job that was cancelled before it began is neither early nor late."""
    drained = Ends([job("a", second=0), job("b"), job("c", "cancelled")], {"d": job("d", "queued"), "e": None})
    made = report.make("steady", 1, [note("a", "b", jobs=2)], drained, Counter(PutItem=2, Query=1))
    assert made.early == 1
    assert made.aws_calls_per_job == 1.5
    assert made.left == {"queued": 1, "not found": 1}
    assert "not ended          1 queued, 1 not found" in report.as_text(made)


def test_percentiles_are_values_that_were_measured() -> None:
    """The nearest rank, and nothing of nothing."""
    assert report.percentiles([float(n) for n in range(100, 0, -1)]) == {"p50": 50, "p90": 90, "p99": 99, "p100": 100}
    assert report.percentiles([]) is None
