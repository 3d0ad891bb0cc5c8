"""Jobs that end, and attempts that fail, are told: by whoever records it, or by whoever finds out that nobody did."""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.builders.faults import KilledError, Refusing
from tests.builders.notified import EVERYTHING, Noted, Notified, hand_out, mortal, until_all_ended
from tests.builders.world import TENANT
from whendue.bootstrap import App
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


class Told:
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


def test_every_end_and_every_failed_attempt_is_told(provided: Resources) -> None:
    """Once each, while nobody dies."""
    told = Told(0, provided)
    good, bad, stops = (told.submit(kind) for kind in ENDS)
    cancelled = told.submit("ok", delay_s=3600)
    told.world.app.control.cancel(TENANT, cancelled.id)
    told.pass_minutes()
    expected = of(good, ("succeeded", 1)) | of(stops, ("cancelled", 0)) | of(cancelled, ("cancelled", 0))
    expected |= of(bad, ("attempt_failed", 1), ("attempt_failed", 2), ("dead", 2))
    assert sorted(told.received) == sorted(expected)
    assert all(told.world.job(job).pending_fan_out is None for job in (good, bad, stops, cancelled))


def test_a_retry_waits_for_no_receiver(provided: Resources) -> None:
    """That an attempt failed is told by a delivery of its own; the job goes on meanwhile."""
    told = Told(0, provided)
    told.world.app.pauses.pause_queue(NOTIFICATIONS, "why", "ops", None)
    bad = told.submit("bad")
    told.pass_minutes(1)
    assert told.world.job(bad).state is State.DEAD
    assert told.received == []


def test_only_those_who_want_it_are_told(provided: Resources) -> None:
    """By event, type and name."""
    dead = Terms("noted", "", ("dead",))
    named = Terms("noted", "", ("succeeded",), "named")
    typed = Terms("noted", "", EVERYTHING, types=("stops",))
    told = Told(0, provided, ("dead", dead), ("named", named), ("typed", typed))
    told.submit("ok")
    good, bad, stops = told.submit("ok", notify="named"), told.submit("bad", notify="named"), told.submit("stops")
    told.pass_minutes()
    assert sorted(told.received) == sorted(
        [
            ("dead", "job.dead", bad.id, 2),
            ("named", "job.succeeded", good.id, 1),
            ("typed", "job.cancelled", stops.id, 0),
        ]
    )


def worker(world: Notified, app: App) -> None:
    """Run one batch of each queue in a process that may die."""
    for queue in ("normal", NOTIFICATIONS):
        if deliveries := world.queues.receive(queue):
            with suppress(KilledError):
                worked = app.work.handle(deliveries, world.clock.now_ms() + 60_000)
                settled = [one.receipt for one in deliveries if one.id not in worked.unsettled]
                world.queues.delete(queue, settled)


@pytest.mark.parametrize("events", [EVERYTHING, ("attempt_failed",)], ids=["both", "the attempt alone"])
def test_a_failed_attempt_is_told_after_a_cancel_though_both_who_were_to_tell_it_died(
    provided: Resources, events: tuple[str, ...]
) -> None:
    """The worker and who cancelled it: the job stays live until its next check has it told."""
    told = Told(0, provided, ("all", Terms("noted", "", events)))

    def dies(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.name == "submit" for write in writes):
            raise KilledError
        return told.world.table.apply(writes)

    app = told.world.build(store=Refusing(told.world.table, "apply", dies))
    bad = told.submit("bad")
    worker(told.world, app)
    with suppress(KilledError):
        app.control.cancel(TENANT, bad.id)
    assert (told.world.job(bad).state, told.world.job(bad).pending_fan_out) == (State.CANCELLED, "")
    told.pass_minutes()
    heard = of(bad, ("attempt_failed", 1), ("cancelled", 1)) if len(events) > 1 else of(bad, ("attempt_failed", 1))
    assert set(told.received) == heard
    assert told.world.job(bad).pending_fan_out is None


def test_a_failed_attempt_whose_worker_died_is_told_at_the_alarm_of_the_next_which_is_not_late(
    provided: Resources,
) -> None:
    """That next check is one that the timer promotes: it tells first, and then sends once."""
    told, sent = Told(0, provided), list[Outgoing]()
    policy = {"max_attempts": 2, "jitter": "none", "base_s": 600}
    job = told.world.app.submit.one(TENANT, JobRequest("bad", {}, policy=policy)).job

    def dies(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.name == "submit" for write in writes):
            raise KilledError
        return told.world.table.apply(writes)

    def send(queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        sent.extend(messages if queue == "normal" else [])
        return told.world.queues.send(queue, messages)

    worker(told.world, told.world.build(store=Refusing(told.world.table, "apply", dies)))
    failed = told.world.job(job)
    assert (failed.state, failed.pending_fan_out) == (State.PENDING, "")
    told.world.clock.advance((failed.check_at - told.world.clock.now_ms()) / 1000 + 1)
    told.world.tick(told.world.build(queue=Refusing(told.world.queues, "send", send)))
    assert (told.world.job(job).pending_fan_out, len(sent)) == (None, 1)
    assert told.world.clock.now_ms() + sent[0].delay_s * 1000 >= failed.due_at
    told.pass_minutes(1)
    assert set(told.received) == of(job, ("attempt_failed", 1))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("part", range(3))
def test_no_end_goes_untold_over_seeded_schedules(provided: Resources, part: int) -> None:
    """Workers, notifiers and timers die at any call; every end and every failed attempt is told at least once."""
    for seed in range(part * SCHEDULES // 3, (part + 1) * SCHEDULES // 3):
        draw = random.Random(seed)
        told = Told(seed, provided)
        jobs = [told.submit(draw.choice(list(ENDS))) for _ in range(draw.randint(1, 3))]
        for _ in range(2):
            app, _ = mortal(told.world, draw.randrange(20), after=draw.random() < 0.5)
            hand_out(provided, app)
            worker(told.world, app)
            told.world.clock.advance(draw.randrange(60))
            with suppress(KilledError):
                app.tick.run(told.world.clock.now_ms() + 60_000)
        hand_out(provided, told.world.app)
        for _ in range(60):
            told.pass_minutes(1)
            if all(told.world.job(job).terminal and told.world.job(job).pending_fan_out is None for job in jobs):
                break
        until_all_ended(told.world, [view.job for view in told.world.log("all")])
        for job in jobs:
            ended = told.world.view(job)
            heard = {(event, attempt) for _, event, job_id, attempt in told.received if job_id == job.id}
            assert ended.job.pending_fan_out is None, seed
            failed = [one.attempt for one in ended.attempts if one.type != "worker_lost"]
            wanted = {(f"job.{ended.job.state}", ended.job.attempt)}
            wanted |= {("job.attempt_failed", attempt) for attempt in failed}
            assert heard == wanted, (seed, job.type)


@pytest.mark.parametrize("deed", ["reschedule", "cancel"])
def test_a_failed_attempt_that_is_owed_is_told_whatever_is_done_to_its_job(provided: Resources, deed: str) -> None:
    """Found in random worlds 120886 and 113644: it was forgotten."""
    told = Told(0, provided)
    bad = told.submit("bad")
    table = told.world.table
    mute = told.world.build(Refusing(table, "query", _unavailable))
    mute.work.handle(told.world.queues.receive("normal"), told.world.clock.now_ms() + 60_000)
    assert told.world.job(bad).pending_fan_out == ""
    if deed == "cancel":
        told.world.app.control.cancel(TENANT, bad.id)
    else:
        told.world.app.control.reschedule(TENANT, bad.id, told.world.clock.now_ms() + 3_600_000, None)
    told.pass_minutes()
    assert of(bad, ("attempt_failed", 1)) <= set(told.received)
    assert told.world.job(bad).pending_fan_out is None


def _unavailable(*_arguments: Any, **_options: Any) -> Any:
    raise UnavailableError
