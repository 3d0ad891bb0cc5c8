"""The worker's threads: they run what every queue has, and end in good order."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.builders.waiting import eventually
from tests.builders.world import RealTime
from whendue.containers.health import Liveness
from whendue.containers.worker import GIVE_BACK_S, Options, Worker
from whendue.declarations.context import Context
from whendue.engine.message import to_body
from whendue.engine.ports import Outgoing, ReceivedMessage
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State
from whendue.settings import QUEUES

SILENT_S = 60


@pytest.fixture
def world() -> RealTime:
    return RealTime()


@pytest.fixture
def start(world: RealTime) -> Iterator[Callable[..., Worker]]:
    """Start workers; what they run is released in the end."""
    started: list[Worker] = []

    def make(**options: Any) -> Worker:
        wanted: dict[str, Any] = {
            "queues": (*QUEUES, "dead_letter"),
            "threads": 2,
            "batch": 10,
            "wait_s": 1,
            "grace_s": 20,
        } | options
        started.append(Worker(world.app, Options(**wanted), Liveness(world.system.now_ms, SILENT_S)))
        started[-1].start()
        return started[-1]

    yield make
    world.release.set()
    for worker in started:
        worker.drain()
        assert worker.join()


def state(world: RealTime, job: Job) -> Callable[[], State]:
    return lambda: world.job(job).state


def instead(world: RealTime, **calls: Callable[..., Any]) -> None:
    """Let a worker have a queue of which some calls are others."""
    mine = {name: getattr(world.queues, name) for name in ("receive", "delete", "change_visibility")}
    world.app.queue = SimpleNamespace(**mine | calls)


def hang(world: RealTime) -> Callable[[Any, Context], None]:
    def task(payload: object, ctx: Context) -> None:
        while not world.release.wait(0.01):
            pass

    return task


def test_jobs_of_every_queue_are_run_and_their_messages_deleted(world: RealTime, start: Callable[..., Worker]) -> None:
    """By two threads, which is fewer than there are queues."""
    jobs = [world.submit(queue=queue) for queue in QUEUES for _ in range(12)]
    start()
    for job in jobs:
        eventually(state(world, job), lambda got: got is State.SUCCEEDED)
    eventually(lambda: sum(map(world.queues.pending, QUEUES)) == 0)


def test_what_sqs_gave_up_on_becomes_a_dead_job(world: RealTime, start: Callable[..., Worker]) -> None:
    """The container's worker does what the function `dead_letter` does."""
    job = world.submit()
    world.queues.discard("normal")
    world.queues.send("dead_letter", [Outgoing(to_body(world.job(job)), 0)])
    start()
    eventually(state(world, job), lambda got: got is State.DEAD)
    eventually(lambda: world.queues.pending("dead_letter") == 0)


def test_a_drained_worker_lets_its_jobs_end_and_takes_no_more(world: RealTime, start: Callable[..., Worker]) -> None:
    """What ends within the grace has ended as ever."""
    world.task("hang", hang(world))
    job = world.submit("hang", policy={"timeout_s": 600})
    worker = start(threads=1)
    eventually(state(world, job), lambda got: got is State.RUNNING)
    worker.drain()
    late = world.submit()
    world.release.set()
    assert worker.join()
    assert state(world, job)() is State.SUCCEEDED
    assert (state(world, late)(), world.queues.pending("normal")) == (State.PENDING, 1)


def test_a_drained_worker_gives_back_what_does_not_end_within_the_grace(
    world: RealTime, start: Callable[..., Worker]
) -> None:
    """And ends before the grace is over, which `join` says."""
    world.task("hang", hang(world))
    job = world.submit("hang", policy={"timeout_s": 600})
    worker = start(threads=1, grace_s=GIVE_BACK_S + 1)
    eventually(state(world, job), lambda got: got is State.RUNNING)
    worker.drain()
    assert worker.join()
    given = world.job(job)
    assert (given.state, given.claims, given.failures) == (State.PENDING, 0, 0)
    assert len(world.queues.receive("normal")) == 1


def test_a_message_that_comes_while_the_worker_goes_down_is_to_be_had_at_once(
    world: RealTime, start: Callable[..., Worker]
) -> None:
    """Not when its visibility ends, minutes later."""
    job = world.submit()
    received, go_on = threading.Event(), threading.Event()
    receive = world.queues.receive

    def slowly(queue: str, **how: int) -> list[ReceivedMessage]:
        got = receive(queue, **how)
        if got:
            received.set()
            go_on.wait()
        return got

    instead(world, receive=slowly)
    worker = start(threads=1)
    assert received.wait(120)
    worker.drain()
    go_on.set()
    assert worker.join()
    [again] = receive("normal")
    assert (again.receive_count, world.job(job).claims) == (2, 0)


@pytest.mark.parametrize("error", [UnavailableError(), RuntimeError("nobody expected it")])
def test_a_thread_survives_what_goes_wrong(
    world: RealTime, start: Callable[..., Worker], error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """A queue that does not answer is asked again; an error is told by type and place, not by its words."""
    receive, failed = world.queues.receive, threading.Event()

    def once_broken(queue: str, **how: int) -> list[ReceivedMessage]:
        if not failed.is_set():
            failed.set()
            raise error
        return receive(queue, **how)

    instead(world, receive=once_broken)
    job = world.submit()
    start(threads=1)
    eventually(state(world, job), lambda got: got is State.SUCCEEDED)
    out = capsys.readouterr().out
    assert type(error).__name__ in out
    assert str(error) not in out


def test_a_running_job_is_progress_and_a_thread_that_hangs_elsewhere_is_none(world: RealTime) -> None:
    """A job may take hours: its batch looks after its lease all the while."""
    clock = [0]
    liveness = Liveness(lambda: clock[0], SILENT_S)
    options = Options(QUEUES, threads=1, batch=10, wait_s=1, grace_s=20)
    worker = Worker(world.app, options, liveness)
    world.task("hang", hang(world))
    job = world.submit("hang", policy={"timeout_s": 600})
    worker.start()
    eventually(state(world, job), lambda got: got is State.RUNNING)
    clock[0] += (SILENT_S + 1) * 1000
    eventually(liveness.silent, lambda silent: silent == [])
    stuck = threading.Event()
    instead(world, delete=lambda *_: stuck.wait())
    world.release.set()
    eventually(state(world, job), lambda got: got is State.SUCCEEDED)
    clock[0] += (SILENT_S + 1) * 1000
    eventually(liveness.silent, lambda silent: silent == ["listener-0"])
    worker.drain()
    stuck.set()
    assert worker.join()
