"""Suspects run in processes of their own: as many as there is room for; the others go back, or wait."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from localstack.topology import topology
from tests.builders.world import SETTINGS, World
from whendue.bootstrap.application import App
from whendue.engine.message import from_body, to_body
from whendue.engine.ports import BatchResult, Outgoing, ReceivedMessage
from whendue.engine.stage import kept
from whendue.jobs.model import Job, State, evolve
from whendue.jobs.transitions import claim
from whendue.quotas import (
    DEADLY_REMEMBERED,
    DEADLY_S,
    GIVEN_BACK,
    ISOLATED_EXTRA_S,
    NO_ROOM_VISIBILITY_S,
    SUSPECTS_WAITING,
)
from whendue.submission.request import JobRequest
from whendue.table.writes import delete
from whendue.worker.suspects import KillerTypes, Suspects

FOREVER_MS = 4_000_000_000_000
LAST = len(NO_ROOM_VISIBILITY_S)


class Process:
    """A process of its own: other services on the same world. It has ended when it is asked for the `late`-th time."""

    def __init__(self, app: App, message: ReceivedMessage, deadline_ms: int, rooms: "Rooms") -> None:
        self._rooms = rooms
        self._late = rooms.late
        self._worked = None if rooms.deadly or rooms.broken else app.work.handle([message], deadline_ms)
        self.killed = False

    def ended(self, timeout_s: float) -> bool:
        self._late -= 1
        self._rooms.world.clock.advance(timeout_s)
        if over := self._late < 0:
            self._rooms.running.discard(self)
        return over

    def begun(self) -> bool:
        return not self._rooms.broken

    def worked(self) -> BatchResult | None:
        return None if self.killed else self._worked

    def kill(self) -> None:
        self.killed = True
        self._rooms.running.discard(self)


class Rooms:
    """Room for so many processes."""

    def __init__(self, world: World, room: int, *, late: int = 0, deadly: bool = False, broken: bool = False) -> None:
        self.world, self.room, self.late, self.deadly, self.broken = world, room, late, deadly, broken
        self.running: set[Process] = set()
        self.begun: list[str] = []

    def start(self, message: ReceivedMessage, deadline_ms: int) -> Process | None:
        if len(self.running) >= self.room:
            return None
        self.begun.append(message.id)
        process = Process(self.world.build(), message, deadline_ms, self)
        self.running.add(process)
        return process

    def drain(self, at_ms: int) -> None:
        raise NotImplementedError


def lost(world: World, jobs: Sequence[Job], receives: int = 2) -> list[ReceivedMessage]:
    """Let workers die of jobs; return their messages as they come again, received so often."""
    world.table.apply([claim(job, f"silent-{job.id}", world.clock.now_ms()) for job in jobs])
    world.clock.advance(100)
    for _ in range(receives - 1):
        world.queues.change_visibility("normal", [message.receipt for message in world.queues.receive("normal")], 0)
    return world.queues.receive("normal")


def handled(world: World, rooms: Rooms, messages: Sequence[ReceivedMessage], **options: Any) -> BatchResult:
    deadline_ms = options.pop("deadline_ms", FOREVER_MS)
    return world.build(isolation=rooms).work.handle(messages, deadline_ms, options.get("drain_at"))


def test_each_runs_in_a_process_of_its_own_and_fresh_ones_here() -> None:
    """G10: it dies alone."""
    world = World()
    suspects = [world.submit() for _ in range(2)]
    messages = lost(world, suspects)
    fresh = world.submit()
    rooms = Rooms(world, 5)
    worked = handled(world, rooms, [*messages, *world.queues.receive("normal")])
    assert worked == ([], {"succeeded": 3})
    assert rooms.begun == [message.id for message in messages]
    assert {world.job(job).state for job in (*suspects, fresh)} == {State.SUCCEEDED}


@pytest.mark.parametrize("receives", [2, 3])
def test_those_without_room_go_back_to_other_workers_soon(receives: int) -> None:
    """Seen before: the last of ten was run after 400 s, while others idled."""
    world = World()
    messages = lost(world, [world.submit() for _ in range(3)], receives)
    rooms = Rooms(world, 1, late=3)
    worked = handled(world, rooms, messages)
    assert worked == ([message.id for message in messages[1:]], {"succeeded": 1, "no_room": 2})
    world.clock.advance(NO_ROOM_VISIBILITY_S[receives - 1])
    assert len(world.queues.receive("normal")) == 2


def test_those_that_went_back_often_wait_for_room() -> None:
    """SQS counts every receive; nobody is to be given up on for lack of room."""
    world = World()
    jobs = [world.submit() for _ in range(3)]
    messages = lost(world, jobs, len(NO_ROOM_VISIBILITY_S) + 1)
    worked = handled(world, Rooms(world, 1, late=3), messages)
    assert worked == ([], {"succeeded": 3})


@pytest.mark.parametrize(
    ("receives", "waiting"), [(GIVEN_BACK, 0), (GIVEN_BACK + 1, 100), (LAST, 100), (LAST + 1, 102)]
)
def test_so_many_wait_that_others_may_have_room_for_the_rest(receives: int, waiting: int) -> None:
    """After the last time that a message could be given back it waits, however many there are."""
    world = World()
    jobs = [world.submit() for _ in range(SUSPECTS_WAITING + 2)]
    received = [(ReceivedMessage(job.id, job.id, to_body(job), receives, "normal"), job) for job in jobs]
    suspects = Suspects(world.app.runtime, Rooms(world, 0), KillerTypes(), FOREVER_MS, None)
    suspects.begin(received)
    assert suspects.take_left() == [kept(message, "no_room") for message, _ in received[waiting:]]


def test_sqs_gives_up_on_none_before_it_waits_and_twice_more() -> None:
    """A worker that lets it wait may die, too."""
    assert topology().queues.max_receive_count >= LAST + 3


def test_forty_jobs_of_a_killed_worker_run_again_on_one_that_has_room_for_five() -> None:
    """Seen before: 25 of 40 were given back until SQS gave up on them, and ended dead."""
    world = World()
    jobs = [world.submit() for _ in range(40)]
    world.table.apply([claim(job, f"silent-{job.id}", world.clock.now_ms()) for job in jobs])
    world.clock.advance(100)
    # They have been received once, by the worker that died.
    while messages := world.queues.receive("normal"):
        world.queues.change_visibility("normal", [message.receipt for message in messages], 50)
    world.clock.advance(50)
    # Each job takes 45 s, and a process is looked at each half second.
    suspects = Suspects(world.app.runtime, Rooms(world, 5, late=90), KillerTypes(), FOREVER_MS, None)
    most = 0
    for _ in range(5000):
        received = world.queues.receive("normal")
        most = max([most, *(message.receive_count for message in received)])
        suspects.begin([(message, from_body(message.body)) for message in received])
        gone = [left.message.receipt for left in suspects.step() if not left.keep]
        world.queues.delete("normal", gone)
        if all(world.job(job).state is State.SUCCEEDED for job in jobs) and not suspects.busy:
            break
    assert [world.job(job).state for job in jobs] == [State.SUCCEEDED] * 40
    assert most <= GIVEN_BACK + 1


def test_those_that_wait_stay_hidden() -> None:
    """Seen before: received again and again while it waited, a job was given up on as a dead letter."""
    world = World()
    messages = lost(world, [world.submit() for _ in range(2)], len(NO_ROOM_VISIBILITY_S) + 1)
    world.clock.advance(SETTINGS.visibility_s - 1)
    rooms = Rooms(world, 1, late=100)
    seen: list[int] = []
    worked = handled(world, rooms, messages, drain_at=lambda: seen.append(world.queues.depth("normal").visible))
    assert worked == ([], {"succeeded": 2})
    # The one that runs is seen to by its own process.
    assert max(seen[10:]) == 1


def test_they_wait_no_longer_than_the_process_may_live() -> None:
    """Nor is one that does not end waited for."""
    world = World()
    messages = lost(world, [world.submit() for _ in range(2)], len(NO_ROOM_VISIBILITY_S) + 1)
    rooms = Rooms(world, 1, late=1000)
    worked = handled(world, rooms, messages, deadline_ms=world.clock.now_ms() + 10_000)
    assert Counter(worked.unsettled) == Counter(message.id for message in messages)
    assert worked.counts == {"process_lost": 1}
    assert rooms.running == set()


@pytest.mark.parametrize(
    ("receives", "left_s", "outcomes"),
    [
        (GIVEN_BACK + 1, 20, {"succeeded": 1, "no_time": 2}),
        (GIVEN_BACK + 1, 600, {"succeeded": 3}),
        (LAST + 1, 20, {"succeeded": 3}),
    ],
)
def test_none_that_waited_begins_with_less_time_than_its_timeout(
    receives: int, left_s: int, outcomes: dict[str, int]
) -> None:
    """Its attempt would end with the function, as a failed one; another worker has more time."""
    world = World()
    jobs = [world.submit(policy={"timeout_s": 30}) for _ in range(3)]
    messages = lost(world, jobs, receives)
    deadline_ms = world.clock.now_ms() + left_s * 1000
    worked = handled(world, Rooms(world, 1, late=3), messages, deadline_ms=deadline_ms)
    assert worked.counts == outcomes
    assert len(worked.unsettled) == outcomes.get("no_time", 0)
    assert {world.job(job).failures for job in jobs} == {0}


def test_one_that_stops_itself_is_killed_after_its_jobs_timeout() -> None:
    """A worker in a container has no deadline of its own: five of them would take all the room there is, for good."""
    world = World()
    messages = lost(world, [world.submit(policy={"timeout_s": 30})])
    rooms, began_ms = Rooms(world, 1, late=10**6), world.clock.now_ms()
    worked = handled(world, rooms, messages)
    assert worked == ([messages[0].id], {"process_lost": 1})
    assert rooms.running == set()
    assert 30 <= (world.clock.now_ms() - began_ms) / 1000 <= 30 + ISOLATED_EXTRA_S + 1


def test_nothing_begins_when_the_worker_goes_down() -> None:
    """What has not begun is run by others."""
    world = World()
    messages = lost(world, [world.submit() for _ in range(2)], len(NO_ROOM_VISIBILITY_S) + 1)
    rooms = Rooms(world, 1)
    worked = handled(world, rooms, messages, drain_at=lambda: FOREVER_MS)
    assert Counter(worked.unsettled) == Counter(message.id for message in messages)
    assert rooms.begun == []


def test_the_message_of_one_that_died_comes_again_when_its_lease_has_ended() -> None:
    """Not after the queue's visibility timeout, which is hours."""
    world = World()
    job = world.submit(policy={"lease_s": 30})
    messages = lost(world, [job])
    worked = handled(world, Rooms(world, 1, deadly=True), messages)
    assert worked == ([messages[0].id], {"process_lost": 1})
    world.clock.advance(30)
    assert world.queues.receive("normal") == []
    world.clock.advance(2)
    assert len(world.queues.receive("normal")) == 1


def test_the_least_suspicious_begin_first() -> None:
    """Whoever killed twice may kill again."""
    world = World()
    twice, once = world.submit(), world.submit()
    world.table.apply([claim(twice, "earlier", world.clock.now_ms())])
    world.clock.advance(100)
    lost(world, [twice, once])
    # As rescue sends them.
    world.queues.send("normal", [Outgoing(to_body(world.job(job)), 0) for job in (twice, once)])
    came = world.queues.receive("normal")
    rooms = Rooms(world, 5)
    handled(world, rooms, came)
    which = {message.id: "twice" if twice.id in message.body else "once" for message in came}
    assert [which[message_id] for message_id in rooms.begun] == ["once", "twice"]


def test_a_message_that_was_given_back_unbegun_is_no_suspect() -> None:
    """A rolling deploy gives back hundreds."""
    world = World()
    job = world.submit()
    world.queues.change_visibility("normal", [message.receipt for message in world.queues.receive("normal")], 0)
    rooms = Rooms(world, 5)
    assert handled(world, rooms, world.queues.receive("normal")) == ([], {"succeeded": 1})
    assert rooms.begun == []
    assert world.job(job).state is State.SUCCEEDED


def test_jobs_like_one_that_killed_its_process_run_apart_at_once() -> None:
    """A tenant that submitted another killer every 1.5 s took down a worker with each; another tenant's are trusted."""
    world = World()
    world.task("other", lambda payload, ctx: None)
    rooms = Rooms(world, 5, deadly=True)
    work = world.build(isolation=rooms).work
    work.handle(lost(world, [world.submit()]), FOREVER_MS)
    world.queues.delete("normal", [message.receipt for message in world.queues.receive("normal")])
    assert len(rooms.begun) == 1
    rooms.deadly = False
    like, unlike = world.submit(), world.submit("other")
    foreign = world.app.submit.one("another", JobRequest("ok", {})).job
    assert work.handle(world.queues.receive("normal"), FOREVER_MS) == ([], {"succeeded": 3})
    assert len(rooms.begun) == 2
    stored = world.table.get([job.key for job in (like, unlike, foreign)])
    assert {item["state"] for item in stored if item} == {"succeeded"}
    world.clock.advance(DEADLY_S)
    forgiven = world.submit()
    [fresh] = [message for message in world.queues.receive("normal") if forgiven.id in message.body]
    assert work.handle([fresh], FOREVER_MS) == ([], {"succeeded": 1})
    assert fresh.id not in rooms.begun


def test_a_process_that_cannot_start_up_says_nothing_about_its_job() -> None:
    """All jobs like it ran apart for ten minutes, and failed to start there, too, as long as their worker lived."""
    world = World()
    rooms = Rooms(world, 5, broken=True)
    work = world.build(isolation=rooms).work
    [message] = lost(world, [world.submit()])
    assert work.handle([message], FOREVER_MS) == ([message.id], {"process_failed": 1})
    like = world.submit()
    [fresh] = [received for received in world.queues.receive("normal") if like.id in received.body]
    assert work.handle([fresh], FOREVER_MS) == ([], {"succeeded": 1})
    world.clock.advance(NO_ROOM_VISIBILITY_S[1])
    assert message.id in {received.id for received in world.queues.receive("normal")}, "for another worker, soon"


def test_a_worker_remembers_so_many_deadly_types() -> None:
    """Types are many in hostile hands: the oldest is forgotten."""
    deadly, job = KillerTypes(), World().submit()
    jobs = [evolve(job, type=f"type-{number}") for number in range(DEADLY_REMEMBERED + 1)]
    for job in jobs:
        deadly.died_of(job, 0)
    assert [deadly.has(job, 1) for job in (jobs[0], jobs[1], jobs[-1])] == [False, True, True]


def test_no_process_is_started_when_the_time_is_up() -> None:
    """It would be stopped before it has done anything."""
    world = World()
    messages = lost(world, [world.submit() for _ in range(2)])
    rooms = Rooms(world, 5)
    worked = handled(world, rooms, messages, deadline_ms=world.clock.now_ms())
    assert (rooms.begun, Counter(worked.unsettled)) == ([], Counter(message.id for message in messages))


def test_a_message_whose_job_is_gone_is_no_suspect() -> None:
    """There is nothing to run, and nothing that may kill a process."""
    world = World()
    job = world.submit()
    world.queues.change_visibility("normal", [message.receipt for message in world.queues.receive("normal")], 0)
    world.table.apply([delete("erase", job.key)])
    rooms = Rooms(world, 5)
    worked = handled(world, rooms, world.queues.receive("normal"))
    assert (rooms.begun, worked.unsettled) == ([], [])
