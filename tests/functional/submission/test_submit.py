"""Submit: durable once answered, the same for the same key, and each of many on its own."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import TENANT, World
from whendue.aws_quotas import WRITE_UNIT_BYTES
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import (
    IdempotencyConflictError,
    InvalidPayloadError,
    InvalidRequestError,
    PayloadTooLargeError,
    UnavailableError,
    UnknownProfileError,
    UnknownTaskError,
    WhendueError,
)
from whendue.jobs.lifetime import payload_item
from whendue.jobs.model import State, item_bytes
from whendue.profiles.model import Profile
from whendue.quotas import HORIZON_S
from whendue.submission.request import JobRequest
from whendue.submission.submit import Submitted
from whendue.table.keys import MIGRATION_KEY
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write


def test_a_single_submit_is_one_write_and_one_send() -> None:
    """Two calls for a job that is due, one for a job that is not: that is what it costs."""
    calls: list[str] = []
    world = World()
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    app.submit.one(TENANT, JobRequest("ok", {}))
    app.submit.one(TENANT, JobRequest("ok", {}, delay_s=3600))
    assert calls == ["apply", "send", "apply"]


def test_the_same_key_is_the_same_job_and_is_sent_once() -> None:
    """G2: a client may repeat its request until it gets an answer."""
    world = World()
    first = world.app.submit.one(TENANT, JobRequest("ok", {"n": 1}, idempotency_key="k"))
    world.clock.advance(10)
    second = world.app.submit.one(TENANT, JobRequest("ok", {"n": 1}, idempotency_key="k"))
    assert (first.created, second.created) == (True, False)
    assert second.job == first.job
    assert world.queues.pending("normal") == 1
    other = world.app.submit.one("other", JobRequest("ok", {"n": 1}, idempotency_key="k"))
    assert other.created
    with pytest.raises(IdempotencyConflictError):
        world.app.submit.one(TENANT, JobRequest("ok", {"n": 2}, idempotency_key="k"))


def test_a_repeated_request_is_its_job_also_when_it_would_be_refused_by_now() -> None:
    """G2: a client whose reply was lost repeats its request, whatever was deleted meanwhile."""
    world = World()
    world.app.profile_editor.put(TENANT, Profile("mine", {}), Precondition())
    wanted = JobRequest("ok", {"n": 1}, profile="mine", idempotency_key="k")
    first = world.app.submit.one(TENANT, wanted)
    world.app.profile_editor.delete(TENANT, "mine", Precondition())
    assert world.app.submit.one(TENANT, wanted) == Submitted(first.job, created=False)
    others = [replace(wanted, payload={"n": 2}), replace(wanted, idempotency_key="l")]
    results = world.app.submit.many(TENANT, [*others, wanted])
    assert [type(end) for end in results] == [UnknownProfileError, UnknownProfileError, Submitted]


def test_a_key_is_free_again_once_its_job_is_not_kept_any_more() -> None:
    """G2 holds while the job is kept; DynamoDB's TTL deletes days later, and an answer with a dead id helps nobody."""
    world = World()
    wanted = JobRequest("ok", {"n": "x" * 500}, idempotency_key="k", policy={"retention_s": 60})
    first = world.app.submit.one(TENANT, wanted).job
    world.work()
    done = world.job(first)
    world.clock.advance(60)
    assert world.app.submit.one(TENANT, wanted) == Submitted(done, created=False)
    world.clock.advance(2)
    again = world.app.submit.one(TENANT, wanted)
    assert (again.created, again.job.id, world.job(again.job).state) == (True, first.id, State.PENDING)
    world.work()
    assert world.view(first).result == {"n": "x" * 500, "attempt": 1}
    assert len(world.runs(first)) == 2
    world.clock.advance(62)
    other = world.app.submit.one(TENANT, replace(wanted, payload={"n": 2}))
    assert (other.created, world.view(other.job).payload) == (True, {"n": 2})


def test_the_payload_of_a_key_that_was_used_before_lasts_as_long_as_the_new_job() -> None:
    """The item of the first time goes with the first job; the new job's own stays while its queue is paused."""
    world = World()
    wanted = JobRequest("ok", {"n": "x" * 500}, idempotency_key="k", policy={"retention_s": 60})
    world.app.submit.one(TENANT, wanted)
    world.work()
    world.clock.advance(50 * 86_400)
    world.app.pauses.pause_queue("normal", "why", "ops", None)
    again = world.app.submit.one(TENANT, wanted)
    for _ in range(100):
        world.clock.advance(86_400)
        world.tick()
    [kept] = [key for key in world.table.items() if key.sk.startswith("payload")]
    assert (again.created, kept) == (True, payload_item(again.job))
    world.app.pauses.resume_queue("normal")
    world.tick()
    world.work()
    assert world.job(again.job).state is State.SUCCEEDED
    assert world.view(again.job).payload == {"n": "x" * 500}


def test_who_is_refused_is_not_given_a_job_that_is_not_kept_any_more() -> None:
    """A task that is gone makes no job; the one of an earlier time is no answer."""
    world = World()
    world.task("going", lambda payload, ctx: None)
    wanted = JobRequest("going", {}, idempotency_key="k", policy={"retention_s": 60})
    world.app.submit.one(TENANT, wanted)
    world.work()
    world.registry.remove("going")
    assert isinstance(world.app.submit.many(TENANT, [wanted])[0], Submitted)
    world.clock.advance(62)
    assert isinstance(world.app.submit.many(TENANT, [wanted])[0], UnknownTaskError)


def test_of_many_that_find_a_key_free_again_one_makes_the_job() -> None:
    """Whoever deletes the old one deletes that one, and none that came after it."""
    world = World()
    wanted = JobRequest("ok", {}, idempotency_key="k", policy={"retention_s": 60})
    world.submit(idempotency_key="k", policy={"retention_s": 60})
    world.work()
    world.clock.advance(62)
    other = world.build()

    def meanwhile(writes: Sequence[Write]) -> list[WriteResult]:
        if writes and writes[0].name == "forget":
            late.on = False
            assert other.submit.one(TENANT, wanted).created
        return world.table.apply(writes)

    late = Refusing(world.table, "apply", meanwhile)
    assert not world.build(late).submit.one(TENANT, wanted).created
    world.work()
    assert len(world.ran) == 2


def test_whether_a_refused_request_was_taken_before_is_never_guessed() -> None:
    """An answer that the table does not give is none."""
    world = World()

    def unavailable(keys: object) -> object:
        raise UnavailableError

    app = world.build(Refusing(world.table, "get", unavailable))
    gone = JobRequest("gone", {}, idempotency_key="k")
    results = app.submit.many(TENANT, [gone, replace(gone, idempotency_key=None), JobRequest("ok", {})])
    assert [type(end) for end in results] == [UnavailableError, UnknownTaskError, Submitted]


def test_many_threads_with_one_key_make_one_job() -> None:
    """G2 under a client that retries in parallel."""
    world = World()
    results: list[Submitted] = []
    request = JobRequest("ok", {}, idempotency_key="k")
    threads = [
        threading.Thread(target=lambda: results.append(world.app.submit.one(TENANT, request))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(end.created for end in results) == 1
    assert len({end.job.id for end in results}) == 1


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (JobRequest("nobody", {}), UnknownTaskError),
        (JobRequest("ok", {}, profile="nobody"), UnknownProfileError),
        (JobRequest("ok", "text"), InvalidPayloadError),
        (JobRequest("ok", {}, queue="urgent"), InvalidRequestError),
        (JobRequest("ok", {}, delay_s=HORIZON_S + 1), InvalidRequestError),
        (JobRequest("ok", {"text": "x" * (1024 * 1024)}), PayloadTooLargeError),
    ],
)
def test_what_cannot_run_is_refused_at_submit(request_: JobRequest, error: type[WhendueError]) -> None:
    """A mistake is told to the one who made it, not found in a dead letter later."""
    world = World()
    with pytest.raises(error):
        world.app.submit.one(TENANT, request_)
    assert world.table.items().keys() == {MIGRATION_KEY}


def test_one_bad_request_among_many_refuses_only_itself() -> None:
    """A bulk submit has an outcome per item, in order."""
    world = World()
    requests = [JobRequest("ok", {"n": n}) for n in range(60)]
    requests[7] = JobRequest("nobody", {})
    requests[8] = JobRequest("ok", {"n": 1}, idempotency_key="k")
    requests[9] = JobRequest("ok", {"n": 1}, idempotency_key="k")
    requests[10] = JobRequest("ok", {"n": 2}, idempotency_key="k")
    results = world.app.submit.many(TENANT, requests)
    assert isinstance(results[7], UnknownTaskError)
    assert isinstance(results[10], IdempotencyConflictError)
    assert isinstance(results[8], Submitted)
    assert isinstance(results[9], Submitted)
    assert (results[8].created, results[9].created) == (True, False)
    assert results[8].job.id == results[9].job.id
    world.work()
    good = [end.job for end in results if isinstance(end, Submitted)]
    assert all(world.job(job).state is State.SUCCEEDED for job in good)
    assert len({job.id for job in good}) == 57


def test_an_unanswered_write_is_an_error_not_a_job() -> None:
    """G1: a 2xx means durable; anything less is said."""
    world = World()
    deaf = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes))
    with pytest.raises(UnavailableError):
        world.build(store=deaf).submit.one(TENANT, JobRequest("ok", {}))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("size", [10, 5_000, 300_000])
def test_a_submit_killed_at_any_call_can_be_repeated_and_runs_once(size: int, after: bool) -> None:
    """The client got no answer, asks again with its key, and the job runs exactly once."""
    deaths = 0
    while True:
        calls: list[str] = []
        world = World()
        world.tick()
        request = JobRequest("ok", {"text": "x" * size}, idempotency_key="k")
        ports = (Counted(port, calls, deaths, after=after) for port in (world.table, world.queues))
        try:
            world.build(*ports).submit.one(TENANT, request)
        except KilledError:
            deaths += 1
        else:
            break
        job = world.app.submit.one(TENANT, request).job
        world.pass_time(200)
        assert len(world.runs(job)) == 1
        assert world.view(job).payload == {"text": "x" * size}
    assert deaths >= 2


@pytest.mark.parametrize("size", [0, 100, 300, 390, 500])
def test_a_usual_job_stays_within_one_write_unit_all_its_life(size: int) -> None:
    """A claim costs one unit only while the hot item is under 1 KB."""
    world = World()
    job = world.submit("ok", {"text": "x" * size})
    hot = [item_bytes(world.table.items()[job.key])]
    world.work()
    hot.append(item_bytes(world.table.items()[job.key]))
    assert max(hot) <= WRITE_UNIT_BYTES
