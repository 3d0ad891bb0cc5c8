"""Laws of the order in which a container serves its queues, for any queues and any messages."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.containers.queue_selector import QueueSelector
from whendue.quotas import QUEUE_WEIGHT_MAX
from whendue.settings import ALL_QUEUES, DEAD_LETTER_QUEUES, QUEUES, WEIGHTS

ALL = (*ALL_QUEUES, *DEAD_LETTER_QUEUES)
some_queues = st.lists(st.sampled_from(ALL), min_size=1, unique=True)


def bound(queues: list[str], queue: str) -> int:
    """How many messages of others may go before one that waits: it moves on by 1 at most, they by 1/weight at least."""
    return sum(WEIGHTS[other] + 1 for other in queues if other != queue)


@given(some_queues, st.data())
def test_no_queue_waits_for_ever(queues: list[str], data: st.DataObject) -> None:
    """Whichever of the others have messages, and whenever they get them."""
    selector = QueueSelector(queues)
    waiting: set[str] = set()
    since = dict.fromkeys(queues, 0)
    for _ in range(30):
        for queue in data.draw(st.sets(st.sampled_from(queues))) - waiting:
            selector.joins(queue)
            waiting.add(queue)
            since[queue] = 0
        if not waiting:
            continue
        served = selector.next(waiting)
        selector.serve(served)
        since = {queue: 0 if queue == served else since[queue] + (queue in waiting) for queue in queues}
        assert all(since[queue] <= bound(queues, queue) for queue in waiting)
        if data.draw(st.booleans()):
            waiting.discard(served)


@given(some_queues)
def test_busy_queues_are_served_in_proportion_to_their_weights(queues: list[str]) -> None:
    """Within one message each, over any number of rounds."""
    selector, rounds, served = QueueSelector(queues), 10, Counter[str]()
    for _ in range(rounds * sum(WEIGHTS[queue] for queue in queues)):
        queue = selector.next(queues)
        selector.serve(queue)
        served[queue] += 1
    assert all(abs(served[queue] - rounds * WEIGHTS[queue]) <= 1 for queue in queues)


@pytest.mark.parametrize("newcomer", QUEUES)
def test_a_queue_that_was_empty_has_saved_up_no_turns(newcomer: str) -> None:
    """Seen in other schedulers: after a quiet hour one queue is served alone for minutes."""
    selector, others = QueueSelector(QUEUES), [queue for queue in QUEUES if queue != newcomer]
    for _ in range(1000):
        selector.serve(selector.next(others))
    selector.joins(newcomer)
    served = Counter[str]()
    for _ in range(10 * sum(WEIGHTS[queue] for queue in QUEUES)):
        served[queue := selector.next(QUEUES)] += 1
        selector.serve(queue)
    assert served[newcomer] <= 10 * WEIGHTS[newcomer] + 1


def test_the_queue_that_is_asked_next_is_the_one_whose_next_message_is_served_first() -> None:
    """So what waits has the proportions of the weights, too."""
    selector, waiting = QueueSelector(QUEUES), Counter[str]()
    for _ in range(15):
        waiting[min(QUEUES, key=lambda queue: selector.turn_after(queue, waiting[queue]))] += 1
    assert waiting == {queue: WEIGHTS[queue] for queue in QUEUES}


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, QUEUE_WEIGHT_MAX), min_size=1))
def test_queues_of_ones_own_are_served_by_their_weights_beside_the_others(own: dict[str, int]) -> None:
    """Within one message each, as all others."""
    weights, rounds, served = {**{queue: WEIGHTS[queue] for queue in QUEUES}, **own}, 5, Counter[str]()
    selector = QueueSelector(list(weights), weights)
    for _ in range(rounds * sum(weights.values())):
        served[queue := selector.next(weights)] += 1
        selector.serve(queue)
    assert all(abs(served[queue] - rounds * weight) <= 1 for queue, weight in weights.items())
