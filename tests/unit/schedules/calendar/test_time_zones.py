"""Zones: segments against the offset changes that the rules' files themselves list."""

import struct
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise

import pytest

from whendue.errors import InvalidScheduleError
from whendue.schedules.calendar import time_zones as zones

ZONES = [
    "UTC", "America/New_York", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Asia/Kathmandu", "Africa/Casablanca", "Asia/Gaza", "Pacific/Apia", "Antarctica/Vostok", "Africa/Monrovia",
]  # fmt: skip


def changes_in_file(name: str) -> Iterator[tuple[int, int, int]]:
    """Read (instant, offset before, offset after) since 1970 from a TZif file (RFC 9636)."""
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[at + 20 : at + 44])

    # The first block has 32-bit times; the second begins after it.
    isut, isstd, leap, time, kinds, letters = counts(0)
    at = 44 + time * 5 + kinds * 6 + letters + leap * 8 + isstd + isut
    _, _, _, time, kinds, _ = counts(at)
    instants = struct.unpack_from(f">{time}q", data, at + 44)
    which = data[at + 44 + 8 * time :][:time]
    offsets = [struct.unpack_from(">l", data, at + 44 + 9 * time + 6 * kind)[0] for kind in range(kinds)]
    before = offsets[0]
    for instant, kind in zip(instants, which, strict=True):
        if offsets[kind] != before and instant >= 0:
            yield instant, before, offsets[kind]
        before = offsets[kind]


def test_no_zone_changes_twice_between_two_looks() -> None:
    """A change and its undoing between two probes would be overlooked; a new version of tzdata could bring one."""
    shortest = min(
        later[0] - earlier[0] for name in zones.names() for earlier, later in pairwise(changes_in_file(name))
    )
    assert shortest > zones.PROBE_S
    assert shortest < 7 * 86_400, "no longer the seven days of Brazil in 2000: has the reader of the files gone blind?"


@pytest.mark.parametrize("name", ZONES)
def test_segments_change_where_the_rules_do(name: str) -> None:
    """To the second, each change, none besides; what is skipped is what the clock jumps ahead."""
    listed = list(changes_in_file(name))
    end = max([at for at, _, _ in listed] + [86_400]) + 1
    segments = list(zones.segments(name, 0, end))
    assert segments == list(zones.segments(name, 0, end, backward=True))[::-1]
    assert all(item.end_s == other.start_s for item, other in pairwise(segments))
    changes = [
        (other.start_s, item.offset_s, other.offset_s)
        for item, other in pairwise(segments)
        if item.offset_s != other.offset_s
    ]
    assert changes == [change for change in listed if change[0] > 0]
    skipped = {at: max(0, later - before) for at, before, later in listed}
    assert all(segment.skipped_s == skipped.get(segment.start_s, 0) for segment in segments)


def test_segments_are_those_that_reach_into_the_range() -> None:
    """The timer asks for minutes, and must not be given a year more."""
    change = 1_743_296_400  # 2025-03-30 01:00 UTC
    assert [s.offset_s for s in zones.segments("Europe/Berlin", change - 1, change + 1)] == [3600, 7200]
    assert [s.offset_s for s in zones.segments("Europe/Berlin", change, change + 1)] == [7200]
    assert [s.offset_s for s in zones.segments("Europe/Berlin", change - 1, change)] == [3600]


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "europe/berlin", "../UTC", "localtime", "right/UTC", "EST5EDT4"])
def test_only_zones_of_the_database_are_known(name: str) -> None:
    """Not what else a machine has in its folder of zones: two machines must agree."""
    with pytest.raises(InvalidScheduleError, match="timezone"):
        zones.zone_named(name)


def test_all_zones_can_be_loaded() -> None:
    """The list of names and the files belong together."""
    assert len(zones.names()) > 500
    for name in zones.names():
        assert zones.zone_named(name).key == name
