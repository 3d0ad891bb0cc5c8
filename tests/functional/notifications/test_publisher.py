"""News: who is asked whether anybody wants to know, how often the table is read, and what is made once."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Counted, Refusing
from tests.builders.samples import NOW, TIMING, a_job, an_error, running
from tests.builders.schedules import GAP, SCHEDULE
from tests.builders.world import IDS, SETTINGS, TENANT, World
from whendue.engine.payload_store import PayloadStore
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs import transitions
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition, with_pending_fan_out
from whendue.metrics.recorder import MetricsRecorder
from whendue.notifications.publisher import NotificationPublisher
from whendue.notifications.subscription import Subscription, Terms, disable, subscribe
from whendue.quotas import SUBSCRIPTIONS_AGE_MS
from whendue.schedules.events import missed_deliveries
from whendue.schedules.fires import FireOutcome

EVERYTHING = ("succeeded", "dead", "cancelled", "attempt_failed")


def publisher_of(world: World, store: Any = None) -> NotificationPublisher:
    table = store or world.table
    documents = PayloadStore(table, world.blobs)
    recorder = MetricsRecorder()
    runtime = Runtime(table, world.queues, documents, None, world.registry, world.system, SETTINGS, IDS, None, recorder)  # type: ignore[arg-type]
    return NotificationPublisher(runtime)


def subscribed(world: World, name: str = "hook", **terms: Any) -> Subscription:
    said = replace(Terms("webhook", "{}", EVERYTHING), **terms)
    subscription = Subscription(TENANT, name, said, f"made-{name}", NOW, NOW, "mark")
    assert world.table.apply([subscribe(subscription)])[0].done
    return subscription


def succeeded(job_id: str = "0190", **changes: Any) -> Transition:
    return transitions.succeed(running(job_id, **changes), NOW, "{}")


def refused(*_: Any) -> Any:
    raise UnavailableError


def test_a_tenant_without_subscriptions_costs_one_read_in_five_seconds() -> None:
    """Every end of every job asks."""
    world, calls = World(), list[str]()
    publisher = publisher_of(world, Counted(world.table, calls))
    assert not any(publisher.wants(succeeded()) for _ in range(100))
    assert publisher.deliveries_for([with_pending_fan_out(succeeded()).job]) == []
    assert calls == ["query"]
    world.clock.advance(SUBSCRIPTIONS_AGE_MS / 1000)
    publisher.wants(succeeded())
    assert calls == ["query", "query"]


def test_a_transition_without_events_reads_nothing() -> None:
    """A claim is no event, and a delivery's own end is none either: that would never end."""
    world, calls = World(), list[str]()
    publisher = publisher_of(world, Counted(world.table, calls))
    assert not publisher.wants(transitions.claim(a_job(), "f", NOW))
    assert not publisher.wants(succeeded(queue="notifications"))
    assert publisher.deliveries_for([succeeded(queue="notifications").job]) == []
    assert calls == []


def test_a_fan_out_is_pending_where_subscriptions_are_unknown() -> None:
    """What is owed is told later; what is not owed is lost."""
    world = World()
    store = Refusing(world.table, "query", refused)
    publisher = publisher_of(world, store)
    assert publisher.wants(succeeded())
    with pytest.raises(UnavailableError):
        publisher.deliveries_for([succeeded().job])
    store.on = False
    assert not publisher.wants(succeeded()), "that it did not answer is not remembered"


def test_each_subscription_gets_an_event_once_however_often_it_is_published() -> None:
    """Whoever died after it was created tells it again."""
    world = World()
    subscribed(world, "all")
    subscribed(world, "dead", events=("dead",))
    subscribed(world, "named", applies="named")
    world.table.apply([disable(subscribed(world, "gone"), "why", NOW)])
    publisher = publisher_of(world)
    step = succeeded(notify="named")
    assert publisher.wants(step)
    job = with_pending_fan_out(step).job
    first, again = publisher.deliveries_for([job]), publisher.deliveries_for([job])
    assert [made.job.subscription for made in first] == ["all", "named"]
    assert [made.job.id for made in again] == [made.job.id for made in first]
    assert all(end.done for end in world.table.apply(first))
    assert not any(end.done for end in world.table.apply(again))


def test_a_failure_that_ends_a_job_is_two_events_and_either_is_enough() -> None:
    """A subscription to attempts alone wants the last one, too."""
    world = World()
    subscribed(world, events=("attempt_failed",))
    job: Job = running()
    step = transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True)
    publisher = publisher_of(world)
    assert publisher.wants(step)
    [made] = publisher.deliveries_for([with_pending_fan_out(step).job])
    assert '"job.attempt_failed"' in str((made.first.changes if made.first else {}).get("text"))


def test_names_that_are_known_are_looked_up_once_and_none_are_not_looked_up_at_all() -> None:
    """Every submit asks; only a name that is not known is looked for again, it may have been made just now."""
    world, calls = World(), list[str]()
    publisher = publisher_of(world, Counted(world.table, calls))
    assert publisher.unknown(TENANT, []) == []
    assert calls == []
    subscribed(world)
    assert [publisher.unknown(TENANT, ["hook"]) for _ in range(3)] == [[], [], []]
    assert calls == ["query"]
    assert publisher.unknown(TENANT, ["hook", "typo"]) == ["typo"]
    assert calls == ["query", "query"]


def test_what_was_skipped_was_not_missed() -> None:
    """A schedule that its user has paused is no news."""
    world = World()
    subscribed(world, events=("schedule_missed",))
    publisher = publisher_of(world)
    skipped = replace(GAP, outcome=FireOutcome.SKIPPED)
    assert [len(missed_deliveries(publisher, SCHEDULE, gap)) for gap in (skipped, GAP)] == [0, 1]


def test_missed_fires_are_not_counted_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage each schedule has a gap, of a thousand fires perhaps."""
    counted: list[str] = []
    monkeypatch.setattr("whendue.schedules.events.missed_event", lambda schedule, gap: counted.append(schedule.name))
    assert missed_deliveries(publisher_of(World()), SCHEDULE, GAP) == []
    assert counted == []


def test_a_job_that_names_no_subscription_has_no_delivery_to_a_named_one() -> None:
    """Nor does it read more, or keep a fan-out pending."""
    world = World()
    subscribed(world, "named", applies="named")
    publisher = publisher_of(world)
    assert not publisher.wants(succeeded())
    assert publisher.deliveries_for([with_pending_fan_out(succeeded()).job]) == []
