"""Laws of a container's rota, for any queues, any answers and any number of threads."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.containers.queue_selector import QUICK_S, WEIGHTS, QueueSelector, Turn
from whendue.settings import ALL_QUEUES, DEAD_LETTER_QUEUES, QUEUES

WAIT_S = 20
ALL = (*ALL_QUEUES, *DEAD_LETTER_QUEUES)
some_queues = st.lists(st.sampled_from(ALL), min_size=1, unique=True)


def bound(queues: list[str], queue: str) -> int:
    """How many turns others may have between two of a queue: it moves on by 1 at most, they by 1/weight at least."""
    return sum(WEIGHTS[other] + 1 for other in queues if other != queue)


@given(some_queues, st.data())
def test_no_queue_waits_for_ever(queues: list[str], data: st.DataObject) -> None:
    """Whatever the queues answer."""
    selector, since = QueueSelector(queues, WAIT_S), dict.fromkeys(queues, 0)
    for _ in range(100):
        turn = selector.take()
        selector.answered(turn, something=data.draw(st.booleans()))
        since = {queue: 0 if queue == turn.queue else turns + 1 for queue, turns in since.items()}
        assert all(turns <= bound(queues, queue) for queue, turns in since.items())


@given(some_queues)
def test_busy_queues_are_served_in_proportion_to_their_weights(queues: list[str]) -> None:
    """Within one turn each, over any number of rounds."""
    selector, rounds, served = QueueSelector(queues, WAIT_S), 10, Counter[str]()
    for _ in range(rounds * sum(WEIGHTS[queue] for queue in queues)):
        turn = selector.take()
        selector.answered(turn, something=True)
        served[turn.queue] += 1
    assert all(abs(served[queue] - rounds * WEIGHTS[queue]) <= 1 for queue in queues)


@given(some_queues, st.integers(1, 12), st.data())
def test_as_many_queues_are_listened_to_as_there_are_threads(
    queues: list[str], threads: int, data: st.DataObject
) -> None:
    """Nobody doubles another one while a queue is left alone; and while anybody listens, one of them is quick."""
    selector, turns = QueueSelector(queues, WAIT_S), list[Turn]()
    for _ in range(60):
        if len(turns) == threads or (turns and data.draw(st.booleans())):
            selector.answered(turns.pop(data.draw(st.integers(0, len(turns) - 1))), something=data.draw(st.booleans()))
            continue
        alone = set(queues) - {turn.queue for turn in turns}
        turns.append(selector.take())
        assert turns[-1].queue in (alone or queues)
        if turns[-1].wait_s == WAIT_S:
            assert any(turn.wait_s <= QUICK_S for turn in turns)


def test_a_single_thread_asks_the_others_at_once_while_a_queue_may_have_something() -> None:
    """It would sleep at an empty queue beside a full one; only when all are empty it waits, and not for long."""
    selector = QueueSelector(QUEUES, WAIT_S)
    asked: list[Turn] = []
    for _ in QUEUES:
        asked.append(selector.take())
        selector.answered(asked[-1], something=False)
    assert [turn.queue for turn in asked] == list(QUEUES)
    assert [turn.wait_s for turn in asked] == [0, 0, 0, QUICK_S]
    assert selector.take().wait_s == QUICK_S


@pytest.mark.parametrize("busy", QUEUES)
def test_empty_queues_cost_a_busy_one_a_round_each_at_most(busy: str) -> None:
    """A heavy queue without anything to do must not have eight turns before a light one with a backlog."""
    selector, turns = QueueSelector(QUEUES, WAIT_S), Counter[str]()
    for _ in range(400):
        turn = selector.take()
        selector.answered(turn, something=turn.queue == busy)
        turns[turn.queue] += 1
    share = turns[busy] / turns.total()
    assert share >= WEIGHTS[busy] / (WEIGHTS[busy] + len(QUEUES) - 1) - 0.02
