"""JobQueue: at least once, after its delay, hidden while someone has it, gone when deleted."""

import pytest

from tests.builders.waiting import eventually
from whendue.aws_quotas import SQS_MAX_DELAY_S, SQS_MAX_VISIBILITY_S
from whendue.engine.ports import Depth, JobQueue, Outgoing, ReceivedMessage

Q = "normal"


def send(queue: JobQueue, *bodies: str, delay_s: int = 0) -> None:
    assert queue.send(Q, [Outgoing(body, delay_s) for body in bodies]) == [True] * len(bodies)


def receive(queue: JobQueue, number: int) -> list[ReceivedMessage]:
    """Receive until there are so many, each body as often as it comes."""
    received: list[ReceivedMessage] = []

    def enough() -> bool:
        received.extend(queue.receive(Q))
        return len(received) >= number

    eventually(enough)
    return received


def bodies(messages: list[ReceivedMessage]) -> list[str]:
    return sorted(message.body for message in messages)


def test_a_message_arrives_with_its_body_and_a_first_count(queue: JobQueue) -> None:
    """The body is the job; the count tells suspects from messages received for the first time."""
    body = '{"text":"grün \\u0007","n":1}'
    send(queue, body)
    [message] = receive(queue, 1)
    assert (message.body, message.receive_count, message.queue) == (body, 1, Q)
    assert message.id
    assert message.receipt


def test_more_messages_than_a_batch_all_arrive(queue: JobQueue) -> None:
    """Batches hold ten; twenty-five make three."""
    sent = [f"job {number:02}" for number in range(25)]
    send(queue, *sent)
    received = receive(queue, 25)
    assert bodies(received) == sent
    assert len({message.id for message in received}) == 25


def test_a_receive_takes_at_most_its_limit(queue: JobQueue) -> None:
    """A worker takes what it has threads for."""
    send(queue, *map(str, range(6)))
    taken = [queue.receive(Q, limit=4) for _ in range(2)]
    assert all(len(item) <= 4 for item in taken)
    assert taken[0]


def test_an_empty_queue_gives_nothing(queue: JobQueue) -> None:
    """Without waiting, and without an error."""
    assert queue.receive(Q) == []


def test_no_messages_are_no_work(queue: JobQueue) -> None:
    """Callers hand over what they have."""
    assert queue.send(Q, []) == []
    queue.delete(Q, [])
    queue.change_visibility(Q, [], 5)


def test_a_delayed_message_arrives_later_than_one_without_delay(queue: JobQueue) -> None:
    """G6: a job that is due in a second waits in SQS; the longest delay is accepted."""
    queue.send(Q, [Outgoing("longest", SQS_MAX_DELAY_S), Outgoing("second", 1), Outgoing("now", 0)])
    assert [message.body for message in receive(queue, 2)] == ["now", "second"]
    assert queue.receive(Q) == []


@pytest.mark.parametrize("delay_s", [-1, SQS_MAX_DELAY_S + 1])
def test_a_delay_that_sqs_refuses_is_an_error_before_anything_is_sent(queue: JobQueue, delay_s: int) -> None:
    """Emulators take 901; AWS does not."""
    with pytest.raises(ValueError, match="delay"):
        queue.send(Q, [Outgoing("fine", 0), Outgoing("not", delay_s)])
    assert queue.receive(Q) == []


def test_a_received_message_is_hidden_and_comes_back_with_a_higher_count(quick_queue: JobQueue) -> None:
    """A worker that dies says nothing: the visibility timeout does."""
    send(quick_queue, "a")
    [first] = receive(quick_queue, 1)
    assert quick_queue.receive(Q) == []
    [second] = receive(quick_queue, 1)
    assert (second.id, second.body, second.receive_count) == (first.id, "a", 2)


def test_a_held_message_stays_hidden_longer_than_its_neighbours(quick_queue: JobQueue) -> None:
    """Long jobs extend their message; an early one waits without being dropped."""
    send(quick_queue, "held", "free")
    taken = {message.body: message for message in receive(quick_queue, 2)}
    quick_queue.change_visibility(Q, [taken["held"].receipt], 60)
    assert bodies(receive(quick_queue, 1)) == ["free"]
    assert quick_queue.receive(Q) == []


def test_a_message_held_for_no_time_comes_back_at_once(queue: JobQueue) -> None:
    """That is how a worker gives a message back."""
    send(queue, "a")
    [message] = receive(queue, 1)
    queue.change_visibility(Q, [message.receipt], 0)
    assert receive(queue, 1)[0].receive_count == 2


@pytest.mark.parametrize("visibility_s", [-1, SQS_MAX_VISIBILITY_S + 1])
def test_a_visibility_that_sqs_refuses_is_a_mistake(queue: JobQueue, visibility_s: int) -> None:
    """Twelve hours are the most."""
    send(queue, "a")
    with pytest.raises(ValueError, match="visibility"):
        queue.change_visibility(Q, [receive(queue, 1)[0].receipt], visibility_s)


def test_a_deleted_message_never_comes_back(quick_queue: JobQueue) -> None:
    """Of more than a batch, the deleted ones are gone and the others come again."""
    sent = [f"{number:02}" for number in range(15)]
    send(quick_queue, *sent)
    taken = {message.body: message.receipt for message in receive(quick_queue, 15)}
    quick_queue.delete(Q, [taken[body] for body in sent[:12]])
    again: set[str] = set()

    def all_others_are_back() -> bool:
        again.update(message.body for message in quick_queue.receive(Q))
        return again >= set(sent[12:])

    eventually(all_others_are_back)
    assert again == set(sent[12:])


def test_deleting_or_holding_what_is_gone_is_done_and_does_not_spare_its_neighbours(quick_queue: JobQueue) -> None:
    """A repeated call, or one after somebody else's delete: nothing is left to do, and the rest is still done."""
    send(quick_queue, "gone", "deleted", "free")
    taken = {message.body: message.receipt for message in receive(quick_queue, 3)}
    quick_queue.delete(Q, [taken["gone"]])
    quick_queue.delete(Q, [taken["gone"], taken["deleted"]])
    quick_queue.change_visibility(Q, [taken["gone"], taken["deleted"], taken["free"]], 0)
    assert bodies(receive(quick_queue, 1)) == ["free"]
    assert quick_queue.receive(Q) == []


def test_depth_separates_what_is_visible_taken_and_delayed(queue: JobQueue) -> None:
    """Delayed and taken messages are not a backlog; deleted ones are nothing."""
    assert queue.depth(Q) == Depth(0, 0, 0)
    send(queue, *map(str, range(7)))
    send(queue, "later", "much later", delay_s=900)
    eventually(lambda: queue.depth(Q) == Depth(7, 0, 2))
    taken = receive(queue, 7)
    eventually(lambda: queue.depth(Q) == Depth(0, 7, 2))
    queue.delete(Q, [message.receipt for message in taken])
    assert queue.depth(Q) == Depth(0, 0, 2)


def test_messages_of_groups_all_arrive(queue: JobQueue) -> None:
    """A group is for fairness alone: it holds nothing back, and a message without one is welcome beside it."""
    sent = [
        Outgoing("a", 0, "acme"),
        Outgoing("b", 0, "acme"),
        Outgoing("c", 0, "x" * 64 + "/" + "y" * 63),
        Outgoing("d", 0),
    ]
    assert queue.send(Q, sent) == [True] * 4
    assert bodies(receive(queue, 4)) == ["a", "b", "c", "d"]
