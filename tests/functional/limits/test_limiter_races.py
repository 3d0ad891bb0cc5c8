"""What limits keep to when messages are late, jobs are gone, and somebody else is quicker."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest

from tests.builders.faults import Refusing
from tests.builders.limits import ONE, Metered, held_by_the_dead, items
from tests.builders.overlaps import running
from tests.builders.samples import a_job
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.jobs.limit_spec import Limit, Wait
from whendue.jobs.model import State
from whendue.limits.deferral import wait_of
from whendue.profiles.model import Profile
from whendue.quotas import LIMIT_RECHECK_S
from whendue.table.keys import Key
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write


@pytest.mark.parametrize(
    ("before", "what", "late"),
    [
        (None, "rate", 0),
        (Wait("rate", "k", 1, 0, 2), "rate", 3),
        (Wait("slot", "k", 1, 0), "rate", 0),
        (Wait("rate", "k", 1, 0, 2), "slot", 0),
        (Wait("slot", "k", 1, 0), "slot", 0),
    ],
)
def test_only_who_came_too_late_for_a_token_has_longer_for_the_next(
    before: Wait | None, what: Literal["slot", "rate"], late: int
) -> None:
    """Looks at a line are none: else a token would be good for hours after a long wait for a slot."""
    assert wait_of(a_job(waits_for=before), what, "k", 1).late == late


def test_the_message_of_a_limited_job_that_is_gone_is_let_go() -> None:
    """Retention may be over before a late message comes; its neighbour of the same key runs."""
    world = World()
    gone, kept = world.submit(limit=ONE), world.submit(limit=ONE)
    del world.table.rows[gone.key]
    [worked] = world.work()
    assert (worked.unsettled, worked.counts) == ([], {"refused": 1, "succeeded": 1})
    assert world.job(kept).state is State.SUCCEEDED


def test_a_skipped_fire_leaves_no_place_in_the_line() -> None:
    """Its message is done with, and nobody later is skipped for its sake."""
    world, _ = running("skip")
    world.clock.advance(10)
    [worked] = world.work()
    assert (worked.unsettled, worked.counts) == ([], {"skipped": 1})
    assert items(world, "waiter") == {}


def test_who_waits_on_costs_what_the_page_says() -> None:
    """docs/guide/limits.md: its place stands, and is not written again."""
    world = World()
    world.table = store = Metered()
    world.app = world.build()
    held_by_the_dead(world, lease_s=600)
    world.submit(limit=ONE)
    world.work()
    world.clock.advance(LIMIT_RECHECK_S)
    store.calls.clear()
    store.writes.clear()
    world.work()
    # Ask for pauses, read jobs; read the key, look again; defer.
    assert store.calls == {"get": 2, "query_range": 2, "apply": 1}
    assert store.writes == {"defer": 1}


def test_a_second_message_of_a_job_that_runs_changes_nothing() -> None:
    """No place in the line, and no token: its first one is being worked on."""
    world = World()
    held_by_the_dead(world, lease_s=600)
    before = world.table.items()
    world.clock.advance(400)
    [worked] = world.work()
    assert (worked.unsettled, worked.counts) == ([], {"refused": 1})
    assert world.table.items() == before


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_token_that_nobody_knows_of_keeps_the_message_and_gives_the_slot_back(concurrency: int | None) -> None:
    """It may or may not have been reserved."""
    world = World()
    job = world.submit(limit=Limit(concurrency, 1, "k"))
    real = world.table.apply

    def apply(writes: list[Write]) -> list[WriteResult]:
        unknown = any(write.name == "reserve" for write in writes)
        return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes) if unknown else real(writes)

    [message] = world.queues.receive("normal")
    app = world.build(store=Refusing(world.table, "apply", apply))
    worked = app.work.handle([message], world.clock.now_ms() + MINUTE_MS)
    assert (worked.unsettled, world.job(job).claims) == ([message.id], 0)
    assert items(world, "slot") == {}


@pytest.mark.parametrize("after", [None, Limit(rate_per_s=9)])
def test_a_slot_is_freed_if_its_key_has_none_any_more_when_its_job_ends(after: Limit | None) -> None:
    """Its profile was edited meanwhile."""
    world = World()

    def put(limit: Limit | None) -> None:
        world.app.profile_editor.put(TENANT, Profile("edited", limit=limit), Precondition())

    put(Limit(concurrency=1))
    world.task("editing", lambda payload, ctx: put(after))
    job = world.submit("editing", profile="edited")
    world.work()
    assert world.job(job).state is State.SUCCEEDED
    assert items(world, "slot") == {}


def limited(app: App, limit: Limit | None) -> None:
    app.profile_editor.put(TENANT, Profile("mine", {}, limit=limit), Precondition())


@pytest.mark.parametrize("before", [None, Limit(concurrency=3, key="old")], ids=["no limit", "another key"])
def test_a_worker_that_does_not_know_a_limit_yet_leaves_nobody_waiting_for_a_slot(before: Limit | None) -> None:
    """A job that was put off says that there is a limit: its slot is taken, and handed on."""
    world = World()
    limited(world.app, before)
    jobs = [world.submit(profile="mine") for _ in range(4)]
    old, new = world.build(), world.build()
    first, *others = world.queues.receive("normal")
    assert old.work.handle([first], world.clock.now_ms() + MINUTE_MS).counts == {"succeeded": 1}
    limited(new, Limit(concurrency=1))
    new.work.handle(others, world.clock.now_ms() + MINUTE_MS)
    began_ms = world.clock.now_ms()
    world.work(old)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    assert world.clock.now_ms() == began_ms


def test_a_limit_that_is_known_is_not_read_again_for_those_who_wait() -> None:
    """A profile is read once in five seconds, however long the line is."""
    world = World()
    limited(world.app, Limit(concurrency=1))
    jobs = [world.submit(profile="mine") for _ in range(5)]
    reads: list[Key] = []

    def noted(keys: Sequence[Key]) -> list[Item | None]:
        reads.extend(key for key in keys if key.pk.startswith("PROFILE#"))
        return world.table.get(keys)

    world.work(world.build(Refusing(world.table, "get", noted)))
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    assert len(reads) == 1


def test_a_job_of_a_profile_without_a_limit_starts_beside_a_limited_one() -> None:
    """That it has no limit is known only after its profile was read; its stored item is not."""
    world = World()
    limited(world.app, None)
    jobs = [world.submit(limit=ONE), world.submit(profile="mine")]
    [worked] = world.work()
    assert (worked.unsettled, worked.counts) == ([], {"succeeded": 2})
    assert [len(world.runs(job)) for job in jobs] == [1, 1]
    assert world.app.bulkhead.take() == {}


def test_a_limited_job_that_does_not_follow_its_profile_keeps_the_policy_it_was_accepted_under() -> None:
    """Its item is read anew for its limit; an edit of the profile changes nothing else of it."""
    world = World()
    profile = Profile("mine", {"max_attempts": 1}, limit=ONE)
    world.app.profile_editor.put(TENANT, profile, Precondition())
    job = world.submit("bad", profile="mine")
    world.app.profile_editor.put(TENANT, replace(profile, policy={"max_attempts": 5}), Precondition())
    world.work()
    assert world.job(job).state is State.DEAD
