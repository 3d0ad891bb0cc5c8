"""whendue.client.flows.waiting: until a job has ended, at growing intervals, and not for ever."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client as Api
from tests.builders.world import World
from tests.functional.client.servers import an_api, answer, both, misbehaving
from whendue.client import BulkOperation, Job, NewJob, WaitTimeoutError
from whendue.client.actions import ReadClock, Sleep
from whendue.client.flows.waiting import wait_for_job
from whendue.client.json_values import camel, from_json
from whendue.client.models.jobs import JobWithTimeline
from whendue.support.clock import ManualClock

BACKFILL = {
    "id": "b",
    "schedule": "s",
    "state": "running",
    "from": None,
    "to": None,
    "limit": 1,
    "force": False,
    "reached": None,
    "createdJobs": 0,
    "skippedFires": 0,
}


def test_a_job_that_fails_ends_the_wait_as_well() -> None:
    """It is returned; whether dead is an error is for the caller to say."""
    world = World()
    with an_api(world) as (client, _):
        job = client.submit_job(NewJob("bad", delay_seconds=100, max_attempts=2))
        ended = client.wait_for_job(job.id)
    assert (ended.state, ended.error is not None, len(ended.attempts)) == ("dead", True, 2)


def test_the_wait_ends_in_time_and_shows_what_was_read_last() -> None:
    """The job goes on."""
    world = World()
    with an_api(world) as (client, _):
        job = client.submit_job(NewJob("ok", delay_seconds=1000))
        began_ms = world.clock.now_ms()
        with pytest.raises(WaitTimeoutError) as caught:
            client.wait_for_job(job.id, timeout_s=100)
    assert isinstance(caught.value.last, Job)
    assert caught.value.last.state == "scheduled"
    assert isinstance(caught.value, TimeoutError)
    assert "?" not in str(caught.value)
    # Each request takes a second of the world.
    assert 100 <= (world.clock.now_ms() - began_ms) / 1000 <= 103


class Running:
    """A job that has not ended."""

    ended = False

    def __init__(self, retry_after_seconds: int | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds


def driven(
    timeout_s: float, *, takes: Callable[[int], float], retry_after_s: int | None = None
) -> tuple[list[int], list[float]]:
    """Drive a wait; return for how long each request may wait, and how long the client sleeps between them, seconds.

    Args:
        timeout_s: of the wait.
        takes: how long a request takes that may wait so long, seconds.
        retry_after_s: what each answer asks for, seconds.
    """
    manual, asked, slept = ManualClock(), [], []

    def carried_out(action: Any) -> Any:
        if isinstance(action, ReadClock):
            return manual.as_clock()
        if isinstance(action, Sleep):
            slept.append(action.seconds)
            return manual.advance(action.seconds)
        asked.append(action.wait_s)
        manual.advance(takes(action.wait_s))
        return Running(retry_after_s)

    flow: Any = wait_for_job("a", timeout_s=timeout_s)
    action = next(flow)
    with suppress(WaitTimeoutError):
        while True:
            action = flow.send(carried_out(action))
    return asked, slept


def test_the_request_waits_instead_of_the_client() -> None:
    """No longer than the API allows, nor than is left."""
    asked, slept = driven(45.0, takes=float)
    assert asked[:3] == [20, 20, 5]
    assert sum(slept) < 1


def test_a_request_that_did_not_wait_is_sent_again_after_an_interval() -> None:
    """If too many wait already, or in direct mode: as if the API had no such parameter."""
    asked, slept = driven(300.0, takes=lambda _: 0.01)
    assert slept[0] >= 0.2
    assert 1.5 < max(slept) <= 2, "a result comes soon after the end"
    assert 150 < len(asked) < 310, "no more than one a second"


def test_an_answer_that_could_not_wait_says_when_to_ask_again() -> None:
    """Not earlier, from the first one on, nor all clients together; and the wait ends in time."""
    asked, slept = driven(300.0, takes=lambda _: 0.01, retry_after_s=6)
    assert all(6 <= seconds <= 12 for seconds in slept[:-1])
    assert len(set(slept)) > 10
    assert 25 <= len(asked) <= 51
    assert sum(slept) <= 300


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "2"}, 2), ({}, None), ({"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}, None)],
)
def test_when_to_ask_again_is_read_with_the_job(headers: dict[str, str], seconds: int | None) -> None:
    """A date is none that this API sends."""
    world = World()
    shown = Api(api_of(world), a_token()).send("GET", f"/jobs/{world.submit('ok').id}").json
    assert from_json(JobWithTimeline, shown, headers).retry_after_seconds == seconds


def test_the_intervals_grow_to_a_bound() -> None:
    """A quarter of an hour of waiting is some hundred requests at most; and the last interval ends with the time."""
    with misbehaving(answer(200, BACKFILL)) as web:
        for _, slept, error in both(web, lambda client: client.wait_for_backfill("s", "b", timeout_s=900)):
            assert isinstance(error, WaitTimeoutError)
            bounds = [min(15, 0.5 * 1.5**number) for number in range(len(slept.seconds))]
            assert all(bound / 2 <= wait <= bound for wait, bound in zip(slept.seconds[:-1], bounds, strict=False))
            assert sum(slept.seconds) == pytest.approx(900, abs=0.1)
            assert len(web.seen) == len(slept.seconds) + 1 < 150


def test_an_operation_is_waited_for_until_it_does_not_run() -> None:
    """A cancelled one has ended as well."""
    counts = {"total": 1, "matched": 1, "changed": 1, "unchanged": 0, "failed": 0}
    names = [field.name for field in fields(BulkOperation)]
    body = dict.fromkeys(camel(name) for name in names) | {"counts": counts, "failures": [], "examples": []}
    body |= {"action": "cancel", "by": "ada", "exact": True, "dryRun": False}
    for state in ("finished", "cancelled"):
        answers = answer(200, body | {"state": "running"}), answer(200, body | {"state": state})
        with misbehaving(*answers, *answers) as web:
            for _, slept, operation in both(web, lambda client: client.wait_for_operation("o")):
                assert (operation.state, len(slept.seconds)) == (state, 1)


def test_something_is_read_at_least_once() -> None:
    """A timeout of 0 asks whether it has ended."""
    with misbehaving(answer(200, BACKFILL | {"state": "finished"})) as web:
        for _, slept, backfill in both(web, lambda client: client.wait_for_backfill("s", "b", timeout_s=0)):
            assert (backfill.state, slept.seconds, len(web.seen)) == ("finished", [], 1)
