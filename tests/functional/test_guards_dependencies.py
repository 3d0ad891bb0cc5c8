"""What dependencies keep to: writes that are tried once, ends that are heard once, notes that somebody needs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from tests.contract.samples import a_job, an_error
from tests.faults import Refusing
from tests.functional.test_dependencies import after, cause, many, states
from tests.functional.test_limits import Metered
from tests.world import TENANT, World
from whendue.bootstrap import App
from whendue.engine.commit import commit_unsent
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.engine.release import DependencyReleaser, Released
from whendue.errors import IdempotencyConflictError, UnknownDependencyError, WhendueError
from whendue.jobs.dependencies import Ending, UpstreamEnd
from whendue.jobs.dependency_transitions import satisfy
from whendue.jobs.model import Job, State
from whendue.jobs.transitions import claim, fail, succeed
from whendue.submission.request import Dependency, JobRequest
from whendue.table.keys import Key, payload_key
from whendue.table.writes import Write

DAY_S = 86_400


class Costed(World):
    """A world that counts calls of its table, and writes by name."""

    def __init__(self) -> None:
        super().__init__()
        self.table = self.meter = Metered()
        self.app = self.build()

    def writes(self, do: Callable[[], object]) -> dict[str, int]:
        """Do something; say what was written."""
        self.meter.calls.clear()
        self.meter.writes.clear()
        do()
        return dict(self.meter.writes)

    def calls(self, do: Callable[[], object]) -> dict[str, int]:
        """Do something; say how the table was called."""
        self.writes(do)
        return dict(self.meter.calls)


def claimed(world: World, fence: str = "f", **wanted: Any) -> Job:
    """Submit a job and let a worker claim it that says nothing more."""
    step = claim(world.submit(**wanted), fence, world.clock.now_ms())
    [end] = commit_unsent(world.app._runtime, [step])
    assert end.done
    return step.job


def unavailable(world: World, name: str) -> App:
    """Make a process for which writes of one kind never come through."""

    def deaf(writes: Sequence[Write]) -> list[WriteResult]:
        return [
            WriteResult(WriteStatus.UNAVAILABLE) if one.name == name else world.table.apply([one])[0] for one in writes
        ]

    return world.build(store=Refusing(world.table, "apply", deaf))


# --- writes ------------------------------------------------------------------------------------------------------


def test_an_end_that_others_began_to_wait_for_meanwhile_is_told_them() -> None:
    """Who records it has read the job before they came."""
    world = World()
    parent = claimed(world)
    child = world.submit(depends_on=after(parent))
    [end] = commit_unsent(world.app._runtime, [succeed(parent, world.clock.now_ms(), None)])
    assert end.done
    world.work()
    assert states(world, parent, child) == ["succeeded", "succeeded"]


def test_an_end_that_is_refused_is_tried_once() -> None:
    """Its claim is lost; nothing that others wait for would change that."""
    world = Costed()
    parent = claimed(world)
    lost = succeed(claim(parent, "lost", 0).job, world.clock.now_ms(), None)
    assert world.writes(lambda: commit_unsent(world.app._runtime, [lost])) == {"succeed": 1}


def test_a_claim_that_is_refused_is_tried_once_though_others_wait_for_the_job() -> None:
    """It ends nothing: it owes no news."""
    world = Costed()
    parent = claimed(world)
    world.submit(depends_on=after(parent))
    again = claim(parent, "second", world.clock.now_ms())
    assert world.writes(lambda: commit_unsent(world.app._runtime, [again])) == {"claim": 1}


def test_nothing_is_recorded_before_what_must_hold_first() -> None:
    """A second failed attempt would take the place of the first, which nobody knows to be kept. Its neighbour ends."""
    world = World()
    jobs = [claimed(world, "a"), claimed(world, "b")]
    now_ms, timing = world.clock.now_ms(), world.app._runtime.settings.timing
    failed = fail(jobs[0], an_error(jobs[0]), now_ms, timing, draw=0).job
    commit_unsent(world.app._runtime, [fail(jobs[0], an_error(jobs[0]), now_ms, timing, draw=0)])
    again = claim(failed, "c", failed.due_at)
    commit_unsent(world.app._runtime, [again])
    steps = [fail(again.job, an_error(again.job), now_ms, timing, draw=0), succeed(jobs[1], now_ms, None)]
    ends = commit_unsent(unavailable(world, "keep_attempt")._runtime, steps)
    assert [end.status for end in ends] == [WriteStatus.UNAVAILABLE, WriteStatus.DONE]
    assert states(world, *jobs) == ["running", "succeeded"]


# --- hearing of ends ---------------------------------------------------------------------------------------------


def heard(app: App, child: Job, *numbers: int, ending: Ending = "succeeded") -> Released:
    """Tell a job that parents of it have ended."""
    ends = [UpstreamEnd(number, "success", "parent", 1, ending, child.request_hash) for number in numbers]
    return DependencyReleaser(app._runtime).hear({child.id: ends})


def a_child(world: World, **wanted: Any) -> Job:
    """Submit a job that waits for two others that are not due yet."""
    return world.submit(depends_on=after(world.submit(delay_s=3600), world.submit(delay_s=3600)), **wanted)


@pytest.mark.parametrize("mine", [(0,), (0, 1)], ids=["one each", "one knows of both"])
def test_two_that_tell_ends_at_the_same_moment_release_the_child_between_them(mine: tuple[int, ...]) -> None:
    """G7: neither may take the other for the one who looks."""
    world, others = World(), list[int]()
    child = a_child(world)

    def together(writes: Sequence[Write]) -> list[WriteResult]:
        if not others:
            others.append(1)
            world.table.apply([satisfy(world.job(child), frozenset({1}))])
        return world.table.apply(writes)

    assert heard(world.build(store=Refusing(world.table, "apply", together)), child, *mine) == Released(set(), [])
    assert states(world, child) == ["pending"]


@pytest.mark.parametrize(("numbers", "name"), [((0,), "satisfy"), ((0, 1), "release")])
def test_what_is_not_known_to_be_written_is_told_again_by_an_alarm(numbers: tuple[int, ...], name: str) -> None:
    """It is not tried again and again on a table that is throttled, and no message is sent."""
    world, sent, tried = World(), list[Any](), list[str]()
    child = a_child(world)
    deaf = unavailable(world, name)._runtime.store

    def noted(writes: Sequence[Write]) -> list[WriteResult]:
        tried.extend(one.name for one in writes)
        return deaf.apply(writes)

    def send(queue: str, messages: Sequence[Any]) -> list[bool]:
        sent.extend(messages)
        return [True for _ in messages]

    app = world.build(Refusing(world.table, "apply", noted), Refusing(world.queues, "send", send))
    assert heard(app, child, *numbers) == Released({child.id}, [])
    assert (tried, sent) == ([name], [])
    assert states(world, child) == ["waiting"]


def test_only_who_was_refused_or_may_have_been_the_last_is_read_again() -> None:
    """Of a thousand dependents the others have heard."""
    world, read, others = World(), list[set[str]](), list[int]()
    children = [a_child(world) for _ in range(3)]

    def noted(keys: Sequence[Key]) -> list[Item | None]:
        read.append({key.pk for key in keys})
        return world.table.get(keys)

    def meanwhile(writes: Sequence[Write]) -> list[WriteResult]:
        if not others:
            others.append(1)
            world.table.apply([satisfy(world.job(children[0]), frozenset({1}))])
        return world.table.apply(writes)

    app = world.build(store=Refusing(Refusing(world.table, "apply", meanwhile), "get", noted))
    both = {child.id: [UpstreamEnd(n, "success", "parent", 1, "succeeded") for n in (0, 1)] for child in children[:2]}
    DependencyReleaser(app._runtime).hear(
        both | {children[2].id: [UpstreamEnd(0, "success", "parent", 1, "succeeded")]}
    )
    assert read == [{child.key.pk for child in children}, {children[0].key.pk, children[2].key.pk}]
    assert states(world, *children) == ["pending", "pending", "waiting"]


def test_a_dependent_that_is_not_there_hears_nothing() -> None:
    """Its request died after its notes, or it is gone with its retention; its parent has told it."""
    world = World()
    assert heard(world.app, a_job("0" * 36), 0) == Released(set(), [])


def test_a_payload_needs_no_longer_keeping_for_a_job_that_has_waited_for_a_moment() -> None:
    """A release is one write."""
    world = Costed()
    child = a_child(world, payload={"text": "x" * 1000})
    assert world.writes(lambda: heard(world.app, child, 0, 1)) == {"release": 1}
    assert world.meter.calls == {"get": 1, "apply": 1}


# --- inputs ------------------------------------------------------------------------------------------------------


def test_what_looks_like_a_reference_is_none_in_a_job_without_parents() -> None:
    """It is taken as it is."""
    world = World()
    job = world.submit(payload={"x": {"$from": "fetch", "path": "a b c"}})
    world.work()
    assert world.view(job).result["x"] == {"$from": "fetch", "path": "a b c"}


def test_a_payload_that_is_gone_refers_to_nothing() -> None:
    """The job is dead, and says why."""
    world = World()
    parent = world.submit()
    child = world.submit(payload={"text": "x" * 1000, "y": {"$from": parent.id}}, depends_on=after(parent))
    del world.table._items[payload_key(child.id, child.request_hash)]
    world.work()
    assert (states(world, child), cause(world, child)) == (["dead"], "payload_missing")


@pytest.mark.parametrize("gone", [False, True], ids=["dead", "gone"])
def test_a_parent_without_a_result_gives_the_default(gone: bool) -> None:
    """One that failed has none, nor has one that is no longer kept; a result that is null is one."""
    world = World()
    parent = world.submit("ok" if gone else "bad", policy={"max_attempts": 1})
    payload = {"x": {"$from": parent.id, "default": 7}}
    child = world.submit(payload=payload, depends_on=after(parent, on="done"), delay_s=60)
    world.work()
    if gone:
        del world.table._items[parent.key]
    world.pass_time(90)
    assert world.view(child).result["x"] == 7


# --- links -------------------------------------------------------------------------------------------------------


def test_a_job_without_parents_costs_one_write_and_no_read() -> None:
    """docs/api.md; also under a key, and with a ref."""
    world = Costed()
    for request in (JobRequest("ok", {}), JobRequest("ok", {}, idempotency_key="k"), JobRequest("ok", {}, ref="a")):
        assert world.calls(partial(world.app.submit.one, TENANT, request)) == {"apply": 1}
        assert world.meter.writes == {"submit": 1}


def test_each_dependency_is_a_note_and_each_job_that_waits_has_a_list() -> None:
    """docs/workflows.md: a parent is told once that it has children, and one that has ended is not told at all."""
    world = Costed()
    parent, ended = claimed(world), world.submit()
    world.work()
    wanted = {"parents": 1, "child": 1, "submit": 1}
    assert world.writes(lambda: world.submit(depends_on=after(parent))) == wanted | {"add_dependent": 1}
    assert world.writes(lambda: world.submit(depends_on=after(parent))) == wanted
    assert world.writes(lambda: world.submit(depends_on=after(ended))) == wanted | {"release": 1}


def test_the_same_request_again_writes_no_note_again() -> None:
    """Its job is there, and so are they."""
    world = Costed()
    parent = claimed(world)
    request = JobRequest("ok", {}, ref="a", idempotency_key="k", depends_on=after(parent))
    world.app.submit.many(TENANT, [request])
    assert world.writes(lambda: world.app.submit.many(TENANT, [request])) == {"submit": 1}


def test_jobs_that_wait_for_each_other_alone_need_not_look_for_ends() -> None:
    """None of them can have ended before it was written."""
    world = Costed()
    jobs = [JobRequest("ok", {}, ref="a"), JobRequest("ok", {}, depends_on=after("a"))]
    assert "get" not in world.calls(lambda: world.app.submit.many(TENANT, jobs))


def test_a_job_that_nobody_waits_for_is_told_of_no_children() -> None:
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
    ends = world.app.submit.many(TENANT, [other, JobRequest("ok", {}, depends_on=after("a"))])
    assert [type(end) for end in ends] == [IdempotencyConflictError, UnknownDependencyError]


def test_a_ref_to_a_job_that_was_accepted_before_is_one_to_that_job() -> None:
    """A client that asks again for more waits for what it has."""
    world = World()
    first = JobRequest("ok", {}, ref="a", idempotency_key="k")
    [before] = many(world, first)
    again, child = many(world, first, JobRequest("ok", {"more": 1}, depends_on=after("a")))
    assert again.id == before.id
    world.work()
    assert states(world, before, child) == ["succeeded", "succeeded"]
    assert [job_id for job_id, _, _ in world.ran] == [before.id, child.id]


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


def test_a_parent_whose_retention_is_over_is_unknown() -> None:
    """TTL takes it when it likes: whether it still stands there says nothing."""
    world = World()
    parent = world.submit(policy={"retention_s": 3600})
    world.work()
    world.clock.advance(3599)
    world.submit(depends_on=after(parent))
    world.clock.advance(3)
    with pytest.raises(UnknownDependencyError):
        world.submit(depends_on=after(parent))


def test_a_job_that_was_not_taken_and_is_cancelled_after_a_redrive_counts_as_failed() -> None:
    """Its old cause is none of the new end: who waits for its failure runs, who waits for its success is told why."""
    world = World()
    parent = world.submit()
    bypassed = world.submit(depends_on=after(parent, on="failure"))
    world.work()
    assert world.job(bypassed).state is State.CANCELLED
    world.app.control.redrive(TENANT, bypassed.id, 60_000)
    handler = world.submit(depends_on=after(bypassed, on="failure"))
    success = world.submit(depends_on=after(bypassed))
    world.app.control.cancel(TENANT, bypassed.id)
    world.work()
    assert states(world, bypassed, handler, success) == ["cancelled", "succeeded", "cancelled"]
    assert cause(world, success) == "dependency_failed"
