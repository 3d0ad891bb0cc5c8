"""Messages that are done with, behind the work."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.builders.faults import Counted
from tests.builders.world import World
from whendue.containers import settler as settler_module
from whendue.containers.settler import EVERY_MS, Settler
from whendue.engine.ports import ReceivedMessage
from whendue.engine.stage import done, kept
from whendue.errors import UnavailableError

# Longer than a test waits: a thread that waits so long must be woken.
HOUR_MS = 3_600_000
WOKEN_S = 10


class Queue:
    """Notes what it is asked."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.deleted: list[int] = []
        self.returned: list[str] = []
        self.returned_to: dict[str, list[str]] = {}
        self._refuses = refuses

    def delete(self, _queue: str, receipts: list[str]) -> None:
        self.deleted.append(len(receipts))
        if self._refuses:
            raise UnavailableError

    def change_visibility(self, queue: str, receipts: list[str], visibility_s: int) -> None:
        assert visibility_s == 0
        self.returned += receipts
        self.returned_to[queue] = receipts


def message(number: int, queue: str = "normal") -> ReceivedMessage:
    return ReceivedMessage(f"m{number}", f"r{number}", "", 1, queue)


def settler(queue: Queue, *, draining: bool = False, world: World | None = None) -> Settler:
    world = world or World()
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
    settles.run(everything=True)
    assert queue.deleted == [10, 3]


@pytest.mark.parametrize(
    "hand_in",
    [
        lambda settles: settles.settle(done(message(number)) for number in range(10)),
        lambda settles: settles.settle([kept(message(0))]),
        lambda settles: settles.return_now([message(0)]),
    ],
)
def test_the_thread_is_woken_by_a_full_call_and_by_what_is_to_be_returned(
    monkeypatch: pytest.MonkeyPatch, hand_in: Callable[[Settler], None]
) -> None:
    """A worker that stops must not keep a message hidden for a second."""
    monkeypatch.setattr(settler_module, "EVERY_MS", HOUR_MS)
    settles = settler(Queue(), draining=True)
    hand_in(settles)
    thread = threading.Thread(target=settles.step, daemon=True)
    thread.start()
    thread.join(WOKEN_S)
    assert (thread.is_alive(), settles.backlog()) == (False, 0)


def test_the_thread_is_not_woken_for_less() -> None:
    """Nothing is returned, and nine wait for a tenth."""
    settles = settler(Queue())
    settles.settle([kept(message(9)), *(done(message(number)) for number in range(9))])
    settles.return_now([])
    assert (settles._full.is_set(), settles.backlog()) == (False, 9)


def test_once_a_second_the_rest_is_deleted_too() -> None:
    """In between it waits until it fills a call."""
    queue, world = Queue(), World()
    settles = settler(queue, world=world)
    for seconds, number in ((0, 13), (0, 13), (1, 10)):
        world.clock.advance(seconds)
        settles.settle(done(message(n)) for n in range(number))
        settles.step()
    assert (queue.deleted, settles.backlog()) == ([13, 10, 13], 0)


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


def test_messages_are_returned_to_their_own_queues() -> None:
    """A receipt is worth nothing elsewhere."""
    queue = Queue()
    settles = settler(queue)
    settles.return_now([message(0, "high"), message(1, "low"), message(2, "high")])
    settles.run(everything=True)
    assert queue.returned_to == {"high": ["r0", "r2"], "low": ["r1"]}


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


def test_there_is_a_line_if_anything_was_done_or_left_and_in_the_end(capsys: Any) -> None:
    """A message without an outcome is nothing that was done."""
    settles = settler(Queue())
    settles.settle([done(message(0))])
    settles.report()
    assert capsys.readouterr().out == ""
    settles.settle([kept(message(0))])
    settles.report()
    assert '"outcomes": {}, "unsettled": 1' in capsys.readouterr().out
    settles.report(last=True)
    assert '"outcomes": {}, "unsettled": 0' in capsys.readouterr().out


def test_each_report_writes_what_was_counted_also_when_nothing_ended_since(capsys: Any) -> None:
    """A worker that falls idle, or dies later, keeps no counts back."""
    world = World()
    settles = settler(Queue(), world=world)
    counted = []
    for outcome in ("succeeded", None, None):
        world.submit()
        settles.settle([done(message(0), outcome)])
        settles.report()
        counted.append(sum(sums["submitted"] for sums in world.app.counters.read().values()))
    assert counted == [1, 2, 3]
    assert capsys.readouterr().out.count('"jobs_submitted": [1.0]') == 3


def test_an_idle_worker_writes_nothing(capsys: Any) -> None:
    """Neither to the table nor to the log."""
    world = World()
    calls = list[str]()
    app = world.build(Counted(world.table, calls))
    settles = settler(Queue(), world=SimpleNamespace(app=app))  # type: ignore[arg-type]
    settles.report()
    assert (calls, capsys.readouterr().out) == ([], "")
