"""What is told of which transition, and to whom."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.samples import LATER, NOW, STEPS, TIMING, a_job, an_error, running
from tests.builders.world import IDS, SECRET
from whendue.jobs import transitions
from whendue.jobs.model import State, evolve
from whendue.jobs.retry_policy import delay_ms
from whendue.jobs.transition import Transition, with_pending_fan_out
from whendue.notifications.delivery_job import POLICY, delivery_job
from whendue.notifications.events import EVENTS, NotificationEvent, event_names, events_from
from whendue.notifications.subscription import Subscription, Terms, from_item, to_item
from whendue.settings import NOTIFICATIONS, Settings

SETTINGS = Settings("table", "bucket", {}, "dead_letter", secret=SECRET)


def of_step(name: str) -> Transition:
    make, step = STEPS[name]
    return step(make())


EVENTS_OF = {
    "succeed": ("succeeded",),
    "fail": ("attempt_failed",),
    "fail for good": ("attempt_failed", "dead"),
    "finish_cancelled": ("cancelled",),
    "cancel": ("cancelled",),
    "mark_dead": ("dead",),
    "mark_dead while pending": ("dead",),
    "cancel_lost": ("cancelled",),
    "cancel for a cause": ("cancelled",),
    "skip": ("cancelled",),
    "skip of a job that has failed": ("cancelled",),
    "succeed with dependents": ("succeeded",),
    "fail with dependents": ("attempt_failed", "dead"),
    "cancel while waiting": ("cancelled",),
    "cancel_unsatisfied": ("cancelled",),
    "expire": ("expired",),
    "expire while waiting": ("expired",),
    "end_retries": ("dead",),
    "end_retries of a job without an error": ("dead",),
    "undo_redrive": ("dead",),
}


@pytest.mark.parametrize("name", STEPS)
def test_ends_and_failed_attempts_are_events_and_nothing_else_is(name: str) -> None:
    """A claim, a heartbeat or a retry that is not yet due happens to nobody but us."""
    step = of_step(name)
    assert event_names(step) == EVENTS_OF.get(name, ())
    assert event_names(replace(step, job=evolve(step.job, queue=NOTIFICATIONS))) == ()


@pytest.mark.parametrize("name", EVENTS_OF)
def test_a_pending_fan_out_has_the_events_of_its_transition(name: str) -> None:
    """`wants` looks at the transition, `told` at what is stored: they must not disagree."""
    step = with_pending_fan_out(of_step(name))
    assert {event.event for event in events_from(step.job)} == set(EVENTS_OF[name])
    assert events_from(evolve(step.job, queue=NOTIFICATIONS)) == []


def test_an_old_failure_is_not_an_event_of_a_later_end() -> None:
    """It was told when it happened."""
    job = transitions.fail(running(), an_error(running()), NOW, TIMING, draw=0.5).job
    claimed = transitions.claim(job, "fence", LATER).job
    ended = [transitions.succeed(claimed, LATER, None).job, transitions.finish_cancelled(claimed, LATER).job]
    assert [[event.event for event in events_from(end)] for end in ended] == [["succeeded"], ["cancelled"]]
    redriven = transitions.redrive(transitions.cancel(job, NOW).job, LATER, LATER, TIMING).job
    assert events_from(transitions.succeed(transitions.claim(redriven, "f", LATER).job, LATER, None).job)[0].about


def test_a_job_cancelled_while_a_failed_attempt_is_pending_has_both_events() -> None:
    """The cancel must not swallow the attempt."""
    job = with_pending_fan_out(transitions.fail(running(), an_error(running()), NOW, TIMING, draw=0.5)).job
    [before] = events_from(job)
    events = events_from(transitions.cancel(job, LATER).job)
    assert [event.event for event in events] == ["attempt_failed", "cancelled"]
    assert events[0].about == before.about


def a_subscription(**changes: Any) -> Subscription:
    terms = Terms("webhook", "{}", ("succeeded", "dead"))
    return replace(Subscription("acme", "hook", terms, "made", NOW, NOW, "mark", key="whsec_x"), **changes)


EVENT = NotificationEvent("succeeded", "0190 1", NOW, {}, "ok", "normal", "nightly", "hook other")


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [
        ({}, True),
        ({"events": ("dead",)}, False),
        ({"types": ("ok", "b")}, True),
        ({"types": ("b",)}, False),
        ({"queues": ("normal",)}, True),
        ({"queues": ("high",)}, False),
        ({"schedules": ("nightly",)}, True),
        ({"schedules": ("daily",)}, False),
        ({"types": ("ok",), "queues": ("high",)}, False),
        ({"applies": "named"}, True),
    ],
)
def test_a_subscription_wants_what_passes_all_its_filters(terms: dict[str, Any], wanted: bool) -> None:
    """An empty filter lets everything pass."""
    subscription = a_subscription()
    subscription = replace(subscription, terms=replace(subscription.terms, **terms))
    assert subscription.wants(EVENT) is wanted
    assert not replace(subscription, disabled_at=NOW).wants(EVENT)


def test_a_named_subscription_gets_only_events_of_jobs_that_name_it() -> None:
    """A part of its name is not its name, and a filter on what a story has not lets nothing pass."""
    named = a_subscription(terms=Terms("webhook", "{}", ("succeeded",), "named"))
    assert not named.wants(replace(EVENT, names="hooks webhook"))
    assert not named.wants(replace(EVENT, names=""))
    of_schedule = a_subscription(terms=Terms("webhook", "{}", ("succeeded",), schedules=("nightly",)))
    assert not of_schedule.wants(replace(EVENT, schedule=None))


def test_a_subscription_is_read_as_it_was_stored() -> None:
    """Also what is not set, and what a newer version may have added."""
    terms = Terms("email", '{"a":1}', ("dead",), "named", ("a", "b"), ("high",), ("s",))
    whole = a_subscription(
        terms=terms, old_key="k", old_until=1, failing_since=2, disabled_at=3, disabled_reason="it is gone"
    )
    for entry in (whole, a_subscription()):
        item = to_item(entry)
        assert None not in item.values(), "conditions ask whether a field is there"
        assert from_item("acme", item | {"pk": entry.store_key.pk, "sk": entry.store_key.sk, "newer": 1}) == entry


def test_a_delivery_is_the_same_for_the_same_happening_and_another_for_any_other() -> None:
    """The webhook-id is what receivers tell a repetition by; a subscription made anew is another one."""
    events = [EVENT, replace(EVENT, event="dead"), replace(EVENT, about="0190 2")]
    subscriptions = [a_subscription(), a_subscription(name="b"), a_subscription(made="again")]
    ids = [delivery_job(event, to, SETTINGS, IDS, NOW, "f").id for event in events for to in subscriptions]
    assert len(set(ids)) == 9
    repeated = delivery_job(replace(EVENT, at=LATER), a_subscription(version=7, key="k"), SETTINGS, IDS, LATER, "g")
    assert repeated.id == ids[0]
    assert repeated.queue == NOTIFICATIONS
    assert repeated.listed_under == "acme/hook"


def test_attempts_are_spread_over_a_day() -> None:
    """Longer than a receiver may fail before it is disabled, and never longer apart than six hours."""
    waits = [delay_ms(POLICY, failures, 0.0) / 1000 for failures in range(1, POLICY.max_attempts)]
    assert waits[:4] == [6, 30, 150, 750]
    assert 24 * 3600 < sum(waits) < 25 * 3600
    assert max(waits) == 6 * 3600


def test_a_payload_says_what_happened_and_holds_no_key() -> None:
    """Type, timestamp and data, as Standard Webhooks recommends."""
    job = transitions.succeed(running(schedule="s", nominal_at=NOW, node="n"), NOW, '{"sum":3}').job
    [event] = events_from(job)
    payload = event.payload()
    assert (payload["type"], payload["timestamp"]) == ("job.succeeded", "2027-01-15T08:00:00.000Z")
    assert payload["data"]["result"] == {"sum": 3}
    assert "error" not in payload["data"]
    assert payload["data"]["state"] == "succeeded"
    assert (payload["data"]["schedule"], payload["data"]["node"], payload["data"]["tags"]["team"]) == (
        "s",
        "n",
        "größer",
    )
    failed = events_from(transitions.fail(running(), an_error(running()), NOW, TIMING, draw=0.5, final=True).job)
    assert [event.payload()["type"] for event in failed] == ["job.attempt_failed", "job.dead"]
    assert failed[1].data["error"]["type"] == "RuntimeError"
    [retried] = events_from(transitions.fail(running(), an_error(running()), NOW, TIMING, draw=0.5).job)
    assert retried.data["state"] == "scheduled"
    assert set(EVENTS) >= {item.event for item in failed}
    assert events_from(a_job(state=State.RUNNING)) == []


def test_a_success_has_no_event_of_the_attempts_that_failed_before() -> None:
    """Each was told when it happened."""
    retried = transitions.fail(running(), an_error(running()), NOW, TIMING, draw=0.5).job
    [event] = events_from(transitions.succeed(transitions.claim(retried, "f", LATER).job, LATER, None).job)
    assert "error" not in event.data
    [died] = events_from(transitions.mark_dead(running(), "worker_lost", "it died", NOW).job)
    assert died.data["error"]["type"] == "worker_lost"


def test_an_event_of_a_job_that_names_no_subscription_has_no_names() -> None:
    """A named subscription looks for its name among them."""
    named = a_subscription(terms=Terms("webhook", "{}", ("succeeded",), "named"))
    [event] = events_from(of_step("succeed").job)
    assert event.names == ""
    assert not named.wants(event)
