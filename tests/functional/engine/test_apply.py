"""Guards of writes, sends and fan-outs, each tested alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Counted, Refusing
from tests.builders.world import TENANT, World
from whendue.engine.apply import apply, send
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.message import to_body
from whendue.engine.ports import Outgoing, WriteResult, WriteStatus
from whendue.engine.release import DependencyReleaser
from whendue.errors import UnavailableError
from whendue.jobs.dependencies import element
from whendue.jobs.model import Job, State, from_item
from whendue.jobs.transitions import claim
from whendue.quotas import FAN_OUT_PAGE
from whendue.submission.request import Dependency, JobRequest
from whendue.table.writes import Write
from whendue.workflows.graph import Draft, make, to_value


def after(*dependencies: Job) -> tuple[Dependency, ...]:
    """Wait for jobs."""
    return tuple(Dependency(job=dependency.id) for dependency in dependencies)


def children_of(world: World, dependency: Job, count: int) -> list[Job]:
    """Submit jobs that wait for one."""
    results = world.app.submit.many(TENANT, [JobRequest("ok", {}, depends_on=after(dependency))] * count)
    return [end.job for end in results if not isinstance(end, Exception)]


def test_a_refused_step_that_ends_nothing_is_not_tried_again() -> None:
    """However many wait for its job."""
    world, calls = World(), list[str]()
    dependency = world.submit(delay_s=10)
    children_of(world, dependency, 1)
    running = claim(dependency, "mine", dependency.due_at)
    assert world.table.apply([running])[0].done
    ports = replace(world.app.runtime, store=Counted(world.table, calls))
    [(_, end)] = apply(ports, [claim(dependency, "theirs", dependency.due_at)])
    assert end.status is WriteStatus.REFUSED
    assert calls == ["apply"]


def test_a_dependent_that_cannot_be_released_keeps_the_fan_out_pending() -> None:
    """And holds up no other dependency."""
    world = World()
    first, second = world.submit(delay_s=5), world.submit(delay_s=5)
    [child], [other_child] = children_of(world, first, 1), children_of(world, second, 1)

    def all_but_one(writes: Sequence[Write]) -> list[WriteResult]:
        made = iter(world.table.apply([write for write in writes if write.key != child.key]))
        return [WriteResult(WriteStatus.UNAVAILABLE) if write.key == child.key else next(made) for write in writes]

    world.clock.advance(6)
    world.work(world.build(Refusing(world.table, "apply", all_but_one)))
    assert world.job(first).pending_fan_out == ""
    assert world.job(second).pending_fan_out is None
    assert world.job(other_child).state is State.SUCCEEDED
    world.pass_time(180)
    assert world.job(child).state is State.SUCCEEDED
    assert world.job(first).pending_fan_out is None


def test_dependents_are_released_in_pages_each_once() -> None:
    """The place that was reached is kept: whoever goes on does not begin again."""
    world, calls = World(), list[str]()
    dependency = world.submit(delay_s=5)
    children_of(world, dependency, 2 * FAN_OUT_PAGE)
    world.clock.advance(6)
    world.work(world.build(Counted(world.table, calls)), queue="normal")
    # Two full pieces, and one that shows that there is no more.
    assert calls.count("query_range") == 3
    assert len(world.ran) == 1 + 2 * FAN_OUT_PAGE


def test_what_cannot_be_read_is_delivered_later() -> None:
    """The dependency stays where its next check finds it."""
    world = World()
    dependency = world.submit(delay_s=5)
    [dependent] = children_of(world, dependency, 1)
    world.clock.advance(6)
    world.work(world.build(Refusing(world.table, "query_range", _unavailable)))
    stored = world.job(dependency)
    assert (stored.state, stored.pending_fan_out) == (State.SUCCEEDED, "")
    assert CompletionFanOut(replace(world.app.runtime, store=Refusing(world.table, "query_range", _unavailable))).run(
        [stored]
    ) == [stored]
    assert CompletionFanOut(world.app.runtime).run([stored]) == []
    world.work()
    assert world.job(dependent).state is State.SUCCEEDED


def test_a_stale_end_that_arrives_late_releases_no_dependent() -> None:
    """The dependency has been redriven since."""
    world = World()
    dependency = world.submit(delay_s=100)
    [dependent] = children_of(world, dependency, 1)
    world.table.apply([Write("wait", dependent.key, (), {"unmet_dependencies": frozenset({element(0, 5)})})])
    world.clock.advance(101)
    world.work()
    assert world.job(dependency).state is State.SUCCEEDED
    assert world.job(dependent).state is State.WAITING


def test_a_job_that_does_not_exist_has_no_deliveries() -> None:
    """Notes of a submit that died name it."""
    world = World()
    heard = DependencyReleaser(world.app.runtime).release({"00000000-0000-7000-8000-000000000000": []})
    assert (heard.unknown, heard.pending) == (set(), [])


def test_a_part_is_kept_as_long_as_its_workflow() -> None:
    """What became of it is asked for until the whole is gone."""
    world = World()
    node = JobRequest("ok", {}, policy={"retention_s": 60})
    whole = world.app.submit.one(TENANT, JobRequest("workflow", to_value(make([Draft("a", "a", node)])))).job
    world.work()
    [part] = [from_item(item) for item in world.table.items().values() if item.get("parent_id") == whole.id]
    assert part.policy.retention_s == whole.policy.retention_s


@pytest.mark.parametrize(("bad", "acknowledged"), [({0}, [None, True]), ({0, 1}, [False, False])])
def test_a_message_is_at_fault_only_if_its_queue_takes_others(bad: set[int], acknowledged: list[bool | None]) -> None:
    """A queue that takes none may take them later; a message that alone is refused is given up."""
    world = World()
    jobs = [world.submit(delay_s=600), world.submit(delay_s=600)]
    refused = {to_body(jobs[number]) for number in bad}

    def all_but(queue: str, messages: Sequence[Outgoing]) -> Sequence[bool | None]:
        if refused & {message.body for message in messages}:
            raise ValueError("not this one")
        return world.queues.send(queue, messages)

    assert send(Refusing(world.queues, "send", all_but), jobs, world.clock.now_ms()) == acknowledged


def _unavailable(*_arguments: Any, **_options: Any) -> Any:
    raise UnavailableError
