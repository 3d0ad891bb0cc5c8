"""Jobs of a process that keeps running: claimed and recorded in groups, by whoever has a thread for it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.limits import Metered
from tests.builders.world import World
from whendue.engine.message import from_body
from whendue.engine.ports import ReceivedMessage, WriteResult
from whendue.jobs.model import State
from whendue.jobs.outcomes import Failed, Succeeded
from whendue.table.writes import Write
from whendue.worker.batch_runner import ABANDONED
from whendue.worker.job_stream import JobStream


class Held:
    """Calls that run when told."""

    def __init__(self) -> None:
        self.calls: dict[int, Callable[[], Any]] = {}
        self.interrupted: list[int] = []

    def run(self, number: int, call: Callable[[], Any]) -> None:
        self.calls[number] = call

    def interrupt(self, number: int, error: type[BaseException]) -> None:
        self.interrupted.append(number)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def stream(world: World, held: Held) -> JobStream:
    return world.app.job_stream(held, lambda: None)


def received(world: World) -> list[ReceivedMessage]:
    return list(world.queues.receive("normal"))


def finish(stream: JobStream, held: Held, *numbers: int) -> Sequence[Any]:
    """Run calls, and record how they ended, in one group."""
    return stream.record(stream.jobs.end_all([(number, held.calls[number]()) for number in numbers]))


def test_a_group_is_claimed_run_and_recorded_together(world: World, held: Held, stream: JobStream) -> None:
    """Each message is left once its job is recorded, and not before."""
    jobs = [world.submit() for _ in range(3)]
    begun = stream.begin(received(world))
    assert (begun.started, begun.left, begun.suspects) == (3, [], [])
    assert {world.job(job).state for job in jobs} == {State.RUNNING}
    left = finish(stream, held, *held.calls)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    assert [(outcome, keep) for _, outcome, keep in left] == [("succeeded", False)] * 3


def test_messages_that_begin_nothing_cost_no_claim(world: World, stream: JobStream) -> None:
    """A message that comes early, and one of a job whose worker died."""
    world.submit(delay_s=30)
    early = world.queues.messages["normal"][0]
    early.visible_at = world.clock.now_ms()
    lost = world.submit()
    [first, second] = received(world)
    suspect = ReceivedMessage(second.id, second.receipt, second.body, 6, second.queue)
    begun = stream.begin([first, suspect])
    assert begun.started == 0
    assert [(message.id, outcome) for message, outcome, _ in begun.left] == [(first.id, "early")]
    assert [job.id for _, job in begun.suspects] == [lost.id]
    assert world.job(lost).claims == 0


def test_a_job_that_ended_twice_here_is_recorded_by_its_newer_claim(
    world: World, held: Held, stream: JobStream
) -> None:
    """Its lease was lost, and this process claimed it again: one call to the table takes no item twice."""
    job = world.submit(policy={"lease_s": 5})
    [message] = received(world)
    assert stream.begin([message]).started == 1
    world.clock.advance(6)
    assert stream.begin([message]).started == 1
    other = world.submit()
    assert stream.begin(received(world)).started == 1
    left = finish(stream, held, 0, 1, 2)
    assert world.job(job).state is world.job(other).state is State.SUCCEEDED
    assert sorted(str(outcome) for _, outcome, _ in left) == ["succeeded", "succeeded", "superseded"]
    assert world.app.bulkhead.take() == {}


def test_the_end_of_a_lost_claim_costs_one_refused_write(world: World, held: Held) -> None:
    """Nobody asked to cancel the job: there is nothing to try instead."""
    world.table = store = Metered()
    world.app = world.build()
    stream = world.app.job_stream(held, lambda: None)
    world.submit(policy={"lease_s": 5})
    [message] = received(world)
    assert stream.begin([message]).started == 1
    world.clock.advance(6)
    assert stream.begin([message]).started == 1
    store.writes.clear()
    [(_, outcome, keep)] = finish(stream, held, 0)
    assert (outcome, keep) == ("superseded", False)
    assert store.writes == {"succeed": 1}


def test_an_unexpected_error_leaves_the_messages_of_its_group(world: World, held: Held) -> None:
    """They come again; nothing runs that was not claimed."""

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        raise RuntimeError("what nobody expects")

    job = world.submit()
    app = world.build(store=Refusing(world.table, "apply", apply))
    [message] = received(world)
    begun = app.job_stream(held, lambda: None).begin([message])
    assert (begun.started, [(outcome, keep) for _, outcome, keep in begun.left]) == (0, [("isolated", True)])
    assert held.calls == {}
    assert world.job(job).claims == 0


def test_a_job_that_does_not_stop_is_given_up_to_be_recorded(world: World, held: Held, stream: JobStream) -> None:
    """It was interrupted a second before."""
    world.submit(policy={"timeout_s": 10})
    stream.begin(received(world))
    assert stream.keep() == []
    world.clock.advance(10)
    assert (stream.keep(), held.interrupted) == ([], [0])
    world.clock.advance(1)
    [(number, outcome)] = stream.keep()
    assert (number, type(outcome).__name__) == (0, "Failed")


def test_a_task_submits_jobs_until_its_attempt_is_given_up(world: World, held: Held, stream: JobStream) -> None:
    """One that did not stop when it was interrupted may still run; what it asks for then is refused."""
    world.task("parent", lambda payload, ctx: ctx.submit("ok"))
    for _ in range(2):
        world.submit("parent")
    stream.begin(received(world))
    first, second = held.calls
    stream.jobs.end(first, ABANDONED)
    refused, created = (held.calls[number]() for number in (first, second))
    assert (type(refused), refused.type) == (Failed, "state_conflict")
    assert isinstance(created, Succeeded)
    assert [job.type for job in map(from_body, (message.body for message in received(world)))] == ["ok"]
