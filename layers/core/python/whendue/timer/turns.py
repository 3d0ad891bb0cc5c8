"""Turns: which scan of a tick does its next window, within the time of the tick."""

from collections.abc import Iterator, Sequence

from whendue.engine.fairness import virtual_deadline
from whendue.engine.runtime import Runtime
from whendue.quotas import RESCUE_SHARE
from whendue.timer.partition_scan import PartitionScan


def by_virtual_deadline(
    runtime: Runtime, scans: Sequence[PartitionScan], began_ms: int, deadline_ms: int
) -> Iterator[PartitionScan]:
    """Yield the scan whose window is due first, again and again, and read its next window when it was handled.

    Neither rescue nor promote takes the other's share of the time while the other has anything to do.

    Args:
        runtime: the outside.
        scans: their first windows have been read.
        began_ms: when the time to share begins, ms UTC.
        deadline_ms: when to stop, ms UTC; the windows of the scans that are left are not handled.
    """
    rescue_ms = RESCUE_SHARE * (deadline_ms - began_ms)
    left_ms = {"rescue": rescue_ms, "promote": deadline_ms - began_ms - rescue_ms}
    while waiting := [scan for scan in scans if scan.window]:
        turn_began_ms = runtime.clock.now_ms()
        if turn_began_ms >= deadline_ms:
            return
        scan = min([scan for scan in waiting if left_ms[scan.kind] > 0] or waiting, key=_turn)
        yield scan
        scan.resize(runtime.clock.now_ms() - turn_began_ms)
        scan.read_window(runtime)
        left_ms[scan.kind] -= runtime.clock.now_ms() - turn_began_ms


def _turn(scan: PartitionScan) -> tuple[float, bool, float]:
    """Order scans: where two are due at the same time, rescue goes first, and then the higher priority."""
    return virtual_deadline(scan.oldest_check_at, scan.rank), scan.kind != "rescue", scan.rank
