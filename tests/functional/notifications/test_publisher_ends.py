"""Jobs that end, and attempts that fail, are told: by whoever records it, or by whoever finds out that nobody did."""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.builders.faults import KilledError, Refusing
from tests.builders.notified import EVERYTHING, Noted, Notified, hand_out, mortal, until_all_ended
from tests.builders.world import TENANT
from whendue.bootstrap.application import App
from whendue.declarations.channel import Attempt, Event
from whendue.declarations.registry import Cancel, channel
from whendue.declarations.resources import Resources
from whendue.engine.ports import Outgoing, WriteResult
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State
from whendue.notifications.subscription import Terms
from whendue.settings import NOTIFICATIONS
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock
from whendue.table.writes import Write

SCHEDULES = 300
ENDS = {"ok": State.SUCCEEDED, "bad": State.DEAD, "stops": State.CANCELLED}


class Notifications:
    """A world with a receiver in memory; a job of it fails once or twice, gives way, or succeeds."""

    def __init__(self, seed: int, provided: Resources, *subscriptions: tuple[str, Terms]) -> None:
        self.world = Notified(ManualClock(seed=seed))
        self.provided = provided
        self.received: list[tuple[str, str, str, int]] = []
        self.world.task("stops", _stops)
        channel("noted", registry=self.world.registry)(self._receive)
        for name, terms in subscriptions or (("all", Terms("noted", "", EVERYTHING)),):
            self.world.app.subscriptions.put(TENANT, name, terms, {"receiver": name})
        hand_out(provided, self.world.app)

    def _receive(self, event: Event, config: Noted, attempt: Attempt) -> None:
        self.received.append((config.receiver, event.type, event.data["jobId"], event.data["attempt"]))

    def submit(self, kind: str, **wanted: Any) -> Job:
        """Submit a job with two attempts at most."""
        policy = {"max_attempts": 2, "jitter": "none"}
        return self.world.app.submit.one(TENANT, JobRequest(kind, {}, policy=policy, **wanted)).job

    def pass_minutes(self, minutes: int = 4) -> None:
        """Let workers, notifiers and the timer go on."""
        for _ in range(minutes * 6):
            self.world.clock.advance(10)
            self.world.work()
            if self.world.clock.now_ms() // 1000 % 60 < 10:
                self.world.tick()
        self.world.work()


def _stops(_payload: Any, _ctx: Any) -> None:
    raise Cancel


def of(job: Job, *events: tuple[str, int]) -> set[tuple[str, str, str, int]]:
    return {("all", f"job.{event}", job.id, attempt) for event, attempt in events}


def test_every_end_and_every_failed_attempt_is_delivered(provided: Resources) -> None:
    """Once each, while nobody dies."""
    notified = Notifications(0, provided)
    good, bad, stops = (notified.submit(kind) for kind in ENDS)
    cancelled = notified.submit("ok", delay_s=3600)
    notified.world.app.control.cancel(TENANT, cancelled.id)
    notified.pass_minutes()
    expected = of(good, ("succeeded", 1)) | of(stops, ("cancelled", 0)) | of(cancelled, ("cancelled", 0))
    expected |= of(bad, ("attempt_failed", 1), ("attempt_failed", 2), ("dead", 2))
    assert sorted(notified.received) == sorted(expected)
    assert all(notified.world.job(job).pending_fan_out is None for job in (good, bad, stops, cancelled))


def test_a_retry_waits_for_no_receiver(provided: Resources) -> None:
    """That an attempt failed is told by a delivery of its own; the job goes on meanwhile."""
    notified = Notifications(0, provided)
    notified.world.app.pauses.pause_queue(NOTIFICATIONS, "why", "ops", None)
    bad = notified.submit("bad")
    notified.pass_minutes(1)
    assert notified.world.job(bad).state is State.DEAD
    assert notified.received == []


def test_only_subscriptions_that_want_it_get_it(provided: Resources) -> None:
    """By event, type and name."""
    dead = Terms("noted", "", ("dead",))
    named = Terms("noted", "", ("succeeded",), "named")
    typed = Terms("noted", "", EVERYTHING, types=("stops",))
    notified = Notifications(0, provided, ("dead", dead), ("named", named), ("typed", typed))
    notified.submit("ok")
    good, bad, stops = (
        notified.submit("ok", notify="named"),
        notified.submit("bad", notify="named"),
        notified.submit("stops"),
    )
    notified.pass_minutes()
    assert sorted(notified.received) == sorted(
        [
            ("dead", "job.dead", bad.id, 2),
            ("named", "job.succeeded", good.id, 1),
            ("typed", "job.cancelled", stops.id, 0),
        ]
    )


def worker(world: Notified, app: App) -> None:
    """Run one batch of each queue in a process that may die."""
    for queue in ("normal", NOTIFICATIONS):
        if messages := world.queues.receive(queue):
            with suppress(KilledError):
                worked = app.work.handle(messages, world.clock.now_ms() + 60_000)
                settled = [message.receipt for message in messages if message.id not in worked.unsettled]
                world.queues.delete(queue, settled)


@pytest.mark.parametrize("events", [EVERYTHING, ("attempt_failed",)], ids=["both", "the attempt alone"])
def test_a_failed_attempt_is_delivered_after_a_cancel_though_both_writers_died(
    provided: Resources, events: tuple[str, ...]
) -> None:
    """The worker and who cancelled it: the job stays live until its next check has it told."""
    notified = Notifications(0, provided, ("all", Terms("noted", "", events)))

    def dies(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.name == "submit" for write in writes):
            raise KilledError
        return notified.world.table.apply(writes)

    app = notified.world.build(store=Refusing(notified.world.table, "apply", dies))
    bad = notified.submit("bad")
    worker(notified.world, app)
    with suppress(KilledError):
        app.control.cancel(TENANT, bad.id)
    assert (notified.world.job(bad).state, notified.world.job(bad).pending_fan_out) == (State.CANCELLED, "")
    notified.pass_minutes()
    heard = of(bad, ("attempt_failed", 1), ("cancelled", 1)) if len(events) > 1 else of(bad, ("attempt_failed", 1))
    assert set(notified.received) == heard
    assert notified.world.job(bad).pending_fan_out is None


def test_a_failed_attempt_whose_worker_died_is_delivered_at_the_next_check_and_the_retry_is_not_late(
    provided: Resources,
) -> None:
    """That next check is one that the timer promotes: it tells first, and then sends once."""
    notified, sent = Notifications(0, provided), list[Outgoing]()
    policy = {"max_attempts": 2, "jitter": "none", "base_s": 600}
    job = notified.world.app.submit.one(TENANT, JobRequest("bad", {}, policy=policy)).job

    def dies(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.name == "submit" for write in writes):
            raise KilledError
        return notified.world.table.apply(writes)

    def send(queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        sent.extend(messages if queue == "normal" else [])
        return notified.world.queues.send(queue, messages)

    worker(notified.world, notified.world.build(store=Refusing(notified.world.table, "apply", dies)))
    failed = notified.world.job(job)
    assert (failed.state, failed.pending_fan_out) == (State.PENDING, "")
    notified.world.clock.advance(((failed.check_at or 0) - notified.world.clock.now_ms()) / 1000 + 1)
    notified.world.tick(notified.world.build(queue=Refusing(notified.world.queues, "send", send)))
    assert (notified.world.job(job).pending_fan_out, len(sent)) == (None, 1)
    assert notified.world.clock.now_ms() + sent[0].delay_s * 1000 >= failed.due_at
    notified.pass_minutes(1)
    assert set(notified.received) == of(job, ("attempt_failed", 1))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("part", range(3))
def test_no_end_goes_undelivered_over_seeded_schedules(provided: Resources, part: int) -> None:
    """Workers, notifiers and timers die at any call; every end and every failed attempt is told at least once."""
    for seed in range(part * SCHEDULES // 3, (part + 1) * SCHEDULES // 3):
        draw = random.Random(seed)
        notified = Notifications(seed, provided)
        jobs = [notified.submit(draw.choice(list(ENDS))) for _ in range(draw.randint(1, 3))]
        for _ in range(2):
            app, _ = mortal(notified.world, draw.randrange(20), after=draw.random() < 0.5)
            hand_out(provided, app)
            worker(notified.world, app)
            notified.world.clock.advance(draw.randrange(60))
            with suppress(KilledError):
                app.tick.run(notified.world.clock.now_ms() + 60_000)
        hand_out(provided, notified.world.app)
        for _ in range(60):
            notified.pass_minutes(1)
            if all(
                notified.world.job(job).terminal and notified.world.job(job).pending_fan_out is None for job in jobs
            ):
                break
        until_all_ended(notified.world, [view.job for view in notified.world.log("all")])
        for job in jobs:
            ended = notified.world.view(job)
            heard = {(event, attempt) for _, event, job_id, attempt in notified.received if job_id == job.id}
            assert ended.job.pending_fan_out is None, seed
            failed = [attempt.attempt for attempt in ended.attempts if attempt.type != "worker_lost"]
            wanted = {(f"job.{ended.job.state}", ended.job.attempt)}
            wanted |= {("job.attempt_failed", attempt) for attempt in failed}
            assert heard == wanted, (seed, job.type)


@pytest.mark.parametrize("deed", ["reschedule", "cancel"])
def test_a_pending_failed_attempt_is_delivered_whatever_is_done_to_its_job(provided: Resources, deed: str) -> None:
    """Found in random worlds 120886 and 113644: it was forgotten."""
    notified = Notifications(0, provided)
    bad = notified.submit("bad")
    table = notified.world.table
    mute = notified.world.build(Refusing(table, "query", _unavailable))
    mute.work.handle(notified.world.queues.receive("normal"), notified.world.clock.now_ms() + 60_000)
    assert notified.world.job(bad).pending_fan_out == ""
    if deed == "cancel":
        notified.world.app.control.cancel(TENANT, bad.id)
    else:
        notified.world.app.control.reschedule(TENANT, bad.id, notified.world.clock.now_ms() + 3_600_000, None)
    notified.pass_minutes()
    assert of(bad, ("attempt_failed", 1)) <= set(notified.received)
    assert notified.world.job(bad).pending_fan_out is None


def _unavailable(*_arguments: Any, **_options: Any) -> Any:
    raise UnavailableError
