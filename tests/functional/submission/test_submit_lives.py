"""An id that is used again, after the retention of the job that had it, is another job's in every way.

What the first job has made (jobs, deliveries) has ids that are derived from it, and may be there longer than the job.
"""

from typing import Any

import pytest

from tests.builders.notified import Noted, Notified, fresh_resources, hand_out
from tests.builders.world import TENANT, World
from whendue import Context
from whendue.declarations.channel import Attempt, Event
from whendue.declarations.registry import Retry, channel
from whendue.jobs.model import Job, State, from_item
from whendue.notifications.subscription import Terms
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import Definition
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock

DAY_S = 86_400
# Gone after a minute, and what they create after seven days.
SHORT = {"retention_s": 60}


def submitted(world: World) -> Job:
    """Submit a job under a key."""
    return world.submit("parent", idempotency_key="k", policy=SHORT)


def triggered(world: World) -> Job:
    """Trigger a schedule under a key."""
    later = Recurrence(at_ms=world.clock.now_ms() + 300 * DAY_S * 1000)
    world.app.schedules.put(TENANT, "s", Definition(later, JobRequest("parent", {}, policy=SHORT)))
    return world.app.schedules.trigger(TENANT, "s", "k").job


CREATORS = {"submitted": submitted, "triggered": triggered}


def children(world: World) -> list[Job]:
    return [job for job in (from_item(row) for key, row in world.table.rows.items() if key.sk == "job") if job.tags]


def two_lives(world: World, create: Any) -> tuple[Job, Job]:
    """Let a job run, wait out its retention, and let the next one under its key run."""
    first = create(world)
    world.pass_time(30)
    assert world.job(first).state.value in ("succeeded", "dead")
    world.clock.advance(DAY_S)
    second = create(world)
    world.pass_time(30)
    assert (second.id, second.created_at == first.created_at) == (first.id, False)
    return first, second


@pytest.mark.parametrize("create", CREATORS.values(), ids=CREATORS)
def test_the_next_job_of_a_key_creates_jobs_of_its_own_and_an_attempt_of_the_same_none(create: Any) -> None:
    """Both have two attempts."""
    world = World()

    def run(payload: Any, ctx: Context) -> None:
        ctx.submit("ok", key="report", tags={"made": "here"})
        if ctx.attempt == 1:
            raise Retry("again")

    world.task("parent", run)
    two_lives(world, create)
    made = children(world)
    assert [job.state for job in made] == [State.SUCCEEDED] * 2
    assert len({job.created_at for job in made}) == 2


@pytest.mark.parametrize("create", CREATORS.values(), ids=CREATORS)
def test_once_is_once_in_each_of_them(create: Any) -> None:
    """The mark of the first one is erased later than the job."""
    world = World()
    asked: list[bool] = []

    def run(payload: Any, ctx: Context) -> None:
        asked.append(ctx.once("mail"))
        if ctx.attempt == 1:
            raise Retry("again")

    world.task("parent", run)
    two_lives(world, create)
    assert asked == [True, False] * 2


@pytest.mark.parametrize("create", CREATORS.values(), ids=CREATORS)
def test_the_end_of_each_of_them_is_delivered(create: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is each failed attempt: a delivery is kept for seven days."""
    world, received = Notified(ManualClock()), list[tuple[str, str, int]]()

    def receive(event: Event, config: Noted, attempt: Attempt) -> None:
        received.append((event.type, attempt.id, event.data["attempt"]))

    channel("noted", registry=world.registry)(receive)
    world.app.subscriptions.put(TENANT, "all", Terms("noted", "", ("dead", "attempt_failed")), {"receiver": "all"})
    hand_out(fresh_resources(monkeypatch), world.app)

    def run(payload: Any, ctx: Context) -> None:
        raise RuntimeError("each time")

    world.task("parent", run, max_attempts=2)
    two_lives(world, create)
    world.pass_time(30)
    events = [("job.attempt_failed", 1), ("job.attempt_failed", 2), ("job.dead", 2)]
    assert sorted((event, attempt) for event, _, attempt in received) == sorted(events * 2)
    assert len({delivery for _, delivery, _ in received}) == 6
