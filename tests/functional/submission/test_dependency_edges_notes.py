"""The notes of dependencies: what they cost, and what a request may refer to."""

from collections.abc import Sequence
from functools import partial

import pytest

from tests.builders.dependencies import Costed, after, cause, claimed, many, states, unavailable
from tests.builders.faults import Refusing
from tests.builders.world import TENANT, World
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.errors import IdempotencyConflictError, UnavailableError, UnknownDependencyError, WhendueError
from whendue.jobs.model import State
from whendue.submission.request import Dependency, JobRequest
from whendue.submission.submit import Submitted
from whendue.table.keys import Key
from whendue.table.writes import Write


def test_a_job_without_dependencies_costs_one_write_and_no_read() -> None:
    """docs/api.md; also under a key, and with a ref."""
    world = Costed()
    for request in (JobRequest("ok", {}), JobRequest("ok", {}, idempotency_key="k"), JobRequest("ok", {}, ref="a")):
        assert world.calls(partial(world.app.submit.one, TENANT, request)) == {"apply": 1}
        assert world.meter.writes == {"submit": 1}


def test_each_dependency_is_a_note_and_each_job_that_waits_has_a_list() -> None:
    """A dependency is marked once as one with dependents, and one that has ended is not marked at all."""
    world = Costed()
    dependency, ended = claimed(world), world.submit()
    world.work()
    wanted = {"dependencies": 1, "dependent": 1, "submit": 1}
    assert world.writes(lambda: world.submit(depends_on=after(dependency))) == wanted | {"add_dependent": 1}
    assert world.writes(lambda: world.submit(depends_on=after(dependency))) == wanted
    assert world.writes(lambda: world.submit(depends_on=after(ended))) == wanted | {"release": 1}


def test_the_same_request_again_writes_no_note_again() -> None:
    """Its job is there, and so are they."""
    world = Costed()
    dependency = claimed(world)
    request = JobRequest("ok", {}, ref="a", idempotency_key="k", depends_on=after(dependency))
    world.app.submit.many(TENANT, [request])
    assert world.writes(lambda: world.app.submit.many(TENANT, [request])) == {"submit": 1}


def test_jobs_that_wait_for_each_other_alone_need_not_look_for_ends() -> None:
    """None of them can have ended before it was written."""
    world = Costed()
    jobs = [JobRequest("ok", {}, ref="a"), JobRequest("ok", {}, depends_on=after("a"))]
    assert "get" not in world.calls(lambda: world.app.submit.many(TENANT, jobs))


def test_a_job_without_dependents_has_no_fan_out_of_them() -> None:
    """Though it has a ref, and its request comes again."""
    world = World()
    request = JobRequest("ok", {}, ref="a", idempotency_key="k", delay_s=60)
    [first] = [world.app.submit.many(TENANT, [request]) for _ in range(2)][:1]
    assert not isinstance(first[0], WhendueError)
    assert world.job(first[0].job).has_dependents is None


def test_a_ref_to_a_key_that_made_another_job_is_refused() -> None:
    """The other job is not the one that was meant; the first of the two says what is wrong."""
    world = World()
    world.submit(idempotency_key="k")
    other = JobRequest("ok", {"another": 1}, ref="a", idempotency_key="k")
    results = world.app.submit.many(TENANT, [other, JobRequest("ok", {}, depends_on=after("a"))])
    assert [type(end) for end in results] == [IdempotencyConflictError, UnknownDependencyError]


def test_a_ref_to_a_job_that_was_accepted_before_is_one_to_that_job() -> None:
    """A client that asks again for more waits for what it has."""
    world = World()
    first = JobRequest("ok", {}, ref="a", idempotency_key="k")
    [before] = many(world, first)
    again, dependent = many(world, first, JobRequest("ok", {"more": 1}, depends_on=after("a")))
    assert again.id == before.id
    world.work()
    assert states(world, before, dependent) == ["succeeded", "succeeded"]
    assert [job_id for job_id, _, _ in world.ran] == [before.id, dependent.id]


def test_what_is_no_id_is_asked_of_no_table() -> None:
    """It may be longer than a key may be."""
    world = World()

    def strict(keys: Sequence[Key]) -> list[Item | None]:
        assert all(len(key.pk.encode()) <= 2048 for key in keys)
        return world.table.get(keys)

    app = world.build(store=Refusing(world.table, "get", strict))
    long = JobRequest("ok", {}, depends_on=(Dependency(job="x" * 4000),))
    with pytest.raises(UnknownDependencyError):
        app.submit.one(TENANT, long)


def test_a_dependency_whose_retention_is_over_is_unknown() -> None:
    """TTL takes it when it likes: whether it still stands there says nothing."""
    world = World()
    dependency = world.submit(policy={"retention_s": 3600})
    world.work()
    world.clock.advance(3599)
    world.submit(depends_on=after(dependency))
    world.clock.advance(3)
    with pytest.raises(UnknownDependencyError):
        world.submit(depends_on=after(dependency))


def test_a_job_that_was_not_taken_and_is_cancelled_after_a_redrive_counts_as_failed() -> None:
    """Its old cause is none of the new end: who waits for its failure runs, who waits for its success is told why."""
    world = World()
    dependency = world.submit()
    bypassed = world.submit(depends_on=after(dependency, on="failure"))
    world.work()
    assert world.job(bypassed).state is State.CANCELLED
    world.app.control.redrive(TENANT, bypassed.id, 60_000)
    handler = world.submit(depends_on=after(bypassed, on="failure"))
    success = world.submit(depends_on=after(bypassed))
    world.app.control.cancel(TENANT, bypassed.id)
    world.work()
    assert states(world, bypassed, handler, success) == ["cancelled", "succeeded", "cancelled"]
    assert cause(world, success) == "dependency_failed"


def test_a_job_without_dependencies_has_no_list_of_them() -> None:
    """Though others of its request wait for it."""
    world = Costed()
    jobs = [JobRequest("ok", {}, ref="a"), JobRequest("ok", {}, depends_on=after("a"))]
    written = world.writes(lambda: world.app.submit.many(TENANT, jobs))
    assert written == {"dependencies": 1, "dependent": 1, "submit": 2}


def test_a_key_without_a_ref_is_not_looked_up() -> None:
    """No dependency can name the job that was created with it."""
    world = Costed()
    jobs = [JobRequest("ok", {}, ref="a"), JobRequest("ok", {}, depends_on=after("a"), idempotency_key="k")]
    assert "get" not in world.calls(lambda: world.app.submit.many(TENANT, jobs))


def test_a_job_that_was_not_created_does_not_look_for_ends() -> None:
    """One read for the dependencies of the request, none afterwards."""
    world = Costed()
    dependency = world.submit()
    app = unavailable(world, "submit")
    request = JobRequest("ok", {}, depends_on=after(dependency))
    assert world.calls(lambda: app.submit.many(TENANT, [request]))["get"] == 1


def test_an_edge_that_is_not_known_to_be_written_refuses_its_job_as_unavailable() -> None:
    """A client repeats the request then; after an internal error it might not."""
    world = World()
    with pytest.raises(UnavailableError):
        unavailable(world, "dependent").submit.one(
            TENANT, JobRequest("ok", {}, depends_on=after(world.submit(delay_s=60)))
        )


def test_a_job_is_refused_if_one_of_its_dependencies_could_not_be_marked() -> None:
    """Whichever of them it is: it would end without a word to the job."""
    world = World()
    first, second = world.submit(delay_s=60), world.submit(delay_s=60)

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        lost = [write.name == "add_dependent" and write.key == second.key for write in writes]
        pairs = zip(lost, writes, strict=True)
        return [WriteResult(WriteStatus.UNAVAILABLE) if gone else world.table.apply([item])[0] for gone, item in pairs]

    app = world.build(store=Refusing(world.table, "apply", apply))
    requests = [JobRequest("ok", {}, depends_on=after(first, second)), JobRequest("ok", {}, depends_on=after(first))]
    assert [type(end) for end in app.submit.many(TENANT, requests)] == [UnavailableError, Submitted]
