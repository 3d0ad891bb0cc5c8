"""Clock changes: the fires around them, against a walk through every minute that shares nothing with the code."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from whendue.schedules.calendar.recurrence import Note, Recurrence, after, latest

Gap = Literal["skip", "next"]
Fold = Literal["once", "twice"]
Match = Callable[[datetime], bool]


class Cron(NamedTuple):
    text: str
    match: Match
    # Runs all day: by default nothing is moved and nothing is dropped.
    hourly: bool = False


class Change(NamedTuple):
    zone: str
    day: str
    step_s: int = 60
    around_h: int = 60


DAY = timedelta(days=1)
# Each with what it means, written by hand.
CRONS = [
    Cron("* * * * *", lambda t: True, hourly=True),
    Cron("*/15 * * * *", lambda t: t.minute % 15 == 0, hourly=True),
    Cron("5 */2 * * *", lambda t: t.minute == 5 and t.hour % 2 == 0, hourly=True),
    Cron("20 0-23 * * *", lambda t: t.minute == 20, hourly=True),
    Cron("30 2 * * *", lambda t: (t.hour, t.minute) == (2, 30)),
    Cron("0 0 * * *", lambda t: (t.hour, t.minute) == (0, 0)),
    Cron("10,50 0-3,23 * * *", lambda t: t.minute in {10, 50} and t.hour in {0, 1, 2, 3, 23}),
    Cron("*/10 1,2 * * SUN", lambda t: t.minute % 10 == 0 and t.hour in {1, 2} and t.weekday() == 6),
    Cron("0 1,3 L,1 * *", lambda t: t.minute == 0 and t.hour in {1, 3} and (t.day == 1 or (t + DAY).day == 1)),
    Cron("15 0,2 1 * 0", lambda t: t.minute == 15 and t.hour in {0, 2} and (t.day == 1 or t.weekday() == 6)),
    Cron("7 2 * 3,11 SUN#2", lambda t: (t.hour, t.minute) == (2, 7) and t.month in {3, 11} and second_sunday(t)),
]
SECOND_CRONS = [
    Cron("*/5 * * * * *", lambda t: t.second % 5 == 0, hourly=True),
    Cron("30 29 2 * * *", lambda t: (t.hour, t.minute, t.second) == (2, 29, 30)),
]
CHANGES = [
    Change("America/New_York", "2025-03-09"),
    Change("America/New_York", "2025-11-02"),
    Change("Europe/Berlin", "2025-03-30"),
    Change("Europe/Berlin", "2025-10-26"),
    # Half an hour.
    Change("Australia/Lord_Howe", "2025-10-05"),
    Change("Australia/Lord_Howe", "2025-04-06"),
    # At midnight, until 2019: a day began at 01:00, another had 23:30 twice.
    Change("America/Sao_Paulo", "2018-11-04"),
    Change("America/Sao_Paulo", "2019-02-16"),
    # From +05:30 to +05:45 at the turn of the year.
    Change("Asia/Kathmandu", "1986-01-01"),
    # Two hours.
    Change("Antarctica/Troll", "2025-03-30"),
    Change("Antarctica/Troll", "2025-10-26"),
    # A whole day was skipped.
    Change("Pacific/Apia", "2011-12-30"),
    # Seven hours twice.
    Change("Antarctica/Vostok", "1994-02-01"),
]
RULES: list[tuple[Gap | None, Fold | None]] = [
    (None, None), ("skip", "once"), ("skip", "twice"), ("next", "once"), ("next", "twice")
]  # fmt: skip


def second_sunday(day: datetime) -> bool:
    return day.weekday() == 6 and 8 <= day.day <= 14


@cache
def walk(change: Change) -> tuple[tuple[int, datetime], ...]:
    """Every minute (or second) around a change: its instant in ms, its wall-clock time."""
    middle = datetime.fromisoformat(change.day).replace(tzinfo=UTC)
    steps = 2 * change.around_h * 3600 // change.step_s
    begin = middle - timedelta(hours=change.around_h)
    instants = [begin + timedelta(seconds=change.step_s * number) for number in range(steps)]
    # The machine's own rules may be older.
    with files("tzdata").joinpath("zoneinfo", *change.zone.split("/")).open("rb") as rules:
        zone = ZoneInfo.from_file(rules)
    return tuple((round(at.timestamp()) * 1000, at.astimezone(zone).replace(tzinfo=None, fold=0)) for at in instants)


def always(time: datetime) -> bool:
    return True


def expected(change: Change, cron: Cron, gap: Gap, fold: Fold, is_open: Match = always) -> Iterator[int]:
    """What the rules say, read off the clock: what it shows, what it has shown before, what it jumps over.

    Args:
        change: around which.
        cron: what matches.
        gap, fold: the rules.
        is_open: says of a local time whether it is not excluded; a fire is moved neither from nor to one that is.
    """
    step = timedelta(seconds=change.step_s)
    shown: set[datetime] = set()
    previous = walk(change)[0][1] - step

    def due(time: datetime) -> bool:
        return cron.match(time) and is_open(time)

    for at_ms, time in walk(change):
        missed = [previous + step * number for number in range(1, (time - previous) // step)]
        if due(time):
            if fold == "twice" or time not in shown:
                yield at_ms
        elif gap == "next" and any(map(due, missed)) and is_open(time):
            yield at_ms
        shown.add(time)
        previous = time


def bounds(change: Change) -> tuple[int, int]:
    return walk(change)[0][0], walk(change)[-1][0]


def compare(
    change: Change, cron: Cron, gap: Gap | None, fold: Fold | None, exclude: str | None = None, is_open: Match = always
) -> None:
    low, high = bounds(change)
    entries = (exclude,) if exclude else ()
    asked = Recurrence(cron.text, timezone=change.zone, gap=gap, fold=fold, start_ms=low, end_ms=high, exclude=entries)
    by_default: tuple[Gap, Fold] = ("skip", "twice") if cron.hourly else ("next", "once")
    oracle = list(expected(change, cron, gap or by_default[0], fold or by_default[1], is_open))
    assert [fire.at_ms for fire in after(asked, low - 1)] == oracle
    assert [fire.at_ms for fire in latest(asked, low - 1, high, 10**6)] == oracle


around_each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.zone} {change.day}")


@pytest.mark.sampled(4)
@around_each_change
@pytest.mark.parametrize("cron", CRONS, ids=lambda cron: cron.text)
def test_fires_around_a_change_are_those_of_a_clock_on_the_wall(change: Change, cron: Cron) -> None:
    """Nobody can say offhand what happens at 02:30; the walk can."""
    for gap, fold in RULES:
        compare(change, cron, gap, fold)


@pytest.mark.parametrize("change", [CHANGES[0], CHANGES[1], CHANGES[4], CHANGES[5]], ids=str)
@pytest.mark.parametrize("cron", SECOND_CRONS, ids=lambda cron: cron.text)
def test_seconds_are_right_around_a_change(change: Change, cron: Cron) -> None:
    """A change is found to the second, not to the minute."""
    utc = {"America/New_York": timedelta(hours=6, minutes=30), "Australia/Lord_Howe": timedelta(hours=-9)}[change.zone]
    exact = str(datetime.fromisoformat(change.day) + utc)
    for gap, fold in RULES:
        compare(change._replace(day=exact, step_s=1, around_h=2), cron, gap, fold)


@around_each_change
@pytest.mark.parametrize("off_by", [-1, 0, 1])
def test_a_change_on_an_excluded_day_excludes_what_it_moves(change: Change, off_by: int) -> None:
    """Neither may a fire be moved off a holiday, nor onto one."""
    without = date.fromisoformat(change.day) + timedelta(days=off_by)
    for cron in CRONS[1:7]:
        compare(change, cron, "next", "twice", str(without), lambda time: time.date() != without)


def in_minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


# In, beside and around what the changes skip and repeat.
TIMES = ["02:00/03:00", "02:15/02:45", "03:00/03:01", "22:00/01:30", "00:00/01:00", "23:30/24:00", "01:30/02:00"]


def is_outside(entry: str) -> Match:
    low, high = map(in_minutes, entry.split("/"))

    def outside(time: datetime) -> bool:
        now = time.hour * 60 + time.minute
        return not (low <= now < high if low < high else now >= low or now < high)

    return outside


@pytest.mark.sampled(3)
@around_each_change
@pytest.mark.parametrize("entry", TIMES)
def test_excluded_times_of_day_are_those_of_the_clock_on_the_wall(change: Change, entry: str) -> None:
    """Both times where they come twice; what a gap skips is moved neither out of one nor into it."""
    for cron in CRONS[:7]:
        for gap, fold in RULES:
            compare(change, cron, gap, fold, entry, is_outside(entry))


@pytest.mark.sampled(5)
@around_each_change
@pytest.mark.parametrize("entry", TIMES)
def test_an_interval_leaves_out_excluded_times_of_the_clock_on_the_wall(change: Change, entry: str) -> None:
    """It is counted in absolute time, and excluded by what the clock shows then."""
    low, high = bounds(change)
    outside = is_outside(entry)
    for every_s in (60, 420, 1800, 5400, 86_400, 90_060):
        every = Recurrence(every_s=every_s, timezone=change.zone, start_ms=low, end_ms=high, exclude=(entry,))
        oracle = [at for at, time in walk(change) if (at - low) % (every_s * 1000) == 0 and outside(time)]
        assert [fire.at_ms for fire in after(every, low - 1)] == oracle
        assert [fire.at_ms for fire in latest(every, low - 1, high, 10**6)] == oracle


@pytest.mark.parametrize("change", CHANGES[:4], ids=lambda change: f"{change.zone} {change.day}")
@pytest.mark.parametrize("weeks", [2, 3])
def test_every_second_week_keeps_its_hour_over_a_change(change: Change, weeks: int) -> None:
    """Weeks are counted by dates, so no hour and no week is lost; the anchor is years before."""
    anchor = date(2020, 1, 8)
    monday = anchor - timedelta(days=anchor.weekday())
    day = date.fromisoformat(change.day)
    low = ms(f"{day - timedelta(days=100)}T00:00Z")
    high = ms(f"{day + timedelta(days=100)}T00:00Z")
    asked = Recurrence(
        "30 9 * * MON,SUN", timezone=change.zone, every_weeks=weeks, anchor=str(anchor), start_ms=low, end_ms=high
    )
    zone = ZoneInfo(change.zone)
    shown = [datetime.fromtimestamp(fire.at_ms / 1000, zone) for fire in after(asked, 0)]
    days = [day + timedelta(days=number) for number in range(-102, 102)]
    wanted = [at for at in days if at.weekday() in (0, 6) and ((at - monday).days // 7) % weeks == 0]
    assert [at.date() for at in shown] == [at for at in wanted if abs(at - day) < timedelta(days=100)]
    assert {(at.hour, at.minute) for at in shown} == {(9, 30)}


@around_each_change
def test_every_change_is_within_its_walk(change: Change) -> None:
    """A wrong date would compare two quiet days."""
    steps = [later - time for (_, time), (_, later) in zip(walk(change), walk(change)[1:], strict=False)]
    assert [step for step in steps if step != timedelta(seconds=change.step_s)]


def test_the_oracle_sees_gaps_and_folds() -> None:
    """If it saw none it would agree with anything."""
    at_half_past_two = CRONS[4]
    spring, autumn = CHANGES[2], CHANGES[3]
    cases: list[tuple[Change, Gap, Fold]] = [
        (spring, "skip", "once"), (spring, "next", "once"), (autumn, "next", "once"), (autumn, "next", "twice"),
    ]  # fmt: skip
    counts = [len(list(expected(change, at_half_past_two, gap, fold))) for change, gap, fold in cases]
    assert counts == [4, 5, 5, 6]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_odd_fires_say_why_they_are_odd() -> None:
    """A preview that shows 03:00 for a schedule at 02:30 must explain itself."""
    berlin = Recurrence("30 2 * * *", timezone="Europe/Berlin")
    gap = list(after(Recurrence("30 2 * * *", timezone="Europe/Berlin", end_ms=ms("2025-03-31T23:00Z")), 0))[-3:]
    assert gap == [
        (ms("2025-03-29T02:30+01:00"), None),
        (ms("2025-03-30T03:00+02:00"), Note.MOVED),
        (ms("2025-03-31T02:30+02:00"), None),
    ]
    autumn = ms("2025-10-25T12:00Z")
    assert next(after(berlin, autumn)) == (ms("2025-10-26T02:30+02:00"), Note.ONLY_FIRST)
    twice = after(Recurrence("30 2 * * *", timezone="Europe/Berlin", fold="twice"), autumn)
    assert [next(twice), next(twice), next(twice)] == [
        (ms("2025-10-26T02:30+02:00"), Note.FIRST),
        (ms("2025-10-26T02:30+01:00"), Note.SECOND),
        (ms("2025-10-27T02:30+01:00"), None),
    ]


def test_intervals_and_instants_know_no_clock_change() -> None:
    """Every six hours is every six hours."""
    start = ms("2025-03-29T00:00+01:00")
    every = Recurrence(every_s=6 * 3600, start_ms=start, timezone="Europe/Berlin")
    fires = after(every, start - 1)
    assert [next(fires) for _ in range(12)] == [(start + number * 6 * 3_600_000, None) for number in range(12)]
    at = ms("2025-10-26T02:30+01:00")
    assert list(after(Recurrence(at_ms=at, timezone="Europe/Berlin", end_ms=at), 0)) == [(at, None)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-03-29T22:30:00+00:00", ["2025-03-30T00:00:00+01:00", "2025-03-30T04:00:00+02:00"]),
        (
            "2025-10-25T23:30:00+00:00",
            ["2025-10-26T02:00:00+02:00", "2025-10-26T02:00:00+01:00", "2025-10-26T04:00:00+01:00"],
        ),
    ],
)
def test_every_other_hour_is_not_every_two_hours_when_clocks_change(day: str, expected: list[str]) -> None:
    """As docs/guide/recurrence.md shows: `*/2` keeps the local hours, and one is missing or comes twice."""
    fires = after(Recurrence(cron="0 */2 * * *", timezone="Europe/Berlin"), ms(day))
    zone = ZoneInfo("Europe/Berlin")
    shown = [datetime.fromtimestamp(next(fires)[0] / 1000, zone).isoformat() for _ in expected]
    assert shown == expected
