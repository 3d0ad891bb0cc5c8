"""The worker's threads: they run what every queue has, and end in good order."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from tests.builders.waiting import eventually
from tests.builders.world import RealTime, World
from whendue.adapters.memory import MemoryStore
from whendue.aws_quotas import DYNAMODB_MAX_STATEMENTS
from whendue.containers.health import Liveness
from whendue.containers.suspect_runner import SuspectRunner
from whendue.containers.worker import GIVE_BACK_S, LOOK_S, Options, Worker
from whendue.declarations.context import Context
from whendue.engine.message import to_body
from whendue.engine.ports import BatchResult, Outgoing, ReceivedMessage, WriteResult
from whendue.engine.stage import done, kept
from whendue.errors import Interrupted, UnavailableError
from whendue.jobs.model import Job, State
from whendue.jobs.transitions import claim
from whendue.settings import ALL_QUEUES, DEAD_LETTER_QUEUES, QUEUES
from whendue.table.writes import Write
from whendue.worker.suspects import KillerTypes

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


class Counting(MemoryStore):
    """A world's table, with writes of another kind."""

    def __init__(self, table: MemoryStore, apply: Callable[[Sequence[Write]], list[WriteResult]]) -> None:
        self.__dict__.update(table.__dict__)
        self.apply = apply  # type: ignore[method-assign,assignment]


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


@pytest.mark.parametrize("busy", [("normal",), ("critical", "low"), QUEUES])
def test_every_thread_runs_a_job_while_any_queue_has_one(
    world: RealTime, start: Callable[..., Worker], busy: tuple[str, ...]
) -> None:
    """With all queues and long polls, as by default: a job that hangs holds one thread, and no message waits for it."""
    world.task("hang", hang(world))
    for queue in busy:
        world.submit("hang", queue=queue, policy={"timeout_s": 600})
    jobs = [world.submit("hang", queue=busy[n % len(busy)], policy={"timeout_s": 600}) for n in range(40)]
    start(queues=(*ALL_QUEUES, *DEAD_LETTER_QUEUES), threads=20, wait_s=3)
    eventually(lambda: len(world.ran) == 20)
    assert sum(state(world, job)() is State.RUNNING for job in jobs) >= 20 - len(busy)


def test_a_job_that_takes_long_holds_its_own_thread_alone(world: RealTime, start: Callable[..., Worker]) -> None:
    """Its neighbours were received with it, and others after it."""
    world.task("hang", hang(world))
    slow = world.submit("hang", policy={"timeout_s": 600})
    jobs = [world.submit() for _ in range(30)]
    start(threads=2)
    for job in jobs:
        eventually(state(world, job), lambda got: got is State.SUCCEEDED)
    assert state(world, slow)() is State.RUNNING


def test_claims_and_ends_of_all_threads_share_their_calls(world: RealTime, start: Callable[..., Worker]) -> None:
    """A call each would be two for every job; a batch of ten for each thread shares them only within it."""
    calls = Counter[str]()
    apply = world.table.apply

    def counted(writes: Sequence[Write]) -> list[WriteResult]:
        names = {write.name for write in writes}
        calls.update(names & {"claim", "succeed"})
        for name in names & {"claim", "succeed"}:
            # As long as a call takes: the next group is made meanwhile.
            world.system.sleep(0.05)
            calls[f"most {name}"] = max(calls[f"most {name}"], len(writes))
        return apply(writes)

    world.app = world.build(store=Counting(world.table, counted))
    jobs = [world.submit() for _ in range(200)]
    start(threads=40)
    for job in jobs:
        eventually(state(world, job), lambda got: got is State.SUCCEEDED)
    assert calls["claim"] <= 200 / 8
    assert calls["succeed"] <= 200 / 8
    assert max(calls["most claim"], calls["most succeed"]) <= DYNAMODB_MAX_STATEMENTS


def test_messages_are_deleted_in_full_calls_behind_the_work(world: RealTime, start: Callable[..., Worker]) -> None:
    """Each call deletes up to ten; what is left over is deleted within a second or two, or when the worker stops."""
    deleted: list[int] = []
    delete = world.queues.delete

    def counted(queue: str, receipts: Sequence[str]) -> None:
        deleted.append(len(receipts))
        delete(queue, receipts)

    instead(world, delete=counted)
    for _ in range(100):
        world.submit()
    start(threads=40)
    eventually(lambda: sum(deleted) == 100)
    assert len(deleted) <= 20
    assert world.queues.pending("normal") == 0


def test_messages_that_wait_go_back_at_once_when_the_worker_stops(
    world: RealTime, start: Callable[..., Worker]
) -> None:
    """They were received before a thread was free; nobody has claimed their jobs."""
    world.task("hang", hang(world))
    jobs = [world.submit("hang", policy={"timeout_s": 600}) for _ in range(60)]
    worker = start(threads=20, grace_s=GIVE_BACK_S + 1)
    eventually(lambda: len(world.ran) == 20)
    worker.drain()
    assert worker.join()
    assert {(world.job(job).state, world.job(job).claims, world.job(job).failures) for job in jobs} == {
        (State.PENDING, 0, 0)
    }
    depth = world.queues.depth("normal")
    assert (depth.visible, depth.in_flight) == (60, 0)


def test_a_suspect_runs_beside_the_others_and_holds_none_of_their_threads(
    world: RealTime, start: Callable[..., Worker]
) -> None:
    """Its worker died once: here it runs alone, after what is beyond doubt has begun."""
    world.task("hang", hang(world))
    suspect = world.submit("hang", policy={"timeout_s": 600})
    world.table.apply([claim(suspect, "silent", world.system.now_ms() - 10**6)])
    world.queues.change_visibility("normal", [message.receipt for message in world.queues.receive("normal")], 0)
    other = world.submit()
    start(threads=1)
    eventually(state(world, other), lambda got: got is State.SUCCEEDED)
    eventually(lambda: world.runs(suspect))
    assert state(world, suspect)() is State.RUNNING


class Process:
    """A process of its own, in the world of the test; it ends when the test says so."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.over = False

    def start(self, message: ReceivedMessage, deadline_ms: int) -> "Process":
        self.result = self._world.build().work.handle([message], deadline_ms)
        return self

    def drain(self, at_ms: int) -> None: ...

    def ended(self, timeout_s: float) -> bool:
        return self.over

    def begun(self) -> bool:
        return True

    def worked(self) -> BatchResult:
        return self.result

    def kill(self) -> None: ...


def test_a_suspects_process_is_looked_after_until_it_ends() -> None:
    """What is new is not waited for meanwhile; nothing to do is nothing under way."""
    world, timeouts = World(), list[float]()
    process = Process(world)
    suspects = SuspectRunner(world.build(isolation=process), KillerTypes(), lambda: None)

    class Noted(SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            timeouts.append(timeout or 0)
            return super().get(block, timeout)

    suspects._new = Noted()
    suspects.add([])
    busy = [suspects.busy]
    job = world.submit()
    [message] = world.queues.receive("normal")
    suspects.add([(message, job)])
    busy.append(suspects.busy)
    assert (suspects.step(), suspects.busy) == ([], True)
    process.over = True
    assert (suspects.step(), suspects.busy) == ([done(message, "succeeded")], False)
    assert (busy, timeouts) == ([False, True], [LOOK_S, 0.001])


@pytest.mark.parametrize("drain_ms", [None, 0])
def test_a_suspect_runs_here_where_no_process_can_be_started(drain_ms: int | None) -> None:
    """Its message stays when the worker stops."""
    world = World()
    suspects = SuspectRunner(world.app, KillerTypes(), lambda: drain_ms)
    job = world.submit()
    [message] = world.queues.receive("normal")
    assert not suspects.busy
    suspects.add([(message, job)])
    assert suspects.step() == ([done(message, "succeeded"), done(message)] if drain_ms is None else [kept(message)])


def test_an_interrupted_job_leaves_its_thread_to_others(world: RealTime, start: Callable[..., Worker]) -> None:
    """The only thread there is: another one replaces it, also where the task does not stop."""

    def stubborn(payload: object, ctx: Context) -> None:
        while not world.release.is_set():
            try:
                world.release.wait(0.01)
            except Interrupted:
                continue

    world.task("stubborn", stubborn)
    stuck = world.submit("stubborn", policy={"timeout_s": 1, "max_attempts": 1})
    job = world.submit()
    start(threads=1)
    eventually(state(world, job), lambda got: got is State.SUCCEEDED)
    eventually(state(world, stuck), lambda got: got is State.DEAD)
    assert world.job(stuck).last.type == "timeout"  # type: ignore[union-attr]


def test_a_running_jobs_lease_is_renewed_with_those_of_all_others(
    world: RealTime, start: Callable[..., Worker]
) -> None:
    """One call for all threads."""
    beats: list[int] = []
    apply = world.table.apply

    def counted(writes: Sequence[Write]) -> list[WriteResult]:
        beats.extend([len(writes)] if {write.name for write in writes} == {"heartbeat"} else [])
        return apply(writes)

    world.app = world.build(store=Counting(world.table, counted))
    world.task("hang", hang(world))
    for _ in range(8):
        world.submit("hang", policy={"timeout_s": 600, "lease_s": 2})
    start(threads=8)
    eventually(lambda: 8 in beats)


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
    options = Options(QUEUES, threads=1, wait_s=1, grace_s=20)
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
    eventually(liveness.silent, lambda silent: silent == ["messages"])
    worker.drain()
    stuck.set()
    assert worker.join()
