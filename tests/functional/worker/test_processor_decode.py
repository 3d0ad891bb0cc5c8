"""Messages as a worker reads them: what cannot run now is left, and stays unless it is a duplicate."""

from dataclasses import replace

from tests.builders.world import World
from whendue.engine.message import to_body
from whendue.engine.ports import ReceivedMessage
from whendue.engine.stage import Left
from whendue.jobs.model import Job, evolve
from whendue.worker.processor import decode


def message(job: Job, number: int = 0) -> ReceivedMessage:
    return ReceivedMessage(str(number), f"receipt-{number}", to_body(job), 1, job.queue)


def test_a_due_job_passes() -> None:
    world = World()
    job = world.submit()
    decoded = decode(world.app.runtime, [received_message := message(job)], world.clock.now_ms())
    assert [(received, carried.id) for received, carried in decoded.passed] == [(received_message, job.id)]
    assert decoded.left == []


def test_of_several_messages_of_a_job_the_newest_generation_passes() -> None:
    world = World()
    job = world.submit()
    newer = evolve(job, generation=job.generation + 1)
    old, new, again = (message(carried, number) for number, carried in enumerate((job, newer, job)))
    decoded = decode(world.app.runtime, [old, new, again], world.clock.now_ms())
    assert [received for received, _ in decoded.passed] == [new]
    assert decoded.left == [Left(old, "duplicate", keep=False), Left(again, "duplicate", keep=False)]


def test_a_message_that_came_early_is_hidden_until_its_job_is_due() -> None:
    world = World()
    job = world.submit()
    world.queues.receive("normal")
    early = message(evolve(job, due_at=world.clock.now_ms() + 90_000))
    decoded = decode(world.app.runtime, [early], world.clock.now_ms())
    assert decoded.passed == []
    assert decoded.left == [Left(early, "early", keep=True)]


def test_a_message_that_nobody_can_read_stays_for_redrive() -> None:
    world = World()
    odd = replace(message(world.submit()), body="{}")
    decoded = decode(world.app.runtime, [odd], world.clock.now_ms())
    assert decoded.left == [Left(odd, "unreadable", keep=True)]
