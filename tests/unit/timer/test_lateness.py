"""What has been received tells late messages from lost ones."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.world import World
from whendue.jobs.model import Job, State
from whendue.jobs.rescue_policy import interval_ms
from whendue.quotas import OVERTAKEN_MS
from whendue.timer.lateness import Received, sent_at

MANY, FEW = "many", "few"


def a_job(tenant: str, due_at: int, state: State = State.PENDING, **more: Any) -> Job:
    return replace(World().submit(), tenant=tenant, due_at=due_at, scheduled_at=0, state=state, **more)


def received(*jobs: Job) -> Received:
    known = Received()
    for job in jobs:
        known.note(job)
    return known


def test_nothing_is_known_without_running_jobs() -> None:
    """Workers may all be away."""
    assert not received(a_job(MANY, 10**9)).is_past(a_job(MANY, 0))


@pytest.mark.parametrize("later_ms", [OVERTAKEN_MS, OVERTAKEN_MS + 1])
def test_a_message_is_lost_when_its_tenants_later_ones_were_received(later_ms: int) -> None:
    """Standard queues keep no strict order: a little later says nothing."""
    known = received(a_job(MANY, later_ms, State.RUNNING), a_job(FEW, 10**9, State.RUNNING))
    assert known.is_past(a_job(MANY, 0)) == (later_ms > OVERTAKEN_MS)


def test_a_tenant_with_few_messages_is_served_before_one_with_many() -> None:
    """Its message is not behind theirs; theirs may be behind its."""
    known = received(a_job(MANY, 10**6, State.RUNNING))
    assert known.is_past(a_job(FEW, 0))
    known.note(a_job(FEW, 10**9, State.RUNNING))
    assert not known.is_past(a_job(MANY, 10**7))


def test_a_message_that_was_sent_again_counts_from_then() -> None:
    """Or it would be sent again at each look."""
    again = a_job(MANY, 0, check_at=5_000_000, rescues=2)
    assert sent_at(again) == 5_000_000 - interval_ms(1)
    assert not received(a_job(MANY, 5_000_000 - interval_ms(1), State.RUNNING)).is_past(again)


def test_a_message_of_which_nothing_is_known_was_sent_long_ago() -> None:
    """A job that rescue has sent again has a next check; one that lacks it is no reason to wait."""
    assert sent_at(a_job(MANY, 0, rescues=1, check_at=None)) == -interval_ms(0)


def test_the_message_of_a_running_job_is_the_one_that_it_was_received_with() -> None:
    """Its next check is that of its lease: it says nothing of when a message was sent."""
    job = a_job(MANY, 1000, State.RUNNING, rescues=2, check_at=10**9)
    assert sent_at(job) == 1000
    assert sent_at(replace(job, state=State.PENDING)) == 10**9 - interval_ms(1)
