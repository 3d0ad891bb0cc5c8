"""What a schedule's texts cost: linear in their length, and bounded for the searches that they start.

Steps are counted (lines that ran in our code, with what they call in the library left to the largest permitted input),
so that no clock is asked; what a library does is bounded by a child process with a limit of CPU time.
"""

import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from functions.api.http import times
from whendue.errors import InvalidScheduleError
from whendue.quotas import CRON_BYTES, SCHEDULE_EXCLUDED_TIMES, SCHEDULE_EXCLUSIONS
from whendue.schedules.calendar import cron, durations, exclusions, notations, recurrence
from whendue.schedules.calendar import time_zones as zones
from whendue.schedules.calendar.recurrence import Recurrence

# Doubling what is read may double the work, with room for what is constant; a quadratic scan would quadruple it.
RATIO = 2.6


def steps(function: Callable[[], Any]) -> int:
    """Count the lines that run."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except (InvalidScheduleError, ValueError):
        pass
    finally:
        sys.settrace(before)
    return count


def read_cron(text: str) -> None:
    cron.parse.cache_clear()
    cron.parse(text)


def read_exclusions(count: int) -> None:
    exclusions.parse.cache_clear()
    exclusions.parse(("2026-01-01/2026-12-31",) * count)


# From a size, what is read.
GROWING: dict[str, Callable[[int], object]] = {
    "a list of stars with steps": lambda n: read_cron(",".join(["*/1"] * n) + " * * * *"),
    "a list of ranges": lambda n: read_cron(",".join(["0-59"] * n) + " * * * *"),
    "a list of numbered days": lambda n: read_cron("* * * * " + ",".join(["1#1"] * n)),
    "a list of last days": lambda n: read_cron("* * * * " + ",".join(["5L"] * n)),
    "a list of nothing": lambda n: read_cron("," * n),
    "many fields": lambda n: read_cron("* " * n),
    "digits": lambda n: read_cron("9" * n + " * * * *"),
    "ranges of ranges": lambda n: read_cron("1-" * n + " * * * *"),
    "open brackets": lambda n: read_cron("h" + "(" * n + " * * * *"),
    "a zone": lambda n: read_cron("tz=" + "a/" * n),
    "an interval in words": lambda n: notations.duration("5m" * n),
    "an interval in words and spaces": lambda n: notations.duration("5 m " * n),
    "a duration": lambda n: durations.seconds("P" + "1" * n + "D"),
    "a duration of months": lambda n: durations.seconds("P" + "1Y" * n),
    "a fraction": lambda n: times.read("2026-11-23T20:00:00." + "0" * n + "Z"),
    "exclusions": read_exclusions,
    "a zone's name": lambda n: zones.spelt("a" * n),
}


@pytest.mark.parametrize("name", GROWING)
def test_reading_grows_with_what_is_read(name: str) -> None:
    """In the sizes that are permitted; beyond them it is refused without being looked at."""
    read = GROWING[name]
    # What is loaded, cached or checked once must not count.
    steps(lambda: read(8))
    sizes = (32, 64) if name != "exclusions" else (SCHEDULE_EXCLUSIONS // 2, SCHEDULE_EXCLUSIONS)
    small, large = (steps(partial(read, size)) for size in sizes)
    assert large <= small * RATIO + 50


def pairs(size: int) -> int:
    count = 0
    for first in range(size):
        for _ in range(first):
            count += 1
    return count


def test_a_quadratic_reader_would_be_found() -> None:
    """The measure itself: half of all pairs of a text."""
    small, large = (steps(partial(pairs, size)) for size in (32, 64))
    assert large > small * RATIO + 50


@pytest.mark.parametrize("text", ["*" * 10**6, " " * 10**6, "*/1," * 10**6, "\N{ARABIC-INDIC DIGIT FIVE}" * 10**6])
def test_what_is_too_long_is_not_read(text: str) -> None:
    """A million characters cost as much as one too many."""
    assert steps(lambda: read_cron(text)) <= steps(lambda: read_cron("*" * (CRON_BYTES + 1)))
    assert steps(lambda: times.read(text)) < 10


# The dearest searches that may be asked for: those that find nothing, or one fire in decades.
SEARCHES = {
    "no such day": Recurrence("0 0 30 2 *"),
    "no such day, each second": Recurrence("* * * 31 4,6 *", timezone="Europe/Berlin"),
    "a rare day": Recurrence("0 0 29 2 *", timezone="Australia/Lord_Howe"),
    "the rarest day": Recurrence("0 0 * 2 1#5"),
    "everything is excluded": Recurrence("* * * * * *", exclude=("0001-01-01/9999-12-31",) * SCHEDULE_EXCLUSIONS),
    "every day of a year is excluded": Recurrence(
        "* * * * * *", exclude=tuple(f"{1970 + n}-01-01/{1970 + n}-12-31" for n in range(SCHEDULE_EXCLUSIONS))
    ),
    "excluded intervals": Recurrence(every_s=1, start_ms=0, exclude=("0001-01-01/9999-12-31",) * SCHEDULE_EXCLUSIONS),
    "every time of day is excluded": Recurrence("* * * * * *", exclude=("00:00/12:00", "12:00/24:00")),
    "the times that match are excluded": Recurrence("* 0-22 * * *", timezone="Europe/Berlin", exclude=("00:00/23:00",)),
    "an interval that falls on excluded times": Recurrence(
        every_s=86_400, start_ms=0, timezone="Europe/Berlin", exclude=("00:00/23:59",)
    ),
    "an interval that hits an open time after years": Recurrence(
        every_s=43_199, start_ms=0, timezone="Europe/Berlin", exclude=("00:01/24:00",)
    ),
    "intervals between excluded days and times": Recurrence(
        every_s=86_400,
        start_ms=30_000,
        timezone="Europe/Berlin",
        exclude=(
            *(f"{1970 + n // 4}-0{1 + n % 4}-01" for n in range(SCHEDULE_EXCLUSIONS - SCHEDULE_EXCLUDED_TIMES)),
            *(f"{2 * n:02}:00/{2 * n + 1:02}:59" for n in range(SCHEDULE_EXCLUDED_TIMES - 1)),
            "18:00/24:00",
        ),
    ),
    "a rare day of rare weeks": Recurrence("0 0 29 2 *", timezone="Europe/Berlin", every_weeks=52, anchor="2026-01-05"),
    "each second of rare weeks": Recurrence(
        "* * * * * *", every_weeks=52, anchor="2026-01-05", exclude=("2026-01-05",)
    ),
    "a window without a match": Recurrence("0 0 1 1 *", start_ms=86_400_001, end_ms=86_400_000 * 364),
    "a second that comes twice, once": Recurrence(
        "* * 2 26 10 *", timezone="Europe/Berlin", fold="once", start_ms=1_761_440_400_000, end_ms=1_761_443_999_000
    ),
}
# Measured: 86,000 lines at most, which is 41 years of months in a zone with two changes a year.
STEPS = 400_000


def first_after(wanted: Recurrence, since_ms: int) -> object:
    return next(recurrence.after(wanted, since_ms), None)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_finds_nothing_is_bounded(name: str) -> None:
    """From any instant, forward and backward."""
    wanted = SEARCHES[name]
    for since_ms in (-1, 1_795_464_000_000, 7_000_000_000_000):
        assert steps(partial(first_after, wanted, since_ms)) < STEPS
        assert steps(partial(recurrence.latest, wanted, 0, since_ms, 1)) < STEPS
    assert steps(lambda: recurrence.check(wanted)) < STEPS


HOSTILE = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from whendue.schedules.calendar import durations
from functions.api.http import times
from whendue.schedules.calendar import cron
from whendue.schedules.calendar import exclusions
from whendue.schedules.calendar import notations
from whendue.errors import InvalidScheduleError

texts = [one * (size // len(one)) + end for one in (
    "9", "*", ",", "-", "/", "#", "L", "h(", "(", ")", "5m", "5 m ", "1h, ", "1Y", "P", "T", "0-59,", "*/1,", "5L,",
    " ", "\\t", "tz=", "a/", "cron(", "@every ", "0", ".", "1.", "\\u0665", "\\U0001f600", "\\ud800",
    "2026-01-01/", "2026",
) for size in (64, 256, 5_000_000) for end in ("", "x", ")", " * * * *")]
for text in texts:
    for read in (cron.parse, lambda t: notations.duration(t[:256]), lambda t: durations.seconds(t[:64]), times.read,
                 lambda t: exclusions.parse((t[:64],) * 201), lambda t: exclusions.parse((t[:64],) * 200)):
        try:
            read(text)
        except (InvalidScheduleError, ValueError):
            pass
print("done")
"""


def test_the_largest_hostile_texts_are_read_within_a_bound_of_cpu_time() -> None:
    """In a dependent that the system ends: a regular expression that runs away cannot be counted."""
    run = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=False, timeout=600)
    assert (run.stdout.strip(), run.returncode) == ("done", 0), run.stderr[-500:]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > 0
