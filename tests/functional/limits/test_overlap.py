"""Overlap policies: what a fire does while an earlier job of its schedule runs."""

from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.overlaps import EVERY_10_S, RAN, RUNS, SKIPPED, WAITS, fire, fires, outcomes, running
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.engine.ports import WriteResult as Ended
from whendue.engine.ports import WriteStatus
from whendue.jobs.model import State
from whendue.schedules.fires import FireOutcome
from whendue.schedules.model import Definition, Overlap
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key
from whendue.table.writes import Write


def test_skip_runs_none_beside_one_that_runs() -> None:
    """The fire history says why, and so does the job."""
    world, _ = running("skip")
    fire(world, 2)
    assert outcomes(world) == [RUNS, SKIPPED, SKIPPED]
    job = fires(world)[1].job
    assert job
    assert job.last
    assert (job.last.type, job.claims) == ("overlap", 0)


def test_skip_runs_those_that_come_after_it_has_ended() -> None:
    """One at a time is no limit where nothing overlaps."""
    world = World()
    world.app.schedules.put(TENANT, "s", Definition(EVERY_10_S, JobRequest("ok", {}), overlap="skip"))
    fire(world, 3)
    assert outcomes(world) == [RAN, RAN, RAN]


def test_buffer_one_lets_one_wait() -> None:
    """It runs when the one before it has ended; those that come meanwhile are skipped."""
    world, first = running("buffer_one", lease_s=35)
    fire(world, 3)
    assert outcomes(world) == [RUNS, WAITS, SKIPPED, SKIPPED]
    world.pass_time(200)
    assert outcomes(world)[:2] == [RAN, RAN]
    assert world.job(first).lost == 1


def test_buffer_one_lets_one_wait_in_place_of_one_that_has_expired() -> None:
    """Also where its end cannot be written yet: neither of the two would run."""
    world, _ = running("buffer_one", expires_s=9)
    fire(world)

    def apply(writes: list[Write]) -> list[Ended]:
        unknown = any(write.name == "expire" for write in writes)
        return [Ended(WriteStatus.UNAVAILABLE) for _ in writes] if unknown else world.table.apply(writes)

    world.clock.advance(10)
    world.work(world.build(store=Refusing(world.table, "apply", apply)))
    assert outcomes(world) == [RUNS, WAITS, WAITS]


def test_buffer_one_does_not_skip_a_job_for_the_place_that_it_had_itself() -> None:
    """Whoever reschedules the one that waits does not lose it."""
    world, _ = running("buffer_one")
    fire(world)
    waits = fires(world)[1].job
    assert waits
    world.app.control.reschedule(TENANT, waits.id, world.clock.now_ms() + 5000, None)
    world.clock.advance(6)
    world.work()
    assert outcomes(world) == [RUNS, WAITS]


def test_cancel_running_stops_what_runs_and_what_waits() -> None:
    """The newest fire is the one that counts."""
    world, first = running("cancel_running")
    fire(world, 3)
    assert world.job(first).cancel_requested
    assert outcomes(world) == [RUNS, SKIPPED, SKIPPED, WAITS]


def test_cancel_running_passes_over_a_job_that_is_gone() -> None:
    """Its slot stands until its lease ends; what waits behind it is stopped all the same."""
    world, first = running("cancel_running")
    fire(world)
    del world.table.rows[first.key]
    fire(world, 2)
    assert outcomes(world)[1:] == [SKIPPED, SKIPPED, WAITS]
    assert world.app.bulkhead.take() == {}


def test_cancel_running_leaves_a_newer_one_alone() -> None:
    """A message that comes late is that of an older fire: it is skipped."""
    world = World()
    template = JobRequest("ok", {}, policy={"lease_s": 600})
    world.app.schedules.put(TENANT, "s", Definition(EVERY_10_S, template, overlap="cancel_running"))
    world.clock.advance(20)
    late, early = world.queues.receive("normal")[:2][::-1], MINUTE_MS
    with pytest.raises(KilledError):
        world.build(store=Counted(world.table, [], 4, after=True)).work.handle(late[:1], world.clock.now_ms() + early)
    world.app.work.handle(late[1:], world.clock.now_ms() + early)
    assert outcomes(world) == [SKIPPED, RUNS]
    newer = fires(world)[1].job
    assert newer
    assert not newer.cancel_requested


def test_a_fire_that_was_given_another_job_is_not_skipped_for_its_first_one() -> None:
    """A backfill made it run: a message of the job before it changes nothing."""
    world, _ = running("skip")
    world.clock.advance(10)
    with pytest.raises(KilledError):
        world.work(world.build(store=Refusing(world.table, "apply", _dying(world, "skip_fire"))))
    nominal = fires(world)[1].fire.nominal
    world.app.backfills.begin(TENANT, "s", nominal, nominal, None, force=True)
    world.clock.advance(400)
    world.work()
    assert outcomes(world)[1] == (FireOutcome.CAUGHT_UP, None, State.SUCCEEDED)


def test_allow_lets_them_overlap() -> None:
    """It is what a schedule does that says nothing."""
    world = World()
    world.app.schedules.put(TENANT, "s", Definition(EVERY_10_S, JobRequest("ok", {})))
    fire(world)
    [view] = fires(world)
    assert view.job
    assert view.job.overlap is None


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_while_skipping_leaves_a_history_that_is_right(after: bool) -> None:
    """The job has ended, the entry says so at once to who asks, and for good once its message comes again."""
    world, _ = running("skip")
    world.clock.advance(10)
    with pytest.raises(KilledError):
        world.work(world.build(store=Refusing(world.table, "apply", _dying(world, "skip_fire", after=after))))
    assert outcomes(world) == [RUNS, SKIPPED]
    world.clock.advance(400)
    assert [worked.unsettled for worked in world.work()] == [[]] * 2
    second = fires(world)[1]
    assert second.job
    kept = [item for key, item in world.table.items().items() if item.get("job") == second.job.id]
    assert [item["outcome"] for item in kept] == ["skipped"]


def test_a_skipped_job_that_is_redriven_runs() -> None:
    """Whoever asks for it wants it to run."""
    world, _ = running("skip")
    fire(world)
    skipped = fires(world)[1].job
    assert skipped
    world.app.control.redrive(TENANT, skipped.id)
    world.work()
    assert world.job(skipped).state is State.SUCCEEDED


def test_a_skipped_job_that_is_redriven_before_the_history_knew_has_run() -> None:
    """Its maker died between the two writes; the fire history shows what became of it in the end."""
    world, _ = running("skip")
    world.clock.advance(10)
    with pytest.raises(KilledError):
        world.work(world.build(store=Refusing(world.table, "apply", _dying(world, "skip_fire"))))
    skipped = fires(world)[1].job
    assert skipped
    world.app.control.redrive(TENANT, skipped.id)
    world.clock.advance(400)
    world.work()
    assert outcomes(world)[1] == RAN


def test_a_fire_whose_job_failed_and_was_cancelled_is_not_shown_as_skipped() -> None:
    """It had run."""
    world = World()
    template = JobRequest("bad", {}, policy={"base_s": 300, "jitter": "none"})
    world.app.schedules.put(TENANT, "s", Definition(EVERY_10_S, template, overlap="skip"))
    fire(world)
    failed = fires(world)[0].job
    assert failed
    world.app.control.cancel(TENANT, failed.id)
    assert outcomes(world) == [(FireOutcome.RAN, None, State.CANCELLED)]


def test_a_fire_that_is_cancelled_while_it_waits_had_been_made() -> None:
    """Nobody skipped it."""
    world, _ = running("buffer_one")
    fire(world)
    waits = fires(world)[1].job
    assert waits
    world.app.control.cancel(TENANT, waits.id)
    assert outcomes(world) == [RUNS, (FireOutcome.RAN, None, State.CANCELLED)]


@pytest.mark.parametrize("overlap", ["skip", "cancel_running"])
def test_a_retry_waits_where_a_first_attempt_is_skipped(overlap: Overlap) -> None:
    """What has begun once is not given up because a later fire was quicker."""
    world = World()
    world.task("bad_once", _bad_once)
    template = JobRequest("bad_once", {}, policy={"base_s": 15, "jitter": "none", "lease_s": 600})
    world.app.schedules.put(TENANT, "s", Definition(EVERY_10_S, template, overlap=overlap))
    fire(world)
    first = fires(world)[0].job
    assert first
    # The next fire's worker dies while it runs; the retry comes meanwhile.
    world.clock.advance(10)
    with pytest.raises(KilledError):
        world.build(store=Counted(world.table, [], 4, after=True)).work.handle(
            world.queues.receive("normal"), world.clock.now_ms() + MINUTE_MS
        )
    world.clock.advance(6)
    world.work()
    waits = world.job(first)
    assert (waits.state, waits.failures) == (State.PENDING, 1)
    assert waits.waits_for is not None
    fire(world)
    assert world.job(first).state is State.PENDING


def test_a_message_of_a_job_that_is_gone_publishes_nothing() -> None:
    """Retention may be over before a late message comes."""
    world, _ = running("skip")
    fire(world)
    skipped = fires(world)[1].job
    assert skipped
    del world.table.rows[job_key(skipped.id)]
    assert outcomes(world)[1] == (FireOutcome.SKIPPED, "overlap", None)


def _bad_once(payload: Any, ctx: Any) -> None:
    if ctx.attempt == 1:
        raise RuntimeError("bad")


def _dying(world: World, name: str, *, after: bool = False) -> Any:
    """Return an `apply` whose process dies at a write of this name, before or after its effect."""
    real = world.table.apply

    def apply(writes: list[Write]) -> list[Ended]:
        if not any(write.name == name for write in writes):
            return real(writes)
        if after:
            real(writes)
        raise KilledError

    return apply
