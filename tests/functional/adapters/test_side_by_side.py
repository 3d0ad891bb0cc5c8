"""Large batches are carried out in parts of the size that AWS takes, and the results are put together in order."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

from tests.builders.world import World
from whendue.adapters.side_by_side import WideQueue, WideStore
from whendue.engine.pool import InlinePool
from whendue.engine.ports import Outgoing, WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.table.keys import Key
from whendue.table.writes import Is, Write, insert

T = TypeVar("T")


class Sizes:
    """A table and queues that note how much they are asked for at once."""

    def __init__(self) -> None:
        self.world = World()
        self.sizes: list[int] = []
        self.store = WideStore(self, InlinePool())  # type: ignore[arg-type]
        self.queue = WideQueue(self, InlinePool())  # type: ignore[arg-type]

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        self.sizes.append(len(writes))
        return self.world.table.apply(writes)

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> Any:
        self.sizes.append(len(keys))
        return self.world.table.get(keys)

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        self.sizes.append(len(messages))
        return [message.body != "refused" for message in messages]

    def query(self, pk: str) -> Any:
        return self.world.table.query(pk)


def test_writes_go_25_at_a_time_and_each_has_its_result() -> None:
    """Also one that was refused."""
    sizes = Sizes()
    writes = [insert("make", Key("pk", f"{number:03}"), {"n": number}) for number in range(60)]
    writes[30] = Write("change", Key("pk", "030"), [Is("n", 1)], {"n": 2})
    results = sizes.store.apply(writes)
    assert [number for number, result in enumerate(results) if result.status is WriteStatus.REFUSED] == [30]
    assert sizes.sizes == [25, 25, 10]
    assert len(sizes.store.query("pk")) == 59


def test_an_item_may_not_appear_twice_whichever_parts_it_is_in() -> None:
    """A part alone would not notice."""
    sizes = Sizes()
    writes = [insert("make", Key("pk", str(number % 30)), {}) for number in range(31)]
    with pytest.raises(ValueError, match="twice"):
        sizes.store.apply(writes)
    assert sizes.sizes == []


def test_reads_go_100_at_a_time_and_a_key_that_is_asked_for_twice_is_read_once() -> None:
    """Each key has its answer, in order."""
    sizes = Sizes()
    sizes.world.table.apply([insert("make", Key("pk", str(number)), {"n": number}) for number in range(0, 250, 2)])
    numbers = [*range(250), 4, 5]
    items = sizes.store.get([Key("pk", str(number)) for number in numbers])
    assert [item and item["n"] for item in items] == [None if number % 2 else number for number in numbers]
    assert sizes.sizes == [100, 100, 50]


def test_messages_go_ten_at_a_time() -> None:
    """What was not acknowledged is said of the right message."""
    sizes = Sizes()
    bodies = ["refused" if number in (3, 24) else "fine" for number in range(25)]
    sent = sizes.queue.send("normal", [Outgoing(body, 0) for body in bodies])
    assert [number for number, done in enumerate(sent) if not done] == [3, 24]
    assert sizes.sizes == [10, 10, 5]


def test_what_fits_one_call_is_one_call_and_nothing_is_none() -> None:
    """The pool costs nothing where there is nothing to do side by side."""
    sizes = Sizes()
    assert (sizes.store.apply([]), sizes.store.get([]), sizes.queue.send("normal", [])) == ([], [], [])
    sizes.store.get([Key("pk", "1")])
    assert sizes.sizes == [1]


def test_a_part_that_is_unavailable_makes_the_read_unavailable_after_all_parts_have_ended() -> None:
    """The caller's next try reads everything."""
    ended: list[int] = []

    class Failing(Sizes):
        def get(self, keys: Sequence[Key], *, consistent: bool = True) -> Any:
            ended.append(len(keys))
            if len(ended) == 1:
                raise UnavailableError
            return super().get(keys)

    with pytest.raises(UnavailableError):
        Failing().store.get([Key("pk", str(number)) for number in range(250)])
    assert ended == [100, 100, 50]


def test_parts_run_on_the_pool() -> None:
    """All parts are handed to it at once."""
    handed: list[int] = []

    class Noting(InlinePool):
        def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
            handed.append(len(calls))
            return super().run(calls)

    WideStore(World().table, Noting()).get([Key("pk", str(number)) for number in range(250)])
    assert handed == [3]
