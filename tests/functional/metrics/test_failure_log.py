"""whendue.metrics.failure_log: what `whendue dev` shows of failed attempts and dead jobs, and a deployment does not."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.world import World
from whendue.project.stream import document, readable


def _fails(payload: Any, ctx: Any) -> None:
    try:
        dict[str, int]()["the card"]
    except KeyError as error:
        raise ValueError("it was refused") from error


@pytest.fixture
def world() -> World:
    made = World()
    made.settings = replace(made.settings, log_failures=True)
    made.app = made.build()
    made.task("cards.charge", _fails)
    return made


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_each_failed_attempt_and_each_dead_job_is_a_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """With all that one needs to find the job and the line of code."""
    job = world.submit("cards.charge", policy={"max_attempts": 2, "base_s": 1, "jitter": "none"})
    world.pass_time(10)
    first, second = logged(capsys)
    assert [first["level"], first["message"]] == ["WARNING", "attempt failed"]
    assert [second["level"], second["message"]] == ["ERROR", "job dead"]
    assert [first["attempt"], second["attempt"]] == [1, 2]
    for line in (first, second):
        assert (line["task"], line["job"], line["max_attempts"]) == ("cards.charge", job.id, 2)
        assert (line["error_type"], line["error"]) == ("ValueError", "it was refused")
        assert line["where"].startswith("tests.functional.metrics.test_failure_log:_fails:")
        assert "from KeyError: 'the card' at tests.functional.metrics.test_failure_log:_fails:" in line["exception"]
    # Metrics are counted as before.
    assert sum(counts.numbers["retried"] for counts in world.app.metrics.take().values()) == 1


def test_a_job_that_dies_without_an_attempt_is_a_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """As one whose payload no longer fits its task."""
    job = world.submit("cards.charge")
    world.registry.remove("cards.charge")
    world.pass_time(2)
    [line] = logged(capsys)
    assert (line["job"], line["error_type"]) == (job.id, "unknown_task")


def test_what_succeeds_or_is_cancelled_is_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor what is only submitted."""
    world.submit("ok")
    later = world.submit("ok", delay_s=600)
    world.app.control.cancel("acme", later.id)
    world.pass_time(2)
    assert logged(capsys) == []


def test_a_deployment_logs_no_text_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It may quote a secret: the default is off."""
    world = World()
    world.task("cards.charge", _fails)
    world.submit("cards.charge", policy={"max_attempts": 1})
    world.pass_time(2)
    assert "refused" not in capsys.readouterr().out


def test_the_line_is_readable(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """In the stream of `whendue dev`."""
    job = world.submit("cards.charge", policy={"max_attempts": 1})
    world.pass_time(2)
    read = document(capsys.readouterr().out.splitlines()[0])
    assert read is not None
    head, *trace = readable(read).splitlines()
    wanted = f"ERROR job dead task=cards.charge job={job.id} attempt=1 max_attempts=1 error_type=ValueError"
    assert head.startswith(f"{wanted} error=it was refused where=")
    assert any(line.startswith("  from KeyError") for line in trace)
