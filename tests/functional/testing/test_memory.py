"""whendue.testing.memory: services that share nothing with those of another test."""

import tests.builders.kit_tasks  # noqa: F401 - declares the tasks
from whendue.declarations.registry import TASKS
from whendue.jobs.model import State
from whendue.settings import ALL_QUEUES
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock
from whendue.testing.memory import MemoryWhendue, memory_settings


def made() -> MemoryWhendue:
    return MemoryWhendue(memory_settings(), TASKS, ManualClock())


def test_a_job_goes_from_its_submit_to_its_result() -> None:
    """Through the queues that the settings name."""
    whendue = made()
    job = whendue.app.submit.one("test", JobRequest("demo.kit.double", {"n": 2})).job
    assert len(whendue.work()) == 1
    assert whendue.app.query.get("test", job.id).result == {"doubled": 4}
    assert set(memory_settings().queues) == set(ALL_QUEUES)


def test_a_queue_may_be_worked_on_alone() -> None:
    """The others keep their messages."""
    whendue = made()
    jobs = [
        whendue.app.submit.one("test", JobRequest("demo.kit.double", {"n": 2}, queue=queue)).job
        for queue in ("high", "low")
    ]
    whendue.work(queue="low")
    states = [whendue.app.query.get("test", job.id).job.state for job in jobs]
    assert states == [State.PENDING, State.SUCCEEDED]


def test_the_timer_ticks_once() -> None:
    """And sends what is due soon."""
    whendue = made()
    whendue.app.submit.one("test", JobRequest("demo.kit.double", {"n": 2}, delay_s=600))
    assert whendue.tick().promoted == 0
    whendue.clock.advance(500)
    assert whendue.tick().promoted == 1
