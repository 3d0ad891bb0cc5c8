"""`make growth`: prints calls and read units of lists and timer at growing sizes; 1 where a count breaks its law."""

import sys

from tests.growth import lists, timer
from whendue.quotas import POOL_THREADS

SIZES = (1000, 10_000, 100_000)


def main() -> int:
    """Print the tables, row by row as they are measured."""
    broken = 0
    _line("A page of 50 jobs, by the number of jobs in the table: calls and read units, and the most that it may cost")
    for cost in (cost for size in SIZES for cost in lists.measure(size)):
        limits = f"{cost.calls_max:4} {cost.units_max:6g}"
        _line(f"{cost.name:32} {cost.jobs:7} {cost.calls:5} {cost.units:7g}   at most {limits}{_mark(cost.holds)}")
        broken += not cost.holds
    _line("")
    _line(f"The timer, each call {timer.CALL_MS} ms on {POOL_THREADS} threads of virtual time")
    for name, size, measured in timer.table():
        holds = timer.follows_law(name, size, measured)
        counts = " ".join(f"{kind} {count}" for kind, count in sorted(measured.calls.items()))
        seconds = measured.took_ms / 1000
        _line(f"{name:26} {size:7} {seconds:7.2f} s, {len(measured.ticks)} ticks: {counts}{_mark(holds)}")
        broken += not holds
    return min(1, broken)


def _mark(holds: bool) -> str:
    return "" if holds else "   BREAKS ITS LAW"


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
