"""The worker: each job for itself, leases and fences, suspects last, outcomes as the task says."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.world import SETTINGS, TENANT, RealTime, World
from whendue.declarations.registry import Cancel, GiveUp, Retry
from whendue.engine.message import from_body
from whendue.engine.payload_store import PayloadStore
from whendue.engine.ports import Outgoing, WriteResult, WriteStatus
from whendue.errors import Interrupted, UnavailableError
from whendue.jobs.model import State
from whendue.jobs.transitions import claim
from whendue.submission.request import JobRequest


def test_one_bad_job_never_fails_its_neighbours() -> None:
    """A batch is a matter of economy, not of shared fate."""
    world = World()
    good = [world.submit(payload={"n": n}) for n in range(5)]
    bad = world.submit("bad", policy={"max_attempts": 1})
    world.work()
    assert [world.view(job).result for job in good] == [{"n": n, "attempt": 1} for n in range(5)]
    assert world.job(bad).state is State.DEAD


def test_a_failing_job_is_tried_at_its_backoff_and_dies_with_all_its_errors() -> None:
    """The whole timeline is there to be read."""
    world = World()
    policy = {"max_attempts": 4, "base_s": 10, "factor": 3, "jitter": "none", "cap_s": 50}
    job = world.submit("bad", policy=policy)
    world.pass_time(200)
    starts = world.runs(job)
    assert [round((b - a) / 1000) for a, b in pairwise(starts)] == [10, 30, 50]
    view = world.view(job)
    assert view.job.state is State.DEAD
    assert [(attempt.attempt, attempt.message) for attempt in view.attempts] == [
        (n, f"attempt {n} is bad") for n in range(1, 5)
    ]
    assert len({attempt.fingerprint for attempt in view.attempts}) == 1


@pytest.mark.parametrize(
    ("error", "state", "failures"),
    [
        (GiveUp("hopeless"), State.DEAD, 1),
        (KeyError("never again"), State.DEAD, 1),
        (Cancel(), State.CANCELLED, 0),
        (Retry("later", after=100), State.PENDING, 1),
        (SystemExit(3), State.PENDING, 1),
        (Interrupted(), State.PENDING, 1),
    ],
)
def test_a_task_says_what_becomes_of_its_attempt(error: BaseException, state: State, failures: int) -> None:
    """Retry, GiveUp and Cancel are outcomes, and `never_retry` errors end the job at once."""
    world = World()

    def choose(payload: object, ctx: object) -> None:
        raise error

    world.task("choose", choose, never_retry=(KeyError,))
    job = world.submit("choose")
    world.work()
    after = world.job(job)
    assert (after.state, after.failures) == (state, failures)
    if isinstance(error, Retry):
        assert after.due_at >= world.clock.now_ms() + 100_000


@pytest.mark.parametrize(
    "result", [float("nan"), object(), {1, 2}, "x" * 2_000_000], ids=["nan", "object", "set", "2 MB"]
)
def test_a_result_that_cannot_be_kept_ends_the_job_with_a_reason(result: object) -> None:
    """Trying again would only repeat the side effects."""
    world = World()
    world.task("odd", lambda payload, ctx: result)
    job = world.submit("odd")
    world.work()
    after = world.job(job)
    assert after.state is State.DEAD
    assert after.last is not None
    assert after.last.type in ("result_not_json", "result_too_large")


@pytest.mark.parametrize("size", [10, 600, 100_000, 300_000])
def test_payload_and_result_of_any_size_come_back(size: int) -> None:
    """Inline, in an item of its own, or in S3: the user sees no difference."""
    world = World()
    job = world.submit(payload={"text": "é" * (size // 2)})
    world.work()
    view = world.view(job)
    assert view.payload == {"text": "é" * (size // 2)}
    assert view.result == view.payload | {"attempt": 1}


def test_an_early_message_is_held_not_dropped_and_not_run() -> None:
    """G6 under clock skew between machines."""
    world = World()
    job = world.submit(delay_s=5)
    world.queues.discard("normal")
    from whendue.engine.message import to_body

    world.queues.send("normal", [Outgoing(to_body(job), 0)])
    [worked] = world.work()
    assert worked.counts["early"] == 1
    assert world.runs(job) == []
    world.clock.advance(5)
    world.work()
    assert world.runs(job) == [job.due_at]


def test_a_duplicate_message_runs_the_job_once() -> None:
    """SQS delivers at least once."""
    world = World()
    job = world.submit()
    from whendue.engine.message import to_body

    world.queues.send("normal", [Outgoing(to_body(job), 0), Outgoing(to_body(job), 3)])
    world.work()
    world.clock.advance(3)
    world.work()
    assert len(world.runs(job)) == 1


def test_an_unreadable_message_stays_for_the_dead_letter_queue() -> None:
    """Nothing that somebody sent is thrown away unseen, and its neighbours run."""
    world = World(max_receive_count=2)
    world.queues.send("normal", [Outgoing("{}", 0), Outgoing("not json", 0)])
    job = world.submit()
    world.work()
    assert world.job(job).state is State.SUCCEEDED
    for _ in range(3):
        world.clock.advance(400)
        world.work()
    assert world.queues.pending("dead_letter") == 2


def test_a_poison_job_dies_after_its_losses_and_takes_no_neighbour_with_it() -> None:
    """G10: a task that kills its process every time ends dead; the nine batched with it are charged nothing."""
    world = World()

    class Crash(BaseException):
        pass

    poison = world.submit("ok", {"poison": True})
    others = [world.submit(payload={"n": n}) for n in range(9)]

    class DyingStore:
        """The process dies when it would record anything while the poison job is among what it runs."""

        def apply(self, writes):  # type: ignore[no-untyped-def]
            recording = any(write.name == "succeed" for write in writes)
            if recording and any(write.key == poison.key for write in writes):
                raise Crash
            return world.table.apply(writes)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.table, name)

    dying = world.build(store=DyingStore())
    for _ in range(60):
        with suppress(Crash):
            world.work(dying)
        world.clock.advance(30)
        if world.clock.now_ms() // 1000 % 60 == 0:
            world.tick()
    dead = world.view(poison)
    assert dead.job.state is State.DEAD
    assert dead.attempts[-1].type == "worker_lost"
    assert len(world.runs(poison)) == 3
    for job in others:
        assert (world.job(job).state, world.job(job).failures) == (State.SUCCEEDED, 0)


def test_a_job_whose_worker_died_is_taken_over_within_three_minutes() -> None:
    """The next check brings a new message long before the visibility timeout would."""
    world = World()
    world.tick()
    job = world.submit()
    [message] = world.queues.receive("normal")
    world.table.apply([claim(from_body(message.body), "dead-worker", world.clock.now_ms())])
    world.pass_time(185)
    after = world.job(job)
    assert (after.state, after.lost, after.failures) == (State.SUCCEEDED, 1, 0)
    assert world.runs(job)[0] - job.due_at <= 180_000


def test_a_table_that_does_not_answer_leaves_the_message_in_its_queue() -> None:
    """Nobody knows whether the claim holds: the message must come back."""
    world = World()
    job = world.submit()
    deaf = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes))
    [worked] = world.work(world.build(store=deaf))
    assert len(worked.unsettled) == 1
    world.clock.advance(400)
    world.work()
    assert world.job(job).state is State.SUCCEEDED


def test_a_table_that_does_not_take_the_outcome_leaves_the_message_in_its_queue() -> None:
    """The work is done and nobody knows: the message must come back, and the lease decides."""
    world = World()
    deaf = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes))
    deaf.on = False
    world.task("deafening", lambda payload, ctx: setattr(deaf, "on", True))
    job = world.submit("deafening")
    [worked] = world.work(world.build(store=deaf))
    assert len(worked.unsettled) == 1
    assert world.job(job).state is State.RUNNING
    world.clock.advance(400)
    world.work()
    assert (world.job(job).state, len(world.runs(job))) == (State.SUCCEEDED, 2)


def test_once_is_true_for_one_attempt_only() -> None:
    """What a task needs to make a side effect happen at most once."""
    world = World()
    said: list[bool] = []

    def charge(payload: object, ctx) -> None:  # type: ignore[no-untyped-def]
        said.extend([ctx.once("charge"), ctx.once("charge"), ctx.once(f"other {ctx.attempt}")])
        if ctx.attempt == 1:
            raise RuntimeError("after the charge")

    world.task("charge", charge)
    world.submit("charge", policy={"base_s": 1, "jitter": "none"})
    world.pass_time(5)
    assert said == [True, True, True, False, False, True]


def test_a_soft_timeout_interrupts_the_task_and_the_attempt_fails() -> None:
    """A hanging job costs its timeout, not its worker."""
    world = RealTime()

    def hang(payload: object, ctx: object) -> None:
        while not world.release.wait(0.01):
            pass

    world.task("hang", hang)
    assert world.run("hang", timeout_s=1) == ("timeout", State.PENDING)


def test_a_task_that_ignores_its_timeout_is_left_behind_and_kept_out_until_its_lease_ends() -> None:
    """G4: two executions overlap only after a lease has expired."""
    world = RealTime()

    def stubborn(payload: object, ctx: object) -> None:
        while not world.release.is_set():
            try:
                world.release.wait(0.01)
            except Interrupted:
                continue

    world.task("stubborn", stubborn)
    before_ms = world.system.now_ms()
    assert world.run("stubborn", timeout_s=1, lease_s=30) == ("timeout", State.PENDING)
    [item] = [item for key, item in world.table.items().items() if key.sk == "job"]
    assert item["due_at"] >= before_ms + 30_000
    world.release.set()


def test_a_long_task_keeps_its_lease_and_learns_of_a_cancel() -> None:
    """Heartbeats renew the lease; the cancel reaches the task with one of them, and the caller learns the outcome."""
    world = RealTime()
    seen: list[int] = []

    def patient(payload: object, ctx) -> None:  # type: ignore[no-untyped-def]
        ctx.progress({"step": 1})
        app = world.build()
        seen.append(app.query.get(TENANT, ctx.job_id).job.lease_until)
        assert app.control.cancel(TENANT, ctx.job_id).cancel_requested
        while not ctx.cancelled:
            world.release.wait(0.01)
        job = app.query.get(TENANT, ctx.job_id).job
        while job.lease_until <= seen[0]:
            job = app.query.get(TENANT, ctx.job_id).job
        seen.append(job.lease_until)
        raise Cancel

    world.task("patient", patient)
    assert world.run("patient", lease_s=2) == (None, State.CANCELLED)
    assert seen[1] > seen[0]


def test_a_job_that_outlives_its_function_ends_as_a_failed_attempt() -> None:
    """Not as a mystery: the timeline says function_timeout."""
    world = RealTime()
    world.task("endless", lambda payload, ctx: [world.release.wait(0.01) for _ in iter(int, 1)])
    app = world.build()
    job = app.submit.one(TENANT, JobRequest("endless", {})).job
    app.work.handle(world.queues.receive("normal"), world.system.now_ms() + 4_000)
    view = app.query.get(TENANT, job.id)
    assert [attempt.type for attempt in view.attempts] == ["function_timeout"]
    assert view.job.state is State.PENDING


def test_a_batch_that_ended_when_its_heartbeat_was_long_due_is_recorded() -> None:
    """Nothing is left to renew then, and nothing to hide."""
    world = World()
    world.task("slow", lambda payload, ctx: world.clock.advance(SETTINGS.visibility_s - 30))
    job = world.submit("slow", policy={"timeout_s": 600})
    world.work()
    assert world.job(job).state is State.SUCCEEDED


def test_a_payload_that_cannot_be_read_now_fails_no_job_that_carries_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those whose payload is stored elsewhere are tried again."""
    world = World()
    small, bulky = world.submit(), world.submit("ok", {"bulk": "x" * 2000})

    def unavailable(*_: Any) -> Any:
        raise UnavailableError

    with monkeypatch.context() as patched:
        patched.setattr(PayloadStore, "payloads", unavailable)
        world.work()
    assert world.job(small).state is State.SUCCEEDED
    assert (world.job(bulky).state, world.job(bulky).failures) == (State.PENDING, 1)
