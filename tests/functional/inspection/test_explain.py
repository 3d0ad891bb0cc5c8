"""What `explain` sees around a job: its limit before a worker has looked, its queue, the timer; what that costs."""

from typing import Any

import pytest

from tests.builders.faults import Counted
from tests.builders.jobs import claimed
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.engine.message import from_body
from whendue.engine.ports import Outgoing
from whendue.inspection.explain_rules import Reason
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import State
from whendue.metrics.model import last_tick
from whendue.metrics_export import export
from whendue.profiles.model import Profile
from whendue.table.keys import Key, limit_pk
from whendue.table.preconditions import Precondition
from whendue.table.writes import insert

ONE = Limit(concurrency=1, key="k")


def reasons(world: World, job: Any) -> list[Reason]:
    return world.app.explainer.explain(TENANT, job.id).reasons


def codes(world: World, job: Any) -> list[str]:
    return [reason.code for reason in reasons(world, job)]


def running_one(world: World, **wanted: Any) -> tuple[Any, Any]:
    """Let a job hold its key's slot while it asks about another that is due; return what was said, and the other."""
    said: list[Reason] = []
    others: list[Any] = []

    def ask(payload: Any, ctx: Any) -> None:
        others.append(world.submit(**wanted))
        said.extend(reasons(world, others[0]))

    world.task("asks", ask)
    world.submit("asks", **wanted)
    world.work()
    return said, others[0]


def test_a_second_job_of_a_key_with_concurrency_1_waits_for_its_key() -> None:
    """It said `queued` until a worker had looked."""
    world = World()
    [reason], second = running_one(world, limit=ONE)
    assert (reason.code, reason.facts) == ("limited", {"key": "k", "waiting_since_at": second.due_at, "concurrency": 1})
    assert "starts when one of them ends" in reason.text


def test_one_of_two_slots_is_free() -> None:
    """Then a worker is all that it waits for."""
    [reason], _ = running_one(World(), limit=Limit(concurrency=2, key="k"))
    assert reason.code == "queued"


def test_a_second_job_of_a_key_with_a_rate_waits_for_its_key() -> None:
    """Its token is gone."""
    [reason], second = running_one(World(), limit=Limit(rate_per_s=0.5, key="k"))
    facts = {"key": "k", "waiting_since_at": second.due_at, "rate_per_second": 0.5}
    assert (reason.code, reason.facts) == ("limited", facts)


def test_a_limit_that_a_profile_names_is_seen_too() -> None:
    """The job itself does not say it."""
    world = World()
    world.app.profile_editor.put(TENANT, Profile("single", limit=ONE), Precondition())
    [reason], _ = running_one(world, profile="single")
    assert (reason.code, reason.facts["concurrency"]) == ("limited", 1)


def test_a_key_that_cannot_be_read_keeps_nobody_from_asking() -> None:
    """Whoever asks learns the rest."""
    world = World()
    job = world.submit(limit=ONE)
    world.table.apply([insert("odd", Key(limit_pk(TENANT, "k"), "slot#odd"), {"fence": 1})])
    assert codes(world, job) == ["queued"]


def test_a_job_whose_slot_is_kept_for_it_waits_for_a_worker() -> None:
    """The slot was handed on to it: nobody else gets it, and no end of another is waited for."""
    world = World()
    _, second = (world.submit(limit=ONE) for _ in range(2))
    world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + MINUTE_MS)
    assert world.job(second).waits_for is not None
    assert codes(world, second) == ["queued"]
    world.work()
    assert world.job(second).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["get", "depth", "get"]),
        ({"limit": ONE}, ["get", "depth", "get", "query_range"]),
        ({"delay_s": 9999}, ["get", "get", "get"]),
        ({"delay_s": 20}, ["get", "get"]),
    ],
    ids=["due", "due with a limit", "the timer's", "sent"],
)
def test_explain_costs_few_calls(wanted: dict[str, Any], expected: list[str]) -> None:
    """The job, its queue, its pauses; its key only where it has one, the timer only where that has to come."""
    world = World()
    job = world.submit(**wanted)
    calls: list[str] = []
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    app.explainer.explain(TENANT, job.id)
    assert sorted(calls) == sorted(expected)


# --- the timer's silence ------------------------------------------------------------------------------------------


def ticked(world: World) -> None:
    """Let the timer tick and count, as its function does."""
    world.tick()
    export(world.app)


def test_a_job_that_waits_for_a_silent_timer_says_so() -> None:
    """It said that its message is handed to the queue shortly before it is due."""
    world = World()
    ticked(world)
    at_ms = world.clock.now_ms()
    job = world.submit(delay_s=9999)
    assert codes(world, job) == ["not_due", "not_promoted"]
    world.clock.advance(179)
    assert codes(world, job) == ["not_due", "not_promoted"]
    world.clock.advance(2)
    assert codes(world, job) == ["timer_silent", "not_due", "not_promoted"]
    assert reasons(world, job)[0].facts == {"last_tick_at": at_ms}
    ticked(world)
    assert codes(world, job) == ["not_due", "not_promoted"]


def test_a_job_that_does_not_wait_for_the_timer_does_not_mention_it() -> None:
    """Its message is sent, or a worker runs it."""
    world = World()
    ticked(world)
    promoted = world.submit(delay_s=130)
    world.clock.advance(20)
    ticked(world)
    world.clock.advance(600)
    due = world.submit()
    assert codes(world, due) == ["queued"]
    assert codes(world, promoted) == ["timer_silent", "overdue", "queued"]


def test_where_no_tick_was_ever_counted_nothing_is_said_of_it() -> None:
    """Nobody knows."""
    world = World()
    job = world.submit(delay_s=9999)
    world.clock.advance(6000)
    assert codes(world, job) == ["not_due", "not_promoted"]


def test_a_timer_that_cannot_write_its_counts_in_uuids_is_not_shown() -> None:
    """A mark that is no id says nothing."""
    assert last_tick([{}, {"mark": 5}, {"mark": "x"}]) is None
    assert last_tick([{"mark": "01a32b5c-8800-7000-8000-000000000000"}]) == 0x01A32B5C8800
    assert last_tick([{"mark": "01a32b5c-8800-4000-8000-000000000000"}]) is None


# --- a backlog ----------------------------------------------------------------------------------------------------


def test_a_job_behind_a_backlog_is_late_and_not_said_to_be_lost() -> None:
    """It said both that others are before it, and that its message was lost and the timer sees to it."""
    world = World()
    job = world.submit()
    world.queues.send("normal", [Outgoing("x", 0)] * 150)
    world.clock.advance(70)
    assert codes(world, job) == ["backlog", "queued"]
    assert reasons(world, job)[0].facts == {"queue": "normal", "overdue_s": 70}


def test_every_job_can_say_why_it_has_not_run_yet() -> None:
    """The question that users of other schedulers cannot ask."""
    world = World()
    far, near, due = world.submit(delay_s=9999), world.submit(delay_s=60), world.submit()
    failing = world.submit("bad", policy={"base_s": 1000, "jitter": "none"}, queue="high")
    world.work(queue="high")
    assert codes(world, far) == ["not_due", "not_promoted"]
    assert codes(world, near) == ["not_due"]
    assert codes(world, due) == ["queued"]
    assert codes(world, failing) == ["retry_backoff", "not_due", "not_promoted"]
    world.queues.discard("normal")
    world.clock.advance(70)
    assert codes(world, due) == ["overdue", "queued"]
    for _ in range(3):
        world.clock.advance(60)
        world.tick()
    assert codes(world, due) == ["rescued", "queued"]
    [message, *_] = [message for message in world.queues.receive("normal") if from_body(message.body).id == due.id]
    claimed(world, from_body(message.body))
    assert codes(world, due) == ["running"]
    world.app.control.cancel(TENANT, due.id)
    assert codes(world, due) == ["running", "cancel_requested"]
    world.clock.advance(100)
    assert codes(world, due) == ["lease_expired"]
    world.app.control.cancel(TENANT, far.id)
    assert codes(world, far) == ["finished", "cancelled", "redrivable"]
    world.queues.send("low", [Outgoing("x", 0)] * 150)
    crowded = world.submit(queue="low")
    assert codes(world, crowded) == ["backlog", "queued"]
