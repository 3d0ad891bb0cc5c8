"""Messages that are done with, behind the work."""

from types import SimpleNamespace
from typing import Any

from tests.builders.world import World
from whendue.containers.settler import EVERY_MS, Settler
from whendue.engine.ports import ReceivedMessage
from whendue.engine.stage import done, kept
from whendue.errors import UnavailableError


class Queue:
    """Notes what it is asked."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.deleted: list[int] = []
        self.returned: list[str] = []
        self._refuses = refuses

    def delete(self, _queue: str, receipts: list[str]) -> None:
        self.deleted.append(len(receipts))
        if self._refuses:
            raise UnavailableError

    def change_visibility(self, _queue: str, receipts: list[str], visibility_s: int) -> None:
        assert visibility_s == 0
        self.returned += receipts


def message(number: int) -> ReceivedMessage:
    return ReceivedMessage(f"m{number}", f"r{number}", "", 1, "normal")


def settler(queue: Queue, *, draining: bool = False) -> Settler:
    world = World()
    app: Any = SimpleNamespace(
        **{name: getattr(world.app, name) for name in ("bulkhead", "tracing", "metrics", "counters", "clock")},
        queue=queue,
    )
    return Settler(app, lambda: draining)


def test_full_calls_are_made_at_once_and_the_rest_later() -> None:
    """A call deletes ten messages for the price of one."""
    queue = Queue()
    settles = settler(queue)
    settles.settle(done(message(number), "succeeded") for number in range(13))
    settles.run(everything=False)
    assert (queue.deleted, settles.backlog()) == ([10], 3)
    settles.run(everything=True)
    assert (queue.deleted, settles.backlog()) == ([10, 3], 0)


def test_a_message_that_is_to_stay_is_not_deleted_whatever_is_counted_of_it() -> None:
    """A suspect's process counts an outcome for a message that it leaves."""
    queue = Queue()
    settles = settler(queue)
    settles.settle([done(message(0), "isolated"), kept(message(0)), done(message(1), "succeeded")])
    settles.run(everything=True)
    assert (queue.deleted, queue.returned) == ([1], [])


def test_what_stays_when_the_worker_stops_is_visible_again_at_once() -> None:
    """No thread here will begin it."""
    queue = Queue()
    settles = settler(queue, draining=True)
    settles.settle([kept(message(0)), done(message(1))])
    settles.return_now([message(2)])
    settles.run(everything=True)
    assert (queue.deleted, sorted(queue.returned)) == ([1], ["r0", "r2"])


def test_a_queue_that_refuses_ends_nothing() -> None:
    """Its messages come again, and are found settled."""
    queue = Queue(refuses=True)
    settles = settler(queue)
    settles.settle([done(message(0))])
    settles.run(everything=True)
    assert (queue.deleted, settles.backlog()) == ([1], 0)


def test_a_line_says_what_was_done_once_a_second(capsys: Any) -> None:
    """However often a call is full."""
    queue = Queue()
    settles = settler(queue)
    settles._due_ms = settles._app.clock.now_ms() + EVERY_MS
    for number in range(3):
        settles.settle(done(message(10 * number + n), "succeeded") for n in range(10))
        settles.step()
    assert (queue.deleted, capsys.readouterr().out) == ([10] * 3, "")
    settles.report()
    assert '"outcomes": {"succeeded": 30}' in capsys.readouterr().out
