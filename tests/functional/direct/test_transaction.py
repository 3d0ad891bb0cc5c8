"""whendue.direct.transaction: a job in a user's own transaction exists with it, and runs once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders.faults import Counted, KilledError
from tests.builders.world import TENANT, World
from tests.functional.direct.deployed import Deployed, in_memory, key_of, on_moto
from whendue.client import (
    Client,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NewJob,
    NewProfile,
    NotFoundError,
    UnavailableError,
)
from whendue.client.retry_policy import RetryPolicy
from whendue.direct import DirectClient, TransactItems
from whendue.direct.transaction import PlanningApp
from whendue.errors import UnavailableError as Unavailable
from whendue.errors import UnstorableError
from whendue.jobs.model import State
from whendue.submission.request import JobRequest

pytestmark = pytest.mark.sampled(2)

# Ten seconds until the check, a minute until the tick, and a second of the worker.
LATE_MS = 71_000


@pytest.fixture(params=[in_memory, on_moto], ids=["memory", "moto"])
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployed]:
    with request.param(tmp_path) as it:
        it.world.tick()
        yield it


@pytest.fixture
def memory() -> Iterator[Deployed]:
    with in_memory(None) as it:
        it.world.tick()
        yield it


def runs(world: World, planned: TransactItems) -> list[int]:
    return [at for job_id, _, at in world.ran if job_id == planned.job.id]


def refused(deployed: Deployed, items: list[dict[str, Any]]) -> ClientError:
    with pytest.raises(ClientError) as failed:
        deployed.transact(items)
    assert failed.value.response["Error"]["Code"] == "TransactionCanceledException"
    return failed.value


def test_a_job_of_a_committed_transaction_runs_once(deployed: Deployed) -> None:
    """Nobody sends its message: its own next check is found by the timer."""
    world, client = deployed.world, deployed.client
    planned = client.transaction_items(NewJob("ok", {"n": 7}))
    with pytest.raises(NotFoundError):
        client.get_job(planned.job.id)
    deployed.transact([deployed.order(), *planned.items])
    assert client.get_job(planned.job.id).state == "queued"
    assert world.queues.pending("normal") == 0
    world.pass_time(300)
    [at] = runs(world, planned)
    assert 0 <= at - planned.planned.due_at <= LATE_MS
    ended = client.get_job(planned.job.id)
    assert (ended.state, ended.result) == ("succeeded", {"n": 7, "attempt": 1})


def test_a_transaction_that_is_not_committed_leaves_nothing(deployed: Deployed) -> None:
    """Neither the job nor its payload."""
    world, client = deployed.world, deployed.client
    deployed.transact([deployed.order()])
    planned = client.transaction_items(NewJob("ok", {"n": "x" * 2000}))
    error = refused(deployed, [deployed.order(), *planned.items])
    assert not planned.is_taken(error)
    found = world.app.runtime.store.get([key_of(item["Put"]) for item in planned.items])
    assert found == [None, None]
    with pytest.raises(NotFoundError):
        client.get_job(planned.job.id)
    world.pass_time(300)
    assert world.ran == []
    assert list(client.list_jobs()) == []


def test_a_key_that_was_used_refuses_the_transaction(deployed: Deployed) -> None:
    """As a whole, so the order is not taken twice either; the job that has the key has the same id."""
    world, client = deployed.world, deployed.client
    first = client.transaction_items(NewJob("ok", {"n": 1}), idempotency_key="order-7")
    again = client.transaction_items(NewJob("ok", {"n": 1}), idempotency_key="order-7")
    deployed.transact(first.items)
    error = refused(deployed, [deployed.order(), *again.items])
    assert again.is_taken(error)
    assert again.job.id == first.job.id
    assert not client.transaction_items(NewJob("ok"), idempotency_key="other").is_taken(error)
    assert client.get_job(again.job.id).payload == {"n": 1}
    assert client.submit_job(NewJob("ok", {"n": 1}), idempotency_key="order-7").replayed
    with pytest.raises(ConflictError):
        client.submit_job(NewJob("ok", {"n": 2}), idempotency_key="order-7")
    world.pass_time(300)
    assert len(runs(world, first)) == 1


def test_a_key_that_a_submit_has_used_refuses_the_transaction(deployed: Deployed) -> None:
    """A key is one job, however it is submitted."""
    client = deployed.client
    job = client.submit_job(NewJob("ok"), idempotency_key="order-7")
    planned = client.transaction_items(NewJob("ok"), idempotency_key="order-7")
    assert planned.is_taken(refused(deployed, planned.items))
    assert planned.job.id == job.id


def test_a_key_is_free_again_once_its_job_is_not_kept_any_more(deployed: Deployed) -> None:
    """As for a submit: DynamoDB's TTL deletes the old job days later."""
    world, client = deployed.world, deployed.client
    wanted = NewJob("ok", {"n": "x" * 500}, retention_seconds=60)
    old = client.submit_job(wanted, idempotency_key="k")
    world.work()
    done = client.get_job(old.id)
    world.clock.advance(60)
    kept = client.transaction_items(wanted, idempotency_key="k")
    assert kept.is_taken(refused(deployed, kept.items))
    world.clock.advance(2)
    planned = client.transaction_items(wanted, idempotency_key="k")
    deployed.transact(planned.items)
    assert client.get_job(planned.job.id).created_at > done.created_at
    world.pass_time(120)
    assert len(runs(world, planned)) == 2


def test_a_large_payload_is_an_item_of_the_same_transaction(deployed: Deployed) -> None:
    """Both are there, or neither."""
    world, client = deployed.world, deployed.client
    planned = client.transaction_items(NewJob("ok", {"n": "é" * 100_000}))
    assert len(planned.items) == 2
    deployed.transact(planned.items)
    world.pass_time(120)
    assert client.get_job_payload(planned.job.id) == {"n": "é" * 100_000}
    assert len(runs(world, planned)) == 1


@pytest.mark.parametrize("delay_s", [0, 0.5, 11, 59, 60, 100, 125, 130, 131, 240, 5000])
def test_a_job_is_never_early_and_late_by_a_tick_at_most(memory: Deployed, delay_s: float) -> None:
    """G6; what is due later than two minutes from now is promoted, to the second."""
    world = memory.world
    planned = memory.client.transaction_items(NewJob("ok", delay_seconds=delay_s))
    memory.transact(planned.items)
    world.pass_time(delay_s + 300)
    [at] = runs(world, planned)
    assert 0 <= at - planned.planned.due_at <= (1000 if delay_s > 120 else LATE_MS)


@pytest.mark.parametrize("minutes", [0.5, 1, 2, 4])
def test_a_late_commit_is_found_within_five_minutes(memory: Deployed, minutes: float) -> None:
    """The timer has passed its check by then, as it was busy with other jobs: rescue looks behind."""
    world, client = memory.world, memory.client
    planned = client.transaction_items(NewJob("ok"))
    for _ in range(80):
        world.submit(delay_s=132)
    world.pass_time(60 * minutes)
    began_ms = world.clock.now_ms()
    memory.transact(planned.items)
    world.pass_time(400)
    [at] = runs(world, planned)
    assert at - began_ms <= 300_000


def test_a_busy_timer_is_not_ahead_of_a_commit(memory: Deployed) -> None:
    """Its positions stand at the jobs that it has just promoted, in every partition."""
    world = memory.world
    for _ in range(80):
        world.submit(delay_s=131)
    world.clock.advance(11)
    assert world.tick().promoted == 80
    planned = memory.client.transaction_items(NewJob("ok"))
    memory.transact(planned.items)
    world.pass_time(300)
    [at] = runs(world, planned)
    assert at - planned.planned.due_at <= LATE_MS


def test_a_message_that_is_sent_after_the_commit_runs_the_job_at_once(deployed: Deployed) -> None:
    """And its check finds a job that has ended."""
    world, client = deployed.world, deployed.client
    planned = client.transaction_items(NewJob("ok"))
    deployed.transact(planned.items)
    client.send(planned)
    world.work()
    assert client.get_job(planned.job.id).state == "succeeded"
    world.pass_time(300)
    assert len(runs(world, planned)) == 1


def test_what_promote_sends_is_not_sent_by_a_user_as_well(memory: Deployed) -> None:
    """SQS delays a message for 15 minutes at most."""
    planned = memory.client.transaction_items(NewJob("ok", delay_seconds=5000))
    memory.transact(planned.items)
    memory.client.send(planned)
    assert memory.world.queues.pending("normal") == 0


def test_a_message_of_a_transaction_that_was_not_committed_runs_nothing(memory: Deployed) -> None:
    """A worker claims nothing that is not stored."""
    world, client = memory.world, memory.client
    planned = client.transaction_items(NewJob("ok"))
    client.send(planned)
    world.pass_time(300)
    assert (runs(world, planned), world.queues.pending("normal")) == ([], 0)


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_while_it_sends_leaves_a_job_that_runs_once(memory: Deployed, *, after: bool) -> None:
    """Before the message is sent, and after."""
    world = memory.world
    app = world.build(queue=Counted(world.queues, [], kill_at=0, after=after))
    client = DirectClient(app, TENANT)
    planned = client.transaction_items(NewJob("ok"))
    memory.transact(planned.items)
    with pytest.raises(KilledError):
        client.send(planned)
    world.pass_time(300)
    assert len(runs(world, planned)) == 1


def test_a_queue_that_takes_nothing_is_no_error(memory: Deployed) -> None:
    """The job is stored, and the timer sends it."""

    class Closed:
        def send(self, *_: Any) -> None:
            raise Unavailable

    client = DirectClient(memory.world.build(queue=Closed()), TENANT)  # type: ignore[arg-type]
    planned = client.transaction_items(NewJob("ok"))
    memory.transact(planned.items)
    client.send(planned)
    memory.world.pass_time(120)
    assert len(runs(memory.world, planned)) == 1


def test_a_paused_tenants_job_waits_for_the_resume(memory: Deployed) -> None:
    """As every job that was submitted during a pause."""
    world, client = memory.world, memory.client
    client.pause_tenant("x")
    planned = client.transaction_items(NewJob("ok"))
    memory.transact(planned.items)
    world.pass_time(600)
    assert runs(world, planned) == []
    client.resume_tenant()
    world.pass_time(180)
    assert len(runs(world, planned)) == 1


def test_several_jobs_share_a_transaction(deployed: Deployed) -> None:
    """Each with a key, a time and a priority of its own."""
    world, client = deployed.world, deployed.client
    jobs = [NewJob("ok", {"n": 1}), NewJob("ok", {"n": 2}, priority="high"), NewJob("ok", {"n": 3}, delay_seconds=200)]
    planned = [client.transaction_items(job) for job in jobs]
    deployed.transact([deployed.order(), *(item for each in planned for item in each.items)])
    world.pass_time(400)
    assert [len(runs(world, each)) for each in planned] == [1, 1, 1]


def test_planning_writes_and_sends_nothing() -> None:
    """The transaction is the user's."""
    world, calls = World(), list[str]()
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    client = DirectClient(app, TENANT)
    before = dict(world.table.rows)
    client.transaction_items(NewJob("ok", {"n": "x" * 2000}), idempotency_key="k")
    assert set(calls) <= {"get"}
    assert world.table.rows == before


def test_the_job_is_that_of_a_submit_but_for_its_check(memory: Deployed) -> None:
    """Profile, policy, tags, limits, notifications: no field is forgotten."""
    world, client = memory.world, memory.client
    client.put_profile("slow", NewProfile(max_attempts=9, priority="low"))
    wanted = NewJob("ok", {"n": 1}, profile="slow", tags={"team": "a"}, group="g", timeout_seconds=7, notify=[])
    planned = client.transaction_items(wanted, idempotency_key="k")
    memory.transact(planned.items)
    stored = world.table.rows[planned.planned.key]
    same = World(clock=world.clock)
    same.table.rows.update(world.table.rows)
    del same.table.rows[planned.planned.key]
    DirectClient(same.app, TENANT).submit_job(wanted, idempotency_key="k")
    expected = same.table.rows[planned.planned.key]
    differ = {name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name)}
    # The fence distinguishes repeats of a write.
    assert differ <= {"check_at", "fence", "traceparent"}
    assert "check_at" in differ


def depends(client: Client) -> NewJob:
    return NewJob("ok", depends_on=[client.submit_job(NewJob("ok")).id])


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (NewJob("nothing"), "unknown_task"),
        (NewJob("ok", profile="none"), "unknown_profile"),
        (NewJob("ok", notify=["none"]), "unknown_subscription"),
        (NewJob("ok", delay_seconds=400 * 86_400), "invalid_request"),
        (NewJob("ok", retries=-1), "invalid_request"),
        (NewJob("workflow"), "invalid_request"),
        (NewJob("ok", {"n": "x" * 2_000_000}), "payload_too_large"),
    ],
)
def test_what_a_submit_refuses_is_refused_with_the_same_code(memory: Deployed, job: NewJob, code: str) -> None:
    """Code that moves a submit into its transaction handles the same errors."""
    for refuse in (memory.client.submit_job, memory.client.transaction_items):
        with pytest.raises(InvalidRequestError) as failed:
            refuse(job)
        assert failed.value.code == code


def test_what_needs_other_writes_is_refused(memory: Deployed) -> None:
    """An edge of a dependency, or a text in the bucket, cannot be undone by the user's transaction."""
    client = memory.client
    with pytest.raises(InvalidRequestError) as failed:
        client.transaction_items(depends(client))
    assert [wrong.where for wrong in failed.value.errors] == ["dependsOn"]
    stored = dict(memory.world.table.rows)
    with pytest.raises(InvalidRequestError) as failed:
        client.transaction_items(NewJob("ok", {"n": "x" * 300_000}))
    assert failed.value.code == "payload_too_large"
    assert memory.world.table.rows == stored


def test_scopes_hold(memory: Deployed) -> None:
    """As for a submit."""
    with pytest.raises(ForbiddenError):
        DirectClient(memory.world.app, TENANT, scopes=["jobs:read"]).transaction_items(NewJob("ok"))


def test_a_table_that_does_not_answer_is_asked_again_and_then_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are read before a job is planned."""
    world = World()

    def get(*_: Any, **__: Any) -> Any:
        raise Unavailable

    client = DirectClient(world.app, TENANT, retry=RetryPolicy(attempts=2))
    monkeypatch.setattr(world.table, "get", get)
    monkeypatch.setattr(world.table, "query", get)
    with pytest.raises(UnavailableError) as failed:
        client.transaction_items(NewJob("ok", profile="mine"))
    assert failed.value.attempts == 2


def test_no_payload_is_shown_by_accident() -> None:
    """A line of a log may hold the value."""
    planned = DirectClient(World().app, TENANT).transaction_items(NewJob("ok", {"card": "4111"}))
    assert "4111" not in repr(planned)
    assert "4111" in str(planned.items)


def test_an_error_of_another_kind_is_not_about_the_job() -> None:
    """Such as a time-out of boto3."""
    planned = DirectClient(World().app, TENANT).transaction_items(NewJob("ok"))
    assert not planned.is_taken(ValueError("no"))
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "TransactWriteItems")
    assert not planned.is_taken(throttled)


def test_a_planning_application_writes_no_job_whatever_is_asked_of_it() -> None:
    """Also where several are."""
    world = World()
    planning = PlanningApp(world.app)
    results = planning.submit.many(TENANT, [JobRequest("ok", {}), JobRequest("none", {})])
    assert [type(result).__name__ for result in results] == ["Submitted", "UnknownTaskError"]
    assert planning.submit.planned.job.state is State.PENDING
    [unstorable] = planning.submit.many(TENANT, [JobRequest("ok", {}, group="\ud800")])
    assert isinstance(unstorable, UnstorableError)
    assert list(DirectClient(world.app, TENANT).list_jobs()) == []
