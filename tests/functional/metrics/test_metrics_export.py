"""One log line per batch, and it is the EMF line: valid by AWS's schema, its numbers those of the jobs."""

from io import StringIO

import pytest

from tests.builders.emf import lines, metrics_of
from tests.builders.faults import Refusing
from tests.builders.handled import Handled
from whendue.errors import UnavailableError
from whendue.submission.request import JobRequest


def test_a_batch_is_one_line_with_its_metrics(world: Handled, logged: StringIO) -> None:
    """A warm function that prints one line is quick, and CloudWatch bills by line and by metric."""
    jobs = [JobRequest("ok", {}) for _ in range(6)]
    world.app.submit.many("acme", [*jobs, JobRequest("bad", {}), JobRequest("bad", {}, policy={"max_attempts": 1})])
    world.app.metrics.take()
    world.app.metrics.consumption.take()
    world.clock.advance(1.5)
    world.run_visible()
    [line] = lines(logged)
    assert line["message"] == "batch"
    assert line["outcomes"] == {"succeeded": 6, "retried": 1, "dead": 1}
    assert metrics_of(line) == {
        "attempts": ("Count", [8]),
        "attempts_failed": ("Count", [2]),
        "retries": ("Count", [1]),
        "jobs_succeeded": ("Count", [6]),
        "jobs_dead": ("Count", [1]),
        "execution_seconds": ("Seconds", [0] * 8),
        "lateness_seconds": ("Seconds", [1.5] * 8),
        # In memory no units are consumed: an invocation, its two requests.
        "cost_usd": ("None", [pytest.approx(0.20e-6 + 2 * 0.50e-6)]),
    }


def test_a_batch_that_counts_nothing_is_a_plain_line(world: Handled, logged: StringIO) -> None:
    """CloudWatch calls an EMF line without metrics an error."""
    job = world.submit()
    world.app.control.cancel("acme", job.id)
    world.app.metrics.take()
    world.app.metrics.consumption.take()
    world.run_visible()
    [line] = lines(logged)
    assert "_aws" not in line


def test_more_times_than_a_metric_may_have_are_one_line_still(world: Handled, logged: StringIO) -> None:
    """Powertools would print another line of its own at the hundredth."""
    for _ in range(130):
        world.submit()
    while messages := world.queues.receive("normal"):
        world.app.work.handle(messages, world.clock.now_ms() + 60_000)
        world.queues.delete("normal", [message.receipt for message in messages])
    world.submit()
    world.run_visible()
    [line] = lines(logged)
    assert metrics_of(line)["attempts"] == ("Count", [131])
    assert len(line["lateness_seconds"]) == 99


def test_a_tick_reports_its_lag_also_when_there_is_none(
    world: Handled, logged: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An next check on missing data wakes nobody for a quiet night."""
    world.handled_tick(monkeypatch)
    [line] = lines(logged)
    assert metrics_of(line) == {"timer_lag_seconds": ("Seconds", [0]), "timer_ticks": ("Count", [1])}


def without_queue(world: Handled) -> None:
    """Let a job be late whose message no queue takes."""
    world.submit(delay_s=600)
    world.clock.advance(480 + 200)
    world.app = world.build(queue=Refusing(world.queues, "send", lambda _, messages: [False] * len(messages)))


def test_a_tick_that_leaves_something_reports_how_late_it_is(
    world: Handled, logged: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest next check stays where it is."""
    without_queue(world)
    world.handled_tick(monkeypatch)
    [line] = lines(logged)
    assert metrics_of(line)["timer_lag_seconds"] == ("Seconds", [200])


def test_a_tick_that_cannot_measure_its_lag_is_a_tick(
    world: Handled, logged: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did is done and told."""

    def refuse() -> None:
        raise UnavailableError

    without_queue(world)
    monkeypatch.setattr(world.app.gauges, "timer_lag_s", refuse)
    assert world.handled_tick(monkeypatch)["behind"]
    [line] = lines(logged)
    assert set(metrics_of(line)) == {"timer_ticks"}
