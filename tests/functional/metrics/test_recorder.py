"""The counters equal the jobs that ran; docs/reference/metrics.md says what may be lost, and nothing counts twice."""

from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.handled import Handled
from tests.builders.samples import NOW, TIMING, a_job
from tests.builders.world import TENANT
from whendue import quotas as limits
from whendue.bulk.model import Action
from whendue.bulk.service import Asked
from whendue.declarations.registry import Cancel
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.jobs import transitions
from whendue.jobs.model import State
from whendue.metrics.consumption import Consumption
from whendue.metrics.recorder import MetricsRecorder
from whendue.operations.listing import JobFilter
from whendue.submission.request import JobRequest


def _stopping(payload: Any, ctx: Any) -> None:
    raise Cancel


def test_every_number_is_that_of_the_jobs(world: Handled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that succeed, fail and are tried again, die, and stop; at once and later."""
    world.task("stopping", _stopping)
    for kind, count in {"ok": 12, "bad": 3, "stopping": 2}.items():
        for _ in range(count):
            world.submit(kind, policy={"max_attempts": 2, "base_s": 5, "jitter": "none"})
    world.submit("ok", delay_s=300, queue="high")
    world.live(400, monkeypatch)
    normal = {"queue": "normal"}
    assert world.value("whendue_jobs_submitted_total") == 18
    assert world.value("whendue_jobs_submitted_total", type="ok", queue="high") == 1
    assert world.value("whendue_jobs_ended_total", type="ok", state="succeeded") == 13
    assert world.value("whendue_jobs_ended_total", type="bad", state="dead", **normal) == 3
    assert world.value("whendue_jobs_ended_total", type="stopping", state="cancelled", **normal) == 2
    assert world.value("whendue_jobs_ended_total") == 18
    assert world.value("whendue_attempts_total", type="bad") == 6
    assert world.value("whendue_attempts_total") == 13 + 6 + 2
    assert world.value("whendue_retries_total", type="bad") == 3
    assert world.value("whendue_attempts_failed_total", type="bad", error="other") == 6
    assert world.value("whendue_attempts_failed_total") == 6
    assert world.value("whendue_execution_seconds_count") == 21
    assert world.value("whendue_lateness_seconds_count") == 21
    assert world.value("whendue_lateness_seconds_bucket", type="ok", queue="high", le="1") == 1
    assert world.value("whendue_timer_ticks_total") == 7
    assert world.value("whendue_jobs_promoted_total") == 1


def test_jobs_in_progress_are_right_whatever_redrives_them(world: Handled) -> None:
    """The formula of docs/reference/metrics.md and of the dashboard: by a request, by an operation, undone or not."""

    def in_progress() -> float:
        world.app.counters.keep(world.app.metrics.take())
        return (
            world.value("whendue_jobs_submitted_total")
            - world.value("whendue_jobs_ended_total")
            + world.value("whendue_redrives_total")
            - world.value("whendue_bulk_changes_total", action="undo")
        )

    dead = [world.submit("bad", policy={"max_attempts": 1}) for _ in range(4)]
    world.run_visible()
    assert in_progress() == 0
    world.app.control.redrive(TENANT, dead[0].id)
    bulk = world.app.bulk
    operation = bulk.begin(TENANT, Asked(Action.REDRIVE, "ada", wanted=JobFilter(), rate_per_s=0.02))
    assert (operation.counts.changed, in_progress()) == (2, 3)
    bulk.undo(TENANT, operation.id, "ada")
    assert in_progress() == 1
    world.run_visible()
    assert in_progress() == 0
    assert world.value("whendue_redrives_total") == 3
    assert world.value("whendue_bulk_changes_total", action="redrive") == 2


@pytest.mark.parametrize(
    ("action", "more"),
    [
        (Action.CANCEL, {}),
        (Action.REPRIORITISE, {"queue": "high"}),
        (Action.RESCHEDULE, {"due_at": NOW + 9_000_000}),
    ],
)
def test_changes_of_an_operation_are_counted_by_its_action(
    world: Handled, action: Action, more: dict[str, Any]
) -> None:
    """And those of a single request are none."""
    jobs = [world.submit(delay_s=3600) for _ in range(3)]
    world.app.control.cancel(TENANT, jobs[0].id)
    world.app.bulk.begin(TENANT, Asked(action, "ada", wanted=JobFilter(), **more))
    world.app.counters.keep(world.app.metrics.take())
    assert world.value("whendue_bulk_changes_total", action=action.value) == 2
    assert world.value("whendue_bulk_changes_total") == 2


def test_what_is_submitted_again_counts_once(world: Handled) -> None:
    """A repeated request makes no job."""
    for _ in range(3):
        world.submit(idempotency_key="mine")
    world.app.counters.keep(world.app.metrics.take())
    assert world.value("whendue_jobs_submitted_total") == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_killed_worker_loses_the_counts_of_its_batch_at_most(after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it dies: every job ends, none is counted twice, and the batches of others are counted whole."""
    for number in range(100):
        world = Handled()
        others = [world.submit() for _ in range(7)]
        world.run_visible()
        mine = [world.submit() for _ in range(3)]
        died = _die(world, number, after)
        world.live(900, monkeypatch)
        assert {world.job(job).state for job in (*others, *mine)} == {State.SUCCEEDED}
        ended = world.value("whendue_jobs_ended_total", state="succeeded")
        assert ended in (len(others), len(others) + len(mine)), f"the whole batch or nothing of it, killed at {number}"
        if not died:
            assert number > 3
            return


def _die(world: Handled, number: int, after: bool) -> bool:
    """Let a worker die at one of its calls of the table; False when it has not so many."""
    dying = world.build(Counted(world.table, [], number, after=after))
    try:
        world.batch(dying, world.queues.receive("normal"))
    except KilledError:
        return True
    return False


@pytest.mark.parametrize("error", [UnavailableError(), RuntimeError("AccessDenied")])
def test_jobs_do_not_depend_on_their_counters(world: Handled, error: Exception) -> None:
    """Whatever the table says to the counters, what the batch did stands and its messages go."""

    def refuse(taken: object, every_ms: int, usage: object) -> None:
        raise error

    job = world.submit()
    monkey = Refusing(world.app.counters, "keep", refuse)
    world.app.counters = monkey  # type: ignore[assignment]
    assert world.batch(world.app, world.queues.receive("normal")) == set()
    assert world.job(job).state is State.SUCCEEDED


def test_counts_that_the_table_does_not_answer_for_are_dropped(world: Handled) -> None:
    """They may have been added: once more would be twice."""
    store = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE) for _ in writes])
    app = world.build(store)
    app.metrics.tick(planned=0, promoted=0, rescued={})
    app.counters.keep(app.metrics.take())
    store.on = False
    app.counters.keep(app.metrics.take())
    assert app.counters.read() == {}


def test_what_the_api_counts_is_written_once_a_second(world: Handled) -> None:
    """So a single submit stays two calls; what is held back goes with the process's next request."""
    for wanted in (1, 1, 1):
        world.submit()
        world.app.counters.keep(world.app.metrics.take(), limits.COUNT_EVERY_MS)
        assert world.value("whendue_jobs_submitted_total") == wanted
        world.clock.advance(0.4)
    world.clock.advance(0.4)
    world.app.counters.keep(world.app.metrics.take(), limits.COUNT_EVERY_MS)
    assert world.value("whendue_jobs_submitted_total") == 3


def test_a_batch_is_counted_in_one_call(world: Handled) -> None:
    """Whatever types it has; two while the items are made."""
    calls = list[str]()
    app = world.build(Counted(world.table, calls))

    def count() -> int:
        world.clock.advance(0.001)
        app.submit.many(TENANT, [JobRequest("ok", {}), JobRequest("bad", {})])
        taken = app.metrics.take()
        assert len(taken) == 2
        calls.clear()
        app.counters.keep(taken)
        return len(calls)

    assert [count() for _ in range(limits.COUNTER_SHARDS)] == [2] * limits.COUNTER_SHARDS
    assert count() == 1


def test_types_beyond_the_bound_are_counted_together(world: Handled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each type costs room at each scrape; also one that is no longer deployed."""
    monkeypatch.setattr("whendue.metrics.store.COUNTED_TYPES", 2)
    app = world.build()
    app.submit.many(TENANT, [JobRequest(kind, {}) for kind in ("bad", "ok", "workflow")])
    app.counters.keep(app.metrics.take())
    assert world.value("whendue_jobs_submitted_total", type="bad") == 1
    assert world.value("whendue_jobs_submitted_total", type="ok") == 1
    assert world.value("whendue_jobs_submitted_total", type="other") == 0, "workflow was refused: it has no graph"


def test_the_timers_lag_is_that_of_the_oldest_check_it_has_left(
    world: Handled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent timer shows up before jobs are late; a paused queue is no lag."""
    world.submit(delay_s=600)
    assert world.value("whendue_timer_lag_seconds") == 0
    world.clock.advance(480 + 90)
    assert world.value("whendue_timer_lag_seconds") == 90
    world.handled_tick(monkeypatch)
    assert world.value("whendue_timer_lag_seconds") == 0


@pytest.mark.parametrize("key", [None, "k"])
def test_a_job_that_is_due_at_once_is_no_lag_when_it_is_submitted(world: Handled, key: str | None) -> None:
    """Its check is two minutes before it was due. Seen before: a burst of submits made a healthy timer 127 s late."""
    job = world.submit(idempotency_key=key)
    assert world.value("whendue_timer_lag_seconds") == 0
    world.clock.advance(45)
    assert world.value("whendue_timer_lag_seconds") == 45
    # Erased meanwhile: the index shows it for a while longer.
    world.table.rows.pop(job.key)
    assert world.value("whendue_timer_lag_seconds") == 165


def test_an_overdue_check_shows_behind_those_of_jobs_that_are_due_at_once(world: Handled) -> None:
    """Their checks are older, although they were set later; and one item that cannot be read hides no other."""
    late = world.submit(delay_s=600)
    world.clock.advance(480 + 90)
    fresh = world.submit()
    while fresh.due_pk != late.due_pk:
        fresh = world.submit()
    assert world.value("whendue_timer_lag_seconds") == 90
    real = world.table.get

    def get(keys: Any, **options: Any) -> Any:
        if fresh.key in keys:
            raise ValueError("broken on purpose")
        return real(keys, **options)

    world.table.get = get  # type: ignore[method-assign]
    assert world.app.gauges.timer_lag_s() == 90


def test_a_paused_queue_is_no_lag(world: Handled) -> None:
    """Whoever paused it knows."""
    world.submit(delay_s=600)
    world.app.pauses.pause_queue("normal", "because", "me", None, TENANT)
    world.clock.advance(900)
    assert world.value("whendue_timer_lag_seconds") == 0
    assert world.value("whendue_queue_paused", queue="normal") == 1
    assert world.value("whendue_queue_paused") == 1


def test_queues_show_what_waits_and_for_how_long(world: Handled) -> None:
    """Depth by state of messages, and the age of the job due longest."""
    world.submit()
    world.submit(delay_s=20)
    world.clock.advance(15)
    assert world.value("whendue_queue_messages", queue="normal", state="visible") == 1
    assert world.value("whendue_queue_messages", queue="normal", state="delayed") == 1
    assert world.value("whendue_queue_oldest_due_seconds", queue="normal") == 15
    assert world.value("whendue_queue_oldest_due_seconds", queue="low") == 0


def test_a_job_that_its_tenant_has_paused_is_not_late(world: Handled) -> None:
    """Nobody is to be woken for it; nor does it hide another one that is."""
    world.submit()
    world.clock.advance(10)
    world.submit("bad")
    world.app.pauses.pause_tenant(TENANT, "ok", "because", "me", None)
    world.clock.advance(10)
    assert world.value("whendue_queue_oldest_due_seconds", queue="normal") == 10


def test_rescues_are_counted_by_what_they_did(world: Handled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message was lost: rescue sends another one."""
    world.submit()
    lost = world.queues.receive("normal")
    world.queues.delete("normal", [message.receipt for message in lost])
    world.live(300, monkeypatch)
    assert world.value("whendue_rescues_total", action="send") == 1
    assert world.value("whendue_jobs_ended_total", state="succeeded") == 1


def test_an_insert_that_finds_its_job_counts_nothing_and_any_other_step_counts() -> None:
    """A repeated insert made no job; a step whose reply was lost has been done once, and its item is there."""
    recorder = MetricsRecorder(consumption := Consumption())
    stored = {"state": "pending"}
    submitted, claimed = transitions.submit(a_job(), TIMING), transitions.claim(a_job(), "fence", NOW)
    recorder.note([(submitted, WriteResult(WriteStatus.DONE, stored))])
    assert (recorder.take(), consumption.take()) == ({}, {})
    recorder.note([(claimed, WriteResult(WriteStatus.DONE, stored))])
    [counts] = recorder.take().values()
    assert counts.numbers["attempts"] == 1
    [used] = consumption.take().values()
    assert used["attempts"] == 1
