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


def news_of(world: World, store: Any = None) -> NotificationPublisher:
    table = store or world.table
    documents = PayloadStore(table, world.blobs)
    tally = MetricsRecorder()
    runtime = Runtime(table, world.queues, documents, None, world.registry, world.system, SETTINGS, IDS, None, tally)  # type: ignore[arg-type]
    return NotificationPublisher(runtime)


def subscribed(world: World, name: str = "hook", **terms: Any) -> Subscription:
    said = replace(Terms("webhook", "{}", EVERYTHING), **terms)
    one = Subscription(TENANT, name, said, f"made-{name}", NOW, NOW, "mark")
    assert world.table.apply([subscribe(one)])[0].done
    return one


def succeeded(job_id: str = "0190", **changes: Any) -> Transition:
    return transitions.succeed(running(job_id, **changes), NOW, "{}")


def refused(*_: Any) -> Any:
    raise UnavailableError


def test_a_tenant_without_subscriptions_costs_one_read_in_five_seconds() -> None:
    """Every end of every job asks."""
    world, calls = World(), list[str]()
    news = news_of(world, Counted(world.table, calls))
    assert not any(news.wants(succeeded()) for _ in range(100))
    assert news.deliveries_for([with_pending_fan_out(succeeded()).job]) == []
    assert calls == ["query"]
    world.clock.advance(SUBSCRIPTIONS_AGE_MS / 1000)
    news.wants(succeeded())
    assert calls == ["query", "query"]


def test_what_is_no_news_reads_nothing() -> None:
    """A claim is no event, and a delivery's own end is none either: that would never end."""
    world, calls = World(), list[str]()
    news = news_of(world, Counted(world.table, calls))
    assert not news.wants(transitions.claim(a_job(), "f", NOW))
    assert not news.wants(succeeded(queue="notifications"))
    assert news.deliveries_for([succeeded(queue="notifications").job]) == []
    assert calls == []


def test_where_nobody_knows_the_job_owes() -> None:
    """What is owed is told later; what is not owed is lost."""
    world = World()
    store = Refusing(world.table, "query", refused)
    news = news_of(world, store)
    assert news.wants(succeeded())
    with pytest.raises(UnavailableError):
        news.deliveries_for([succeeded().job])
    store.on = False
    assert not news.wants(succeeded()), "that it did not answer is not remembered"


def test_each_who_wants_a_story_gets_it_once_however_often_it_is_told() -> None:
    """Whoever died after it was created tells it again."""
    world = World()
    subscribed(world, "all")
    subscribed(world, "dead", events=("dead",))
    subscribed(world, "named", applies="named")
    world.table.apply([disable(subscribed(world, "gone"), "why", NOW)])
    news = news_of(world)
    step = succeeded(notify="named")
    assert news.wants(step)
    job = with_pending_fan_out(step).job
    first, again = news.deliveries_for([job]), news.deliveries_for([job])
    assert [made.job.subscription for made in first] == ["all", "named"]
    assert [made.job.id for made in again] == [made.job.id for made in first]
    assert all(end.done for end in world.table.apply(first))
    assert not any(end.done for end in world.table.apply(again))


def test_a_failure_that_ends_a_job_is_two_stories_and_either_is_enough() -> None:
    """A subscription to attempts alone wants the last one, too."""
    world = World()
    subscribed(world, events=("attempt_failed",))
    job: Job = running()
    step = transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True)
    news = news_of(world)
    assert news.wants(step)
    [made] = news.deliveries_for([with_pending_fan_out(step).job])
    assert '"job.attempt_failed"' in str((made.first.changes if made.first else {}).get("text"))


def test_names_that_are_known_are_looked_up_once_and_none_are_not_looked_up_at_all() -> None:
    """Every submit asks; only a name that is not known is looked for again, it may have been made just now."""
    world, calls = World(), list[str]()
    news = news_of(world, Counted(world.table, calls))
    assert news.unknown(TENANT, []) == []
    assert calls == []
    subscribed(world)
    assert [news.unknown(TENANT, ["hook"]) for _ in range(3)] == [[], [], []]
    assert calls == ["query"]
    assert news.unknown(TENANT, ["hook", "typo"]) == ["typo"]
    assert calls == ["query", "query"]


def test_what_was_skipped_was_not_missed() -> None:
    """A schedule that its user has paused is no news."""
    world = World()
    subscribed(world, events=("schedule_missed",))
    news = news_of(world)
    skipped = replace(GAP, outcome=FireOutcome.SKIPPED)
    assert [len(missed_deliveries(news, SCHEDULE, gap)) for gap in (skipped, GAP)] == [0, 1]


def test_missed_fires_are_not_counted_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage each schedule has a gap, of a thousand fires perhaps."""
    counted: list[str] = []
    monkeypatch.setattr("whendue.schedules.events.missed_event", lambda schedule, gap: counted.append(schedule.name))
    assert missed_deliveries(news_of(World()), SCHEDULE, GAP) == []
    assert counted == []
