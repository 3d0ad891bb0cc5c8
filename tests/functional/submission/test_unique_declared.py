"""Unique keys that a task declares, and those of jobs that a task submits."""

from typing import Any

import pytest

from tests.builders.world import TENANT, World
from whendue import Context
from whendue.client import InvalidRequestError as RefusedError
from whendue.client import NewJob
from whendue.direct import DirectClient
from whendue.errors import InvalidRequestError, UniqueConflictError
from whendue.jobs.model import Job, State
from whendue.manifest.described_tasks import manifest_of
from whendue.submission.request import Dependency, JobRequest, UniqueRequest
from whendue.submission.submit import Submitted

BY_ID: dict[str, Any] = {"by_payload": ["id"], "scope": "pending"}


def declared(unique: dict[str, Any] = BY_ID) -> World:
    """Return a world whose task `mine` declares a unique key."""
    world = World()
    world.task("mine", lambda payload, ctx: None, unique=unique)
    return world


def submit(world: World, number: int = 1, **wanted: Any) -> Submitted:
    return world.app.submit.one(TENANT, JobRequest("mine", {"id": number}, **wanted))


def test_jobs_of_a_task_have_the_key_that_it_declares() -> None:
    """Whoever submits them; a request that has one of its own gets that."""
    world = declared()
    first, second, other = submit(world, delay_s=60), submit(world), submit(world, 2)
    assert [(each.created, each.outcome) for each in (first, second, other)] == [
        (True, "created"),
        (False, "returned"),
        (True, "created"),
    ]
    assert first.job.unique is not None
    assert first.job.unique.scope == "pending"
    own = submit(world, unique=UniqueRequest("k"))
    assert own.created


def test_a_declaration_changes_no_answer_of_a_request_that_was_accepted_before() -> None:
    """The hash of an Idempotency-Key is that of the request alone."""
    world = World()
    world.task("mine", lambda payload, ctx: None)
    before = submit(world, idempotency_key="i")
    world.task("mine", lambda payload, ctx: None, unique=BY_ID)
    after = submit(world, idempotency_key="i")
    assert (after.job.id, after.outcome) == (before.job.id, "replayed")


def test_an_api_that_knows_tasks_by_their_manifest_knows_their_keys() -> None:
    """It never imports the task; one without a key is written as an older whendue reads it."""
    world = declared()
    world.task("plain", lambda payload, ctx: None)
    manifest = manifest_of(world.registry, [])
    assert {task.name: task.unique for task in manifest.tasks if task.name in ("mine", "plain")} == {
        "mine": BY_ID,
        "plain": None,
    }
    assert manifest.to_json().count(b'"unique"') == 1
    manifest.register(world.registry)
    world.registry.remove("mine")
    assert submit(world, delay_s=60).created
    assert not submit(world).created


def test_a_debounce_that_a_task_declares() -> None:
    """The submit says how long; what waits for other jobs cannot be put off."""
    world = declared({"key": "k", "scope": "pending", "on_conflict": "postpone", "max_wait_seconds": 60})
    first, second = submit(world, 1, delay_s=10), submit(world, 2, delay_s=10)
    assert (second.outcome, world.job(first.job).state) == ("postponed", State.CANCELLED)
    with pytest.raises(InvalidRequestError, match="dependsOn"):
        submit(world, depends_on=(Dependency(second.job.id),))


def test_a_job_of_a_workflow_takes_no_key() -> None:
    """It is a part of its workflow: as many of them run as the graph says."""
    world = declared({"key": "k"})
    submit(world, delay_s=600)
    graph = {"nodes": [{"name": name, "request": {"type": "mine", "payload": {}}} for name in "ab"]}
    job = world.submit("workflow", graph)
    world.pass_time(30)
    assert world.job(job).state is State.SUCCEEDED


def test_a_job_with_a_ref_has_no_key_and_neither_has_one_of_a_transaction() -> None:
    """The others of the batch would depend on it; and a user's transaction cannot read the key first."""
    world = declared()
    [refused] = world.app.submit.many(TENANT, [JobRequest("mine", {"id": 1}, ref="a")])
    assert isinstance(refused, InvalidRequestError)
    with pytest.raises(RefusedError, match="not valid"):
        DirectClient(world.app, TENANT).transaction_items(NewJob("mine", {"id": 1}))


# --- jobs that tasks submit -------------------------------------------------------------------------------------


def parent(world: World, run: Any, **wanted: Any) -> Job:
    world.task("parent", run)
    job = world.submit("parent", **wanted)
    world.work()
    return job


def test_a_task_gets_the_holder_of_the_key() -> None:
    """In each of its attempts the same, as for any job that it submits."""
    world, ids = World(), list[str]()
    held = world.submit("ok", delay_s=600, unique=UniqueRequest("k"))

    def run(payload: Any, ctx: Context) -> None:
        ids.append(ctx.submit("ok", {"n": 1}, unique={"key": "k"}))
        ids.append(ctx.submit("ok", {"n": 2}, unique={"by_payload": ["n"]}))
        if ctx.attempt == 1:
            raise RuntimeError

    parent(world, run)
    world.pass_time(60)
    assert ids[0] == ids[2] == held.id
    assert ids[1] == ids[3] != held.id


def test_a_task_learns_of_a_conflict() -> None:
    """By the same error as a client."""
    world, found = World(), list[Any]()
    held = world.submit("ok", delay_s=600, unique=UniqueRequest("k"))

    def run(payload: Any, ctx: Context) -> None:
        try:
            ctx.submit("ok", unique={"key": "k", "on_conflict": "reject"})
        except UniqueConflictError as error:
            found.append(error.details)

    parent(world, run)
    assert found == [{"jobId": held.id}]


@pytest.mark.parametrize(
    "unique",
    [
        {},
        {"key": ""},
        {"key": "k" * 256},
        {"key": "a\nb"},
        {"key": 7},
        {"key": "k", "by_payload": []},
        {"by_payload": "id"},
        {"by_payload": ["a..b"]},
        {"by_payload": ["a"] * 11},
        {"key": "k", "scope": "ever"},
        {"key": "k", "scope": ["pending"]},
        {"key": "k", "scope": "for_seconds"},
        {"key": "k", "for_seconds": 10},
        {"key": "k", "scope": "for_seconds", "for_seconds": True},
        {"key": "k", "scope": "for_seconds", "for_seconds": float("nan")},
        {"key": "k", "on_conflict": "postpone"},
        {"key": "k", "max_wait_seconds": 3},
        {"key": "k", "until": 3},
        "k",
    ],
    ids=repr,
)
def test_a_key_that_cannot_be_is_refused_where_it_is_declared_and_where_a_task_submits(unique: Any) -> None:
    """With the same words."""
    from whendue.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="unique"):
        declared(unique)
    world, found = World(), list[BaseException]()

    def run(payload: Any, ctx: Context) -> None:
        try:
            ctx.submit("ok", unique=unique)
        except (InvalidRequestError, TypeError) as error:
            found.append(error)

    parent(world, run)
    assert len(found) == 1
