"""A notification survives: whoever dies, at whichever call, it is sent at least once under one id (guarantee G8)."""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.builders.faults import KilledError
from tests.builders.notified import EVERYTHING, Noted, Notified, hand_out, mortal, notifier, until_all_ended
from tests.builders.samples import TIMING, an_error, running
from tests.builders.web import Web
from tests.builders.world import TENANT
from whendue.bootstrap.application import App
from whendue.declarations.channel import Attempt, Event
from whendue.declarations.registry import channel
from whendue.declarations.resources import Resources
from whendue.engine.commit import commit
from whendue.jobs import transitions
from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition, with_pending_fan_out
from whendue.notifications.subscription import Terms
from whendue.settings import NOTIFICATIONS
from whendue.support.clock import ManualClock

SCHEDULES = 1000


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", [200, 500, 410])
def test_a_notification_survives_the_notifiers_death_at_any_call(
    provided: Resources, web: Web, status: int, after: bool
) -> None:
    """Before the call or after it took effect: the receiver gets it, and its delivery ends."""
    for kill_at in range(100):
        world = Notified()
        world.subscribe(url=web.url())
        delivery = world.notify_one()
        app, calls = mortal(world, kill_at, after=after)
        hand_out(provided, app)
        web.answers(status)
        web.seen.clear()
        died = not notifier(world, app)
        if not died and len(calls) <= kill_at:
            assert kill_at > 5, calls
            return
        hand_out(provided, world.app)
        if status == 500:
            web.answers(200)
        until_all_ended(world, [delivery])
        wanted = State.DEAD if status == 410 else State.SUCCEEDED
        assert world.job(delivery).state is wanted, (kill_at, calls)
        assert web.seen, (kill_at, calls)
        assert {seen.headers["webhook-id"] for seen in web.seen} == {delivery.id}
        assert len(web.seen) <= 3
        assert world.health().active is (status != 410)
    pytest.fail("it never came through")


def an_end(number: int, draw: random.Random) -> Job:
    """A job that has just ended, or failed an attempt, and owes that."""
    job = running(f"{number:036d}", fence=f"f{number}")
    step = draw.choice(ENDS)(job)
    return with_pending_fan_out(step).job


ENDS: list[Callable[[Job], Transition]] = [
    lambda job: transitions.succeed(job, job.due_at, "1"),
    lambda job: transitions.fail(job, an_error(job), job.due_at, TIMING, draw=0.5),
    lambda job: transitions.fail(job, an_error(job), job.due_at, TIMING, draw=0.5, final=True),
    lambda job: transitions.finish_cancelled(job, job.due_at),
]


class Seeded:
    """One seeded run: who dies when, which sends fail, which messages are lost."""

    def __init__(self, seed: int, provided: Resources) -> None:
        self.draw = random.Random(seed)
        self.world = Notified(ManualClock(seed=seed))
        self.provided = provided
        self.received: list[tuple[str, str]] = []
        self.failures = self.draw.randrange(3)
        channel("noted", registry=self.world.registry)(self._receive)
        for name in ("a", "b")[: self.draw.randint(1, 2)]:
            self.world.app.subscriptions.put(TENANT, name, Terms("noted", "", EVERYTHING), {"receiver": name})

    def _receive(self, event: Event, config: Noted, attempt: Attempt) -> None:
        self.received.append((config.receiver, attempt.id))
        if self.failures:
            self.failures -= 1
            raise RuntimeError(event.type)

    def process(self, calls: int) -> App:
        """A process that dies at one of its first calls, or lives."""
        kill_at = self.draw.choice([None, self.draw.randrange(calls)])
        app, _ = mortal(self.world, kill_at, after=self.draw.random() < 0.5)
        hand_out(self.provided, app)
        return app

    def publish(self, jobs: list[Job]) -> None:
        """Tell what jobs owe, as whoever settles them does: again and again, until one has done it whole."""
        for _ in range(20):
            app = self.process(4)
            with suppress(KilledError):
                commit(app.runtime, app.notifications.deliveries_for(jobs), self.world.clock.now_ms())
                return
        pytest.fail("nobody lived")

    def lose_a_message(self) -> None:
        """What SQS has acknowledged and lost: the delivery's next check brings it back."""
        messages = self.world.queues.messages[NOTIFICATIONS]
        if messages and self.draw.random() < 0.3:
            messages.pop(self.draw.randrange(len(messages)))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("part", range(10))
def test_no_notification_is_lost_over_a_thousand_seeded_schedules(provided: Resources, part: int) -> None:
    """Tellers and notifiers die, receivers fail, messages vanish: all that was owed arrives, and nothing else."""
    for seed in range(part * SCHEDULES // 10, (part + 1) * SCHEDULES // 10):
        run = Seeded(seed, provided)
        jobs = [an_end(number, run.draw) for number in range(run.draw.randint(1, 3))]
        run.publish(jobs)
        run.lose_a_message()
        for _ in range(2):
            notifier(run.world, run.process(12))
            run.lose_a_message()
            run.world.clock.advance(run.draw.randrange(200))
            run.world.tick()
        hand_out(provided, run.world.app)
        deliveries = [step.job for step in run.world.app.notifications.deliveries_for(jobs)]
        events = sum(2 if job.state is State.DEAD else 1 for job in jobs)
        assert len(deliveries) == events * len(run.world.app.subscriptions.every(TENANT)), seed
        until_all_ended(run.world, deliveries)
        assert {run.world.job(job).state for job in deliveries} == {State.SUCCEEDED}, seed
        assert set(run.received) == {(job.subscription, job.id) for job in deliveries}, seed
