"""Scans take turns: the oldest window first, the higher priority first, rescue and promote within their shares."""

from collections.abc import Sequence
from itertools import groupby

import pytest

from tests.builders.scans import PagesStore, runtime_of, scan_of
from tests.builders.world import World
from whendue.quotas import AGEING_S, RESCUE_SHARE
from whendue.timer.due_cursors import Purpose
from whendue.timer.turns import by_virtual_deadline

AGEING_MS = AGEING_S * 1000
Turn = tuple[str, float]


class Turns:
    """Scans of a world, each of one partition, whose turns take their time."""

    def __init__(self, pages: dict[tuple[Purpose, int], Sequence[Sequence[int]]], takes_s: float = 0) -> None:
        self.world = World()
        self.store = PagesStore({f"{kind}{rank}": each for (kind, rank), each in pages.items()})
        self.runtime = runtime_of(self.world, self.store)
        self.scans = [scan_of(f"{kind}{rank}", kind=kind, rank=rank) for kind, rank in pages]
        self._takes_s = takes_s
        for scan in self.scans:
            scan.read_window(self.runtime)

    def run(self, seconds: int = 60) -> list[Turn]:
        began_ms = self.world.clock.now_ms()
        turns: list[Turn] = []
        for scan in by_virtual_deadline(self.runtime, self.scans, began_ms, began_ms + seconds * 1000):
            turns.append((scan.kind, scan.rank))
            self.world.clock.advance(self._takes_s)
        return turns


def test_the_oldest_window_goes_first_whoever_reads_it() -> None:
    """After its turn a scan waits with its next window, not with the one that it had."""
    turns = Turns({("rescue", 0): [[20], [50]], ("promote", 0): [[10], [30, 60], [40]]})
    promote, rescue = ("promote", 0), ("rescue", 0)
    assert turns.run() == [promote, rescue, promote, promote, rescue]


@pytest.mark.parametrize(("older_ms", "first"), [(AGEING_MS - 1, 0), (AGEING_MS + 1, 1)])
def test_a_lower_priority_counts_as_so_much_younger(older_ms: int, first: int) -> None:
    """It waits, but not for ever."""
    turns = Turns({("promote", 0): [[10**6]], ("promote", 1): [[10**6 - older_ms]]})
    assert turns.run()[0] == ("promote", first)


def test_where_two_are_due_at_once_rescue_goes_first_and_then_the_higher_priority() -> None:
    """Whatever the order in which they are given."""
    same = 10**6
    turns = Turns(
        {
            ("promote", 1): [[same - AGEING_MS]],
            ("promote", 0): [[same]],
            ("rescue", 1): [[same - AGEING_MS]],
            ("rescue", 0): [[same]],
        }
    )
    assert turns.run() == [("rescue", 0), ("rescue", 1), ("promote", 0), ("promote", 1)]


@pytest.mark.parametrize("older", ["rescue", "promote"])
def test_neither_kind_takes_the_others_share(older: Purpose) -> None:
    """However much older its work is; when the other has used its share, too, both go on by age."""
    pages = {("rescue", 0): [[2]] * 100, ("promote", 0): [[2]] * 100} | {(older, 0): [[1]] * 100}
    turns = Turns(pages, takes_s=1).run(60)  # type: ignore[arg-type]
    share_s = RESCUE_SHARE * 60 if older == "rescue" else 60 - RESCUE_SHARE * 60
    runs = [(kind, len(list(group))) for (kind, _), group in groupby(turns)]
    assert runs == [(older, share_s), ("promote" if older == "rescue" else "rescue", 60 - share_s)]


def test_time_that_the_other_kind_does_not_need_is_free() -> None:
    """A tick without anything to promote heals for the whole time."""
    assert len(Turns({("rescue", 0): [[1]] * 100, ("promote", 0): []}, takes_s=1).run(60)) == 60


def test_at_the_deadline_windows_stay_where_they_are() -> None:
    """What is left is known: the next tick goes on with it."""
    turns = Turns({("promote", 0): [[1]] * 9, ("promote", 1): [[10**9]]}, takes_s=30)
    assert turns.run(60) == [("promote", 0)] * 2
    assert all(scan.window for scan in turns.scans)


def test_a_scan_that_was_left_is_not_read_again() -> None:
    """Its trouble costs the others no time."""
    turns = Turns({("promote", 0): [[1], [3]], ("promote", 1): [[10**9]]})
    began_ms = turns.world.clock.now_ms()
    for scan in by_virtual_deadline(turns.runtime, turns.scans, began_ms, began_ms + 1):
        scan.leave()
    assert turns.store.read == ["promote0", "promote1"]
