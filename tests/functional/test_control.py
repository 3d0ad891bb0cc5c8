"""Cancel, redrive, reschedule, reprioritise; the dead-letter queue and bulk redrive; lists; explain."""

from collections.abc import Callable

import pytest

from tests.faults import Refusing
from tests.world import TENANT, World
from whendue.engine.message import from_body, to_body
from whendue.engine.ports import Outgoing, ReceivedMessage
from whendue.errors import InvalidCursorError, InvalidRequestError, JobNotFoundError, StateConflictError
from whendue.jobs.model import Job, State
from whendue.jobs.transitions import claim
from whendue.operations.listing import JobFilter
from whendue.settings import QUEUES
from whendue.submission.request import JobRequest

ALL = JobFilter()
ONCE = {"max_attempts": 1}


def claimed(world: World, job: Job, fence: str = "other-worker") -> None:
    """Let another worker hold the job."""
    [end] = world.table.apply([claim(job, fence, world.clock.now_ms())])
    assert end.done


def test_a_cancel_before_the_claim_means_it_never_runs() -> None:
    """G9, whether its message is still on its way or not yet sent."""
    world = World()
    soon, later = world.submit(), world.submit(delay_s=1000)
    for job in (soon, later):
        assert world.app.control.cancel(TENANT, job.id).state is State.CANCELLED
        assert world.app.control.cancel(TENANT, job.id).state is State.CANCELLED
    world.pass_time(1200, step_s=10)
    assert world.ran == []


def test_a_cancelled_job_whose_worker_died_ends_cancelled_not_run_again() -> None:
    """G9: the acknowledged cancel outlives the worker."""
    world = World()
    world.tick()
    job = world.submit()
    world.queues.discard("normal")
    claimed(world, job)
    assert world.app.control.cancel(TENANT, job.id).cancel_requested
    world.pass_time(200)
    assert world.job(job).state is State.CANCELLED
    assert world.ran == []


def test_a_finished_job_cannot_be_cancelled_and_a_live_one_not_redriven() -> None:
    """A conflict is named, not swallowed."""
    world = World()
    job = world.submit()
    with pytest.raises(StateConflictError):
        world.app.control.redrive(TENANT, job.id)
    world.work()
    changes: list[Callable[[], object]] = [
        lambda: world.app.control.cancel(TENANT, job.id),
        lambda: world.app.control.redrive(TENANT, job.id),
        lambda: world.app.control.reschedule(TENANT, job.id, None, "high"),
    ]
    for change in changes:
        with pytest.raises(StateConflictError):
            change()


def test_another_tenants_job_is_like_no_job() -> None:
    """Tenants cannot even learn that an id exists."""
    world = World()
    job = world.submit()
    app = world.app
    for ask in (
        lambda: app.query.get("other", job.id),
        lambda: app.explainer.explain("other", job.id),
        lambda: app.control.cancel("other", job.id),
        lambda: app.control.redrive("other", job.id),
        lambda: app.control.reschedule("other", job.id, 1, None),
        lambda: app.query.get(TENANT, "no-such-job"),
    ):
        with pytest.raises(JobNotFoundError):
            ask()
    assert app.query.list("other", ALL, 10, None).jobs == []


def test_a_redriven_job_runs_again_with_all_its_attempts() -> None:
    """After the cause is mended, nothing but a redrive is needed; the old errors stay readable."""
    world = World()
    broken = Refusing(object(), "x", lambda: None)

    def task(payload: object, ctx: object) -> str:
        if broken.on:
            raise RuntimeError("still broken")
        return "mended"

    world.task("mend", task)
    job = world.submit("mend", {"text": "x" * 1000}, policy={"max_attempts": 2, "base_s": 1})
    world.pass_time(10)
    assert world.job(job).state is State.DEAD
    broken.on = False
    world.app.control.redrive(TENANT, job.id)
    world.work()
    view = world.view(job)
    assert (view.job.state, view.result, view.job.attempt) == (State.SUCCEEDED, "mended", 1)
    assert [one.message for one in view.attempts] == ["still broken"] * 2
    assert view.job.expires_at is not None


def test_reschedule_moves_a_job_both_ways() -> None:
    """The message of the old due time is stale and dropped; the new one runs on time."""
    world = World()
    sooner, later = world.submit(delay_s=5000), world.submit(delay_s=60)
    now_ms = world.clock.now_ms()
    world.app.control.reschedule(TENANT, sooner.id, now_ms + 30_000, None)
    world.app.control.reschedule(TENANT, later.id, now_ms + 400_000, None)
    world.pass_time(500)
    assert [round((world.runs(job)[0] - now_ms) / 1000) for job in (sooner, later)] == [30, 400]
    assert [len(world.runs(job)) for job in (sooner, later)] == [1, 1]
    with pytest.raises(InvalidRequestError):
        world.app.control.reschedule(TENANT, world.submit().id, 2**43, None)


def test_a_reprioritised_job_goes_through_its_new_queue() -> None:
    """PATCH priority is honoured also when the message was sent already."""
    world = World()
    job = world.submit(queue="low")
    world.app.control.reschedule(TENANT, job.id, None, "critical")
    world.work(queue="low")
    assert world.runs(job) == []
    world.work(queue="critical")
    assert len(world.runs(job)) == 1
    with pytest.raises(InvalidRequestError):
        world.app.control.reschedule(TENANT, job.id, None, "urgent")


def letter(job: Job) -> ReceivedMessage:
    return ReceivedMessage("1", "1", to_body(job), 1, "dead_letter")


def test_what_falls_into_the_dead_letter_queue_becomes_a_dead_job_with_its_cause() -> None:
    """The net under everything: a message that was never settled is not a mystery."""
    world = World(max_receive_count=2)
    job = world.submit()
    for _ in range(3):
        world.queues.receive("normal")
        world.clock.advance(400)
    letters = world.queues.receive("dead_letter")
    assert world.app.dead_letter.handle(letters).unsettled == []
    view = world.view(job)
    assert (view.job.state, view.attempts[-1].type) == (State.DEAD, "dead_letter")


def test_a_dead_letter_that_may_still_run_is_sent_again_or_left_to_who_runs_it() -> None:
    """Only what nobody will run dies."""
    world = World()
    early, run, gone = world.submit(delay_s=60), world.submit(), world.submit()
    world.queues.discard("normal")
    claimed(world, run)
    world.app.control.cancel(TENANT, gone.id)
    counts = world.app.dead_letter.handle([letter(early), letter(run), letter(gone)]).counts
    assert counts == {"sent_again": 1, "changed": 1, "stale": 1}
    assert [world.job(job).state for job in (early, run, gone)] == [State.PENDING, State.RUNNING, State.CANCELLED]
    world.pass_time(61)
    assert len(world.runs(early)) == 1


def test_the_dead_letter_of_a_job_that_is_gone_is_dropped() -> None:
    """TTL took it: there is nothing to end, and its neighbours' letters are heard."""
    world = World()
    job = world.submit()
    worked = world.app.dead_letter.handle([letter(World(seed=1).submit()), letter(job)])
    assert worked == ([], {"stale": 1, "dead": 1})
    assert world.job(job).state is State.DEAD


def test_a_dead_letter_of_an_old_due_time_ends_nothing() -> None:
    """The job was rescheduled since and has a message of its own: it runs."""
    world = World()
    job = world.submit()
    stale = letter(job)
    world.app.control.reschedule(TENANT, job.id, world.clock.now_ms(), "high")
    assert world.app.dead_letter.handle([stale]).counts == {"stale": 1}
    world.work(queue="high")
    assert len(world.runs(job)) == 1


def test_the_dead_letter_of_a_cancelled_job_whose_worker_died_ends_it_as_cancelled() -> None:
    """G9: who cancelled it learns that it was, and it is no dead job that somebody might redrive."""
    world = World()
    job = world.submit()
    claimed(world, job)
    assert world.app.control.cancel(TENANT, job.id).cancel_requested
    world.clock.advance(100)
    assert world.app.dead_letter.handle([letter(job)]).counts == {"cancelled": 1}
    assert world.job(job).state is State.CANCELLED


def test_an_unreadable_dead_letter_is_kept_for_people() -> None:
    """It may be the only trace of something."""
    world = World()
    worked = world.app.dead_letter.handle([ReceivedMessage("7", "7", "garbage", 1, "dead_letter")])
    assert worked.unsettled == ["7"]


def dead_jobs(world: World, count: int) -> list[Job]:
    jobs = [world.submit("bad", policy=ONCE) for _ in range(count)]
    world.task("worse", lambda payload, ctx: dict[str, str]()["missing"])
    jobs += [world.submit("worse", policy=ONCE) for _ in range(2)]
    world.work()
    return jobs


def test_dead_letters_are_grouped_by_what_went_wrong() -> None:
    """A thousand dead jobs are rarely a thousand problems."""
    world = World()
    dead_jobs(world, 5)
    groups = world.app.dead_letters.groups(TENANT, ALL, None)
    assert [(group.count, group.error_type) for group in groups.groups] == [(5, "RuntimeError"), (2, "KeyError")]
    assert groups.jobs == 7
    assert world.app.dead_letters.groups("other", ALL, None).groups == []


def test_a_bulk_redrive_has_filter_dry_run_limit_and_rate() -> None:
    """An operator looks first, then mends one kind of failure, at a pace that what was broken can bear."""
    world = World()
    jobs = dead_jobs(world, 5)
    letters = world.app.dead_letters
    wanted = JobFilter(type="bad")

    def redrive(*, dry_run: bool, limit: int = 100, rate_per_s: float | None = None, cursor: str | None = None):  # type: ignore[no-untyped-def]
        return letters.redrive(TENANT, wanted, dry_run=dry_run, rate_per_s=rate_per_s, limit=limit, cursor=cursor)

    assert redrive(dry_run=True).matched == 5
    assert all(world.job(job).state is State.DEAD for job in jobs)
    first = redrive(dry_run=False, limit=2, rate_per_s=0.1)
    assert len(first.redriven) == 2
    due = sorted(world.job(job).due_at for job in jobs if job.id in first.redriven)
    assert due[1] - due[0] == 10_000
    rest = redrive(dry_run=False, cursor=first.cursor)
    assert len(rest.redriven) == 3
    world.pass_time(20)
    assert [world.job(job).generation for job in jobs] == [2] * 5 + [1] * 2


def test_a_bulk_redrive_puts_each_job_into_its_own_queue_once() -> None:
    """Each keeps its priority, and no other queue hears of it (G11)."""
    world = World()
    for queue in ("high", "low", "low"):
        world.submit("bad", policy=ONCE, queue=queue)
    world.work()
    redriven = world.app.dead_letters.redrive(TENANT, ALL, dry_run=False, rate_per_s=None, limit=10, cursor=None)
    assert len(redriven.redriven) == 3
    assert {queue: world.queues.pending(queue) for queue in QUEUES} == {"critical": 0, "high": 1, "normal": 0, "low": 2}


def pages(world: World, wanted: JobFilter, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = world.app.query.list(TENANT, wanted, limit, cursor)
        found.append([job.id for job in page.jobs])
        if (cursor := page.cursor) is None:
            return found


def test_a_list_shows_each_job_once_across_pages_and_days() -> None:
    """Live jobs by next check, then finished ones, newest first."""
    world = World()
    finished = []
    for _ in range(3):
        finished += [world.submit() for _ in range(4)]
        world.work()
        world.clock.advance(86_400)
    waiting = [world.submit(delay_s=1000 + n) for n in range(5)]
    world.app.submit.many("other", [JobRequest("ok", {}) for _ in range(20)])
    for limit in (1, 3, 100):
        ids = [job_id for page in pages(world, ALL, limit) for job_id in page]
        assert len(ids) == len(set(ids)) == 17
        assert ids[:5] == [job.id for job in waiting]
        assert set(ids[5:9]) == {job.id for job in finished[8:]}
        assert set(ids[13:]) == {job.id for job in finished[:4]}


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (JobFilter(state="scheduled"), 1),
        (JobFilter(state="queued"), 2),
        (JobFilter(state="running"), 1),
        (JobFilter(state="dead"), 1),
        (JobFilter(state="succeeded"), 2),
        (JobFilter(state="cancelled"), 1),
        (JobFilter(type="bad"), 1),
        (JobFilter(queue="high"), 2),
        (JobFilter(state="queued", queue="high"), 1),
        (ALL, 8),
    ],
)
def test_lists_filter_by_state_type_and_priority(wanted: JobFilter, count: int) -> None:
    """Each shown state can be asked for."""
    world = World()
    world.submit(queue="high")
    world.submit()
    world.submit("bad", policy=ONCE)
    world.work()
    world.submit(delay_s=100)
    world.submit()
    world.submit(queue="high")
    claimed(world, world.submit())
    world.app.control.cancel(TENANT, world.submit(delay_s=9).id)
    assert sum(len(page) for page in pages(world, wanted, 2)) == count


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "W10", "bm90IGpzb24", "eyJhIjoxfQ", "é"])
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    """Also one that is someone else's, or of another filter."""
    world = World()
    for _ in range(3):
        world.submit()
    good = world.app.query.list(TENANT, ALL, 1, None).cursor
    assert good is not None
    for tenant, wanted, bad in (
        (TENANT, ALL, cursor or "?"),
        ("other", ALL, good),
        (TENANT, JobFilter(type="ok"), good),
    ):
        with pytest.raises(InvalidCursorError):
            world.app.query.list(tenant, wanted, 1, bad)


def test_a_job_past_its_retention_is_gone_even_before_dynamodb_sweeps_it() -> None:
    """TTL deletes within days; users should not see the difference."""
    world = World()
    job = world.submit()
    world.work()
    world.clock.advance(7 * 86_400 + 2)
    with pytest.raises(JobNotFoundError):
        world.view(job)
    assert world.app.query.list(TENANT, ALL, 10, None).jobs == []


def codes(world: World, job: Job) -> list[str]:
    return [reason.code for reason in world.app.explainer.explain(TENANT, job.id).reasons]


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
    [delivery, *_] = [one for one in world.queues.receive("normal") if from_body(one.body).id == due.id]
    claimed(world, from_body(delivery.body))
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
