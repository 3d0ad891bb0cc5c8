"""What a worker receives, and when: enough to keep its threads busy, and no more."""

import threading
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.waiting import eventually
from whendue.aws_quotas import DYNAMODB_MAX_STATEMENTS, SQS_MAX_BATCH
from whendue.containers import prefetch
from whendue.containers.prefetch import Poll, Prefetch
from whendue.engine.ports import ReceivedMessage
from whendue.quotas import PREFETCH_HELD_S
from whendue.settings import ALL_QUEUES, DEAD_LETTER_QUEUES, WEIGHTS
from whendue.support.clock import ManualClock

ALL = (*ALL_QUEUES, *DEAD_LETTER_QUEUES)
WAIT_S = 20
NOW = 0.0
# Longer than a test waits: whoever waits so long must be woken.
HOUR_S = 3600.0
WOKEN_S = 10


def messages(queue: str, number: int) -> list[ReceivedMessage]:
    return [ReceivedMessage(f"{queue}-{n}", f"{queue}-{n}", "", 1, queue) for n in range(number)]


class Stage:
    """Queues with this many messages, and a worker whose receivers and claims take turns as a test says."""

    def __init__(self, threads: int, **depths: int) -> None:
        self.clock = ManualClock()
        self.depths = dict.fromkeys(ALL, 0) | depths
        self.prefetch = Prefetch(ALL, threads, WAIT_S, self.clock.as_clock())
        self.running: list[ReceivedMessage] = []
        self.calls = 0

    def receive(self, queue: str | None) -> Poll | None:
        """Let a receiver ask once, and be answered at once."""
        poll = self.prefetch.ask(queue, NOW)
        if poll:
            number = min(poll.limit, self.depths[poll.queue])
            self.depths[poll.queue] -= number
            self.calls += 1
            assert self.prefetch.answered(poll, messages(poll.queue, number)) == []
        return poll

    def bring(self, queue: str, number: int) -> None:
        """Let a call that was under way bring this many messages."""
        assert self.prefetch.answered(Poll(queue, number, WAIT_S, own=False), messages(queue, number)) == []

    def serve(self, *queues: str) -> str:
        """Let messages come, and one job begin and end; return the queue of its message."""
        for queue in queues:
            self.bring(queue, 1)
        [message] = self.claim()
        self.end(1)
        return message.queue

    def claim(self) -> list[ReceivedMessage]:
        """Let one group begin."""
        taken = self.prefetch.take(NOW)
        if taken:
            self.prefetch.claimed(0)
        self.running += taken
        return taken

    def end(self, number: int) -> None:
        """Let the jobs that began first end."""
        ended, self.running = self.running[:number], self.running[number:]
        self.prefetch.free(len(ended))

    def work(self) -> None:
        """Let receivers and claims do whatever they can now."""
        moved = True
        while moved:
            before = sum(self.depths.values())
            polls = [self.receive(queue) for queue in (*ALL, None)]
            short = any(poll and poll.wait_s == 0 for poll in polls)
            moved = bool(self.claim()) or short or before != sum(self.depths.values())


class Watched(threading.Condition):
    """Counts who waits, and how often all are woken."""

    def __init__(self, lock: threading.Lock) -> None:
        super().__init__(lock)
        self.waits = 0
        self.wakes = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return super().wait(timeout)

    def notify_all(self) -> None:
        self.wakes += 1
        super().notify_all()


class Waiting:
    """A thread that waits until it is woken."""

    def __init__(self, condition: Watched, call: Callable[[], object]) -> None:
        self._results: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=lambda: self._results.put(call()), daemon=True).start()
        eventually(lambda: condition.waits or not self._results.empty(), every_s=0.002)

    def result(self) -> Any:
        return self._results.get(timeout=WOKEN_S)


def busy_stage(queue: str) -> Stage:
    """Return a worker whose only thread is taken, by one of the many messages of a queue."""
    stage = Stage(1)
    stage.work()
    stage.depths[queue] = 100
    stage.work()
    return stage


def taking(stage: Stage) -> Waiting:
    """Let a thread wait for messages to claim."""
    stage.prefetch._can_take = condition = Watched(stage.prefetch._lock)
    return Waiting(condition, lambda: stage.prefetch.take(HOUR_S))


def asking(stage: Stage, queue: str) -> tuple[Watched, Waiting]:
    """Let a queue's receiver wait until it may ask."""
    stage.prefetch._can_ask[queue] = condition = Watched(stage.prefetch._lock)
    return condition, Waiting(condition, lambda: stage.prefetch.ask(queue, HOUR_S))


@pytest.mark.parametrize("busy", [ALL[:1], ALL[3:4], ALL[:2], ALL])
@pytest.mark.parametrize("threads", [1, 4, 40])
def test_no_thread_is_idle_while_a_queue_has_a_message(busy: tuple[str, ...], threads: int) -> None:
    """Seen before: 40 threads were half idle, because receivers waited 20 s for empty queues."""
    stage = Stage(threads, **dict.fromkeys(busy, 2000))
    for _ in range(20):
        stage.work()
        assert len(stage.running) == threads
        stage.end(max(1, threads // 3))


@pytest.mark.thorough
@given(st.integers(1, 50), st.dictionaries(st.sampled_from(ALL), st.integers(1, 60)), st.data())
def test_no_thread_is_idle_whatever_ends_and_whatever_comes(
    threads: int, depths: dict[str, int], data: st.DataObject
) -> None:
    """For any interleaving of receivers, claims and ends."""
    stage = Stage(threads, **depths)
    for _ in range(20):
        match data.draw(st.sampled_from(("receive", "claim", "end", "arrive"))):
            case "receive":
                stage.receive(data.draw(st.sampled_from((*ALL, None))))
            case "claim":
                assert len(stage.claim()) <= DYNAMODB_MAX_STATEMENTS
            case "end":
                stage.end(data.draw(st.integers(0, threads)))
            case _:
                stage.depths[data.draw(st.sampled_from(ALL))] += data.draw(st.integers(1, 20))
        assert len(stage.running) <= threads
    total = sum(stage.depths.values())
    stage.work()
    assert len(stage.running) == threads or sum(stage.depths.values()) == 0, total


def test_where_jobs_take_long_nothing_waits_hidden_from_other_workers() -> None:
    """A message is received when a thread is free, and each receive counts for SQS."""
    stage = Stage(4, normal=100)
    for ended in range(20):
        stage.work()
        # The four that begin at once pass for a rate of one in a quarter of a second.
        assert 4 + ended <= 100 - stage.depths["normal"] <= 5 + ended
        stage.clock.advance(10)
        stage.end(1)


def test_short_jobs_find_the_next_message_received_already_and_in_full_calls() -> None:
    """No more than are taken in a quarter of a second, nor than there are threads or a call brings."""
    stage = Stage(4, normal=1000)
    for _ in range(50):
        stage.work()
        stage.end(4)
    waiting = 1000 - stage.depths["normal"] - 200
    assert 0 < waiting <= SQS_MAX_BATCH
    before, stage.calls = stage.depths["normal"], 0
    for _ in range(50):
        stage.work()
        stage.end(4)
    idle = len(ALL) - 1
    assert stage.calls - 50 * idle * 2 <= (before - stage.depths["normal"]) / (SQS_MAX_BATCH / 2)


def test_a_message_that_waits_too_long_is_returned() -> None:
    """Its queue was listened to when a thread was free, and the thread was taken by another one."""
    stage = Stage(1)
    stage.work()
    high = stage.prefetch.ask("high", NOW)
    assert high
    stage.depths["normal"] = 1
    stage.work()
    assert len(stage.running) == 1
    assert stage.prefetch.answered(high, messages("high", 1)) == []
    assert stage.prefetch.held_too_long() == []
    stage.clock.advance(PREFETCH_HELD_S)
    assert [message.queue for message in stage.prefetch.held_too_long()] == ["high"]
    assert stage.prefetch.held_too_long() == []
    assert stage.prefetch.ask("high", NOW) is None


def test_a_flood_of_low_priority_does_not_hold_up_what_is_critical() -> None:
    """What is critical is received although as much waits as may, and begins before it."""
    stage = Stage(4, low=1000)
    for _ in range(50):
        stage.work()
        stage.end(4)
    stage.work()
    stage.depths["critical"] = 8
    began = 0
    while stage.depths["critical"] or began < 8:
        for queue in ("low", None, "critical"):
            stage.receive(queue)
        stage.end(1)
        began += sum(message.queue == "critical" for message in stage.claim())
        stage.calls += 1
        assert stage.depths["low"] > 700
    assert len(stage.running) == 4


def test_busy_queues_share_the_threads_by_weight() -> None:
    """As the queues' own order says, whatever comes first."""
    stage, began = Stage(4, **dict.fromkeys(ALL, 10_000)), Counter[str]()
    rounds = 40
    while began.total() < rounds * sum(WEIGHTS.values()):
        for queue in (*reversed(ALL), None):
            stage.receive(queue)
        began += Counter(message.queue for message in stage.claim())
        stage.end(4)
    for queue in ALL:
        assert abs(began[queue] / rounds - WEIGHTS[queue]) <= 1


def test_an_idle_worker_asks_each_queue_once_per_long_poll() -> None:
    """And gets from all together no more than its threads can begin, and one of each."""
    stage = Stage(4)
    stage.work()
    polls = [stage.prefetch.ask(queue, NOW) for queue in ALL]
    assert all(poll and poll.wait_s == WAIT_S for poll in polls)
    assert sum(poll.limit for poll in polls if poll) <= 4 + len(ALL)
    assert stage.prefetch.ask(None, NOW) is None


def test_several_receivers_share_a_queue_that_has_many_messages() -> None:
    """A call brings ten: 40 threads would wait for one receiver."""
    stage = Stage(40)
    stage.work()
    stage.depths["normal"] = 100
    first = stage.receive("normal")
    assert first
    polls = [stage.prefetch.ask(queue, NOW) for queue in ("normal", None, None, None, None)]
    assert [poll and (poll.queue, poll.limit) for poll in polls] == [
        ("normal", 10),
        ("normal", 10),
        ("normal", 10),
        ("normal", 10 - first.limit),
        None,
    ]


def test_a_closed_worker_takes_nothing_more() -> None:
    """What waits, and what a call still brings, goes back at once."""
    stage = Stage(1)
    stage.work()
    low = stage.prefetch.ask("low", NOW)
    assert low
    stage.depths["normal"] = 5
    stage.receive("normal")
    assert len(stage.prefetch.close()) == 1
    assert stage.prefetch.answered(low, late := messages("low", 1)) == late
    assert (stage.prefetch.take(NOW), stage.prefetch.ask("normal", NOW)) == ([], None)


def test_a_thread_that_claims_is_woken_by_a_message_and_by_the_end() -> None:
    """Otherwise either would wait until the thread looks again."""
    stage = Stage(1)
    claims = taking(stage)
    stage.bring("normal", 1)
    assert len(claims.result()) == 1
    claims = taking(stage)
    stage.prefetch.close()
    assert claims.result() == []


def test_a_receiver_is_woken_when_a_thread_is_free_and_not_before() -> None:
    """Whether it has asked in vain before or not; each wake costs a look at all queues."""
    stage = busy_stage("normal")
    assert stage.prefetch.ask("normal", NOW) is None
    condition, receiver = asking(stage, "normal")
    stage.prefetch.free(0)
    assert condition.wakes == 0
    stage.end(1)
    assert receiver.result() == Poll("normal", 1, 0, own=True)


def test_a_receiver_is_woken_when_the_worker_is_closed() -> None:
    """Also if no thread is free for what it would receive."""
    stage = busy_stage("normal")
    _, receiver = asking(stage, "normal")
    stage.prefetch.close()
    assert receiver.result() is None


def test_a_queue_whose_receiver_does_not_wait_wakes_nobody() -> None:
    """What it would be asked for is not computed."""
    stage = Stage(1)
    stage.work()
    condition, receiver = asking(stage, "normal")
    assert receiver.result()
    stage.prefetch.free(0)
    assert condition.wakes == 0


@pytest.fixture
def second_group(monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, Waiting]:
    """A group of one message that may wait for an hour, because the call of another group is under way."""
    stage = Stage(2 * DYNAMODB_MAX_STATEMENTS)
    stage.bring("normal", 1)
    assert len(stage.prefetch.take(NOW)) == 1
    stage.bring("normal", 1)
    monkeypatch.setattr(prefetch, "GROUP_WAIT_S", HOUR_S)
    return stage, taking(stage)


def test_a_group_waits_for_a_full_call(second_group: tuple[Stage, Waiting]) -> None:
    """And no longer: a call claims no more."""
    stage, claims = second_group
    stage.bring("normal", DYNAMODB_MAX_STATEMENTS)
    assert len(claims.result()) == DYNAMODB_MAX_STATEMENTS


def test_a_group_waits_no_longer_than_another_call_is_under_way(second_group: tuple[Stage, Waiting]) -> None:
    """Then nobody else claims what has come meanwhile."""
    stage, claims = second_group
    stage.bring("normal", 3)
    stage.prefetch.claimed(0)
    assert len(claims.result()) == 4


def test_a_group_is_given_up_when_the_worker_is_closed(second_group: tuple[Stage, Waiting]) -> None:
    """Its message is returned, although the other call is still under way."""
    stage, claims = second_group
    assert len(stage.prefetch.close()) == 1
    assert claims.result() == []


def test_a_queues_own_receiver_asks_for_no_other_queue() -> None:
    """It waits while another queue is to be asked first."""
    stage = Stage(1)
    assert [stage.prefetch.ask(queue, NOW) for queue in ("low", "normal")] == [None, None]
    assert stage.prefetch.ask("critical", NOW) == Poll("critical", 1, 0, own=True)


def test_a_helper_does_not_count_as_the_queues_own_receiver() -> None:
    """When its call has ended, the own one asks as ever."""
    stage = Stage(40)
    stage.work()
    stage.bring("normal", 10)
    polls = [stage.prefetch.ask(queue, NOW) for queue in ("normal", None)]
    assert polls == [Poll("normal", 10, 0, own=True), Poll("normal", 10, 0, own=False)]
    for poll in filter(None, polls):
        stage.prefetch.answered(poll, messages("normal", 1))
    assert stage.prefetch.ask("normal", NOW) == polls[0]


def test_a_queue_whose_messages_wait_keeps_its_turns() -> None:
    """Also if a call has brought no more of them meanwhile."""
    stage = Stage(1)
    assert [stage.serve("critical") for _ in range(2 * WEIGHTS["critical"])]
    for number in (1, 0, 1):
        stage.bring("low", number)
    assert [stage.serve("critical"), stage.serve(), stage.serve()] == ["low", "low", "critical"]


def test_a_queue_begins_where_the_others_are_when_its_messages_come() -> None:
    """Not when it was asked in vain."""
    stage = Stage(1)
    assert [stage.serve("critical") for _ in range(2 * WEIGHTS["critical"])]
    for number in (0, 0):
        stage.bring("low", number)
    assert [stage.serve("normal"), stage.serve("low", "normal", "normal")] == ["normal", "normal"]
    assert [stage.serve(), stage.serve()] == ["low", "normal"]
