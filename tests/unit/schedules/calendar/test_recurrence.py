"""Recurrences: what an expression means, what is refused, and that searches end."""

from datetime import UTC, datetime
from itertools import islice, pairwise, product

import pytest

from whendue.errors import InvalidScheduleError
from whendue.quotas import CRON_BYTES, EVERY_MAX_S, SCHEDULE_END_MS, SCHEDULE_EXCLUSIONS, SCHEDULE_SEARCH_S
from whendue.schedules.calendar import cron
from whendue.schedules.calendar.cron_fields import FIELDS, WEEKDAY, Field, numbers, weekdays
from whendue.schedules.calendar.recurrence import Recurrence, after, check, jitter_ms, latest, local


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def fires(recurrence: Recurrence, since: str, count: int) -> list[str]:
    got = [fire.at_ms for fire in islice(after(recurrence, ms(since) - 1), count)]
    return [f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}" for at in got]


# From 2026-01-01, a Thursday.
MEANING = {
    "*/5 * * * * *": ["2026-01-01 00:00:00", "2026-01-01 00:00:05"],
    "15 10 * * * *": ["2026-01-01 00:10:15", "2026-01-01 01:10:15"],
    "*/20 * * * *": ["2026-01-01 00:00:00", "2026-01-01 00:20:00", "2026-01-01 00:40:00", "2026-01-01 01:00:00"],
    "5/20 0 * * *": ["2026-01-01 00:05:00", "2026-01-01 00:25:00", "2026-01-01 00:45:00", "2026-01-02 00:05:00"],
    "0 22-1 * * *": ["2026-01-01 00:00:00", "2026-01-01 01:00:00", "2026-01-01 22:00:00", "2026-01-01 23:00:00"],
    "0 9 * * MON-FRI": ["2026-01-01 09:00:00", "2026-01-02 09:00:00", "2026-01-05 09:00:00"],
    "0 9 * * fri-sun": ["2026-01-02 09:00:00", "2026-01-03 09:00:00", "2026-01-04 09:00:00", "2026-01-09 09:00:00"],
    "0 9 * * 7": ["2026-01-04 09:00:00", "2026-01-11 09:00:00"],
    "0 9 * * 0": ["2026-01-04 09:00:00", "2026-01-11 09:00:00"],
    "0 9 * * 5-7/2": ["2026-01-02 09:00:00", "2026-01-04 09:00:00", "2026-01-09 09:00:00"],
    "0 9 * * SUN-7": ["2026-01-01 09:00:00", "2026-01-02 09:00:00", "2026-01-03 09:00:00", "2026-01-04 09:00:00"],
    "0 9 * * 7-2": ["2026-01-04 09:00:00", "2026-01-05 09:00:00", "2026-01-06 09:00:00", "2026-01-11 09:00:00"],
    "0 9 * * sat-7": ["2026-01-03 09:00:00", "2026-01-04 09:00:00", "2026-01-10 09:00:00"],
    "0 9 * * 6-7": ["2026-01-03 09:00:00", "2026-01-04 09:00:00", "2026-01-10 09:00:00"],
    "0 9 * * 6-1": ["2026-01-03 09:00:00", "2026-01-04 09:00:00", "2026-01-05 09:00:00", "2026-01-10 09:00:00"],
    "0 9 * * 7,0,sun": ["2026-01-04 09:00:00", "2026-01-11 09:00:00"],
    "0 9 * * 0/2": ["2026-01-01 09:00:00", "2026-01-03 09:00:00", "2026-01-04 09:00:00", "2026-01-06 09:00:00"],
    "0 9 * * 1/2": ["2026-01-02 09:00:00", "2026-01-05 09:00:00", "2026-01-07 09:00:00", "2026-01-09 09:00:00"],
    "0\t9 \t* * *": ["2026-01-01 09:00:00", "2026-01-02 09:00:00"],
    "0 09 01 * *": ["2026-01-01 09:00:00", "2026-02-01 09:00:00"],
    "0 0 30-L * *": ["2026-01-30 00:00:00", "2026-01-31 00:00:00", "2026-03-30 00:00:00"],
    "0 9 * * 0-7": ["2026-01-01 09:00:00", "2026-01-02 09:00:00"],
    "0 0 L * *": ["2026-01-31 00:00:00", "2026-02-28 00:00:00", "2026-03-31 00:00:00"],
    "0 0 15,L FEB *": ["2026-02-15 00:00:00", "2026-02-28 00:00:00", "2027-02-15 00:00:00"],
    "0 0 29 2 *": ["2028-02-29 00:00:00", "2032-02-29 00:00:00"],
    "0 0 31 * *": ["2026-01-31 00:00:00", "2026-03-31 00:00:00"],
    "0 0 28-2 1 *": ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-28 00:00:00"],
    "0 0 * * FRI#2": ["2026-01-09 00:00:00", "2026-02-13 00:00:00"],
    "0 0 * * 1#1,3#5": ["2026-01-05 00:00:00", "2026-02-02 00:00:00", "2026-03-02 00:00:00", "2026-04-06 00:00:00"],
    "0 0 * * L5": ["2026-01-30 00:00:00", "2026-02-27 00:00:00", "2026-03-27 00:00:00", "2026-04-24 00:00:00"],
    "0 0 * * 5L": ["2026-01-30 00:00:00", "2026-02-27 00:00:00", "2026-03-27 00:00:00", "2026-04-24 00:00:00"],
    "0 0 * * FRIL": ["2026-01-30 00:00:00", "2026-02-27 00:00:00", "2026-03-27 00:00:00", "2026-04-24 00:00:00"],
    "0 0 * * 7L": ["2026-01-25 00:00:00", "2026-02-22 00:00:00", "2026-03-29 00:00:00"],
    "0 0 * * sunl,L6,1#1": ["2026-01-05 00:00:00", "2026-01-25 00:00:00", "2026-01-31 00:00:00", "2026-02-02 00:00:00"],
    "0 0 * * 5#2": ["2026-01-09 00:00:00", "2026-02-13 00:00:00"],
    "0 0 * * 7#2": ["2026-01-11 00:00:00", "2026-02-08 00:00:00"],
    "0 0 * * MON-TUE#1": ["2026-01-05 00:00:00", "2026-01-06 00:00:00", "2026-02-02 00:00:00", "2026-02-03 00:00:00"],
    "0 0 * * L6": ["2026-01-31 00:00:00", "2026-02-28 00:00:00", "2026-03-28 00:00:00"],
    # Day of month and day of week: either is enough, when both say something.
    "0 0 3 * FRI": ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-09 00:00:00"],
    "0 0 3 * FRI#2": ["2026-01-03 00:00:00", "2026-01-09 00:00:00", "2026-02-03 00:00:00"],
    "0 0 */30 * FRI": ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-09 00:00:00"],
    "0 0 ? * FRI": ["2026-01-02 00:00:00", "2026-01-09 00:00:00"],
    "0 0 */1 * FRI": ["2026-01-02 00:00:00", "2026-01-09 00:00:00"],
    "0 0 3 * ?": ["2026-01-03 00:00:00", "2026-02-03 00:00:00"],
    "0 0 1-31 * FRI": ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-03 00:00:00"],
    "  @Hourly ": ["2026-01-01 00:00:00", "2026-01-01 01:00:00"],
    "@daily": ["2026-01-01 00:00:00", "2026-01-02 00:00:00"],
    "@midnight": ["2026-01-01 00:00:00", "2026-01-02 00:00:00"],
    "@weekly": ["2026-01-04 00:00:00", "2026-01-11 00:00:00"],
    "@monthly": ["2026-01-01 00:00:00", "2026-02-01 00:00:00"],
    "@yearly": ["2026-01-01 00:00:00", "2027-01-01 00:00:00"],
    "@annually": ["2026-01-01 00:00:00", "2027-01-01 00:00:00"],
}


@pytest.mark.parametrize("expression", MEANING)
def test_an_expression_means_what_the_docs_say(expression: str) -> None:
    """Written out by hand from a calendar."""
    want = MEANING[expression]
    assert fires(Recurrence(expression), "2026-01-01", len(want)) == want


def walked(field: Field, low: int, high: int) -> set[int] | None:
    """Walk from one end of a range to the other, around the end of the field; None if one is not there."""
    circle = list(range(field.first, field.last + 1))
    if field is WEEKDAY:
        circle.append(7)
    if low == high or low not in circle or high not in circle:
        return None
    seen = [low]
    while seen[-1] != high:
        follower = circle[(circle.index(seen[-1]) + 1) % len(circle)]
        seen.append(follower)
    return {value % 7 if field is WEEKDAY else value for value in seen}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_range_of_every_field_is_walked_or_refused(field: Field) -> None:
    """All pairs of numbers, those out of range at either end among them."""
    wrong = []
    for low, high in product(range(63), repeat=2):
        want = None if (field is WEEKDAY and (low, high) == (7, 0)) else walked(field, low, high)
        try:
            text = f"{low}-{high}"
            got = {day for day, _ in weekdays(text)} if field is WEEKDAY else set(numbers(field, text))
        except InvalidScheduleError:
            got = None
        wrong += [(low, high, got)] if got != want else []
    assert not wrong


@pytest.mark.parametrize("first", range(7))
@pytest.mark.parametrize("step", range(1, 8))
def test_sunday_is_seven_as_well_as_zero(first: int, step: int) -> None:
    """Its two numbers are where parsers of ranges go wrong."""
    weekdays = cron.parse(f"0 0 * * {first}-7/{step}").weekdays
    assert weekdays == frozenset((day % 7, 0) for day in range(first, 8, step))


@pytest.mark.parametrize(
    ("where", "recurrence"),
    [
        ("cron", Recurrence()),
        ("cron", Recurrence("* * * * *", every_s=60, start_ms=0)),
        ("cron", Recurrence("* * * * *", at_ms=0)),
        ("cron", Recurrence("0 0 30 2 *")),
        ("cron", Recurrence("0 0 1 1 *", start_ms=ms("2026-01-02"), end_ms=ms("2026-12-31"))),
        ("cron", Recurrence("0 0 1 1 *", end_ms=ms("2030-01-02"), exclude=("1900-01-01/2031-01-01",))),
        ("cron", Recurrence("30 2 30 3 *", timezone="Europe/Berlin", gap="skip", exclude=(),
                            start_ms=ms("2025-01-01"), end_ms=ms("2025-12-31"))),
        ("every", Recurrence(every_s=0, start_ms=0)),
        ("every", Recurrence(every_s=-1, start_ms=0)),
        ("every", Recurrence(every_s=EVERY_MAX_S + 1, start_ms=0)),
        ("start", Recurrence(every_s=60)),
        ("every", Recurrence(every_s=60, start_ms=0, end_ms=1, exclude=("1970-01-01",))),
        ("gap", Recurrence(every_s=60, start_ms=0, gap="skip")),
        ("fold", Recurrence(at_ms=60, fold="once")),
        ("at", Recurrence(at_ms=SCHEDULE_END_MS)),
        ("at", Recurrence(at_ms=-1)),
        ("at", Recurrence(at_ms=ms("2026-12-25T12:00"), exclude=("2026-12-25",))),
        ("at", Recurrence(at_ms=5, start_ms=6)),
        ("at", Recurrence(at_ms=5, end_ms=4)),
        ("start", Recurrence("* * * * *", start_ms=-1)),
        ("end", Recurrence("* * * * *", end_ms=SCHEDULE_END_MS)),
        ("end", Recurrence("* * * * *", start_ms=60_000, end_ms=59_999)),
        ("timezone", Recurrence("* * * * *", timezone="Mars/Olympus")),
        ("exclude.1", Recurrence("* * * * *", exclude=("2026-12-25", "25.12.2026"))),
        ("exclude.0", Recurrence("* * * * *", exclude=("2026-02-30",))),
        ("exclude.0", Recurrence("* * * * *", exclude=("2026-W01-1",))),
        ("exclude.0", Recurrence("* * * * *", exclude=("2026-12-25/2026-12-24",))),
        ("exclude", Recurrence("* * * * *", exclude=("2026-12-25",) * (SCHEDULE_EXCLUSIONS + 1))),
    ],
)  # fmt: skip
def test_a_recurrence_that_means_nothing_is_refused(where: str, recurrence: Recurrence) -> None:
    """With the place, as each is a 400 for somebody."""
    with pytest.raises(InvalidScheduleError) as caught:
        check(recurrence)
    assert [error["where"] for error in caught.value.details["errors"]] == [where]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "recurrence",
    [
        Recurrence("* * * * *", start_ms=60_000, end_ms=60_000),
        Recurrence("0 0 * 2 FRI#5"),
        Recurrence(every_s=1, start_ms=0),
        Recurrence(every_s=EVERY_MAX_S, start_ms=5, end_ms=5),
        Recurrence(at_ms=0),
        Recurrence(at_ms=SCHEDULE_END_MS - 1, timezone="Asia/Kathmandu"),
        Recurrence("* * * * *", exclude=("2026-12-25",) * SCHEDULE_EXCLUSIONS),
        Recurrence("* * * * *".ljust(CRON_BYTES)),
        # Its only fire is one that is moved.
        Recurrence("30 2 30 3 *", timezone="Europe/Berlin", start_ms=ms("2025-01-01"), end_ms=ms("2025-12-31")),
    ],
)
def test_the_edges_of_what_is_allowed_are_allowed(recurrence: Recurrence) -> None:
    """Start and end are inclusive, and a rare recurrence is not an impossible one."""
    check(recurrence)


def test_the_rarest_day_of_the_calendar_is_found() -> None:
    """A fifth weekday in February comes each 28 years, and across 2100, which has no 29th, up to 40 years apart."""
    longest = 0
    for weekday in range(7):
        found = [fire.at_ms for fire in after(Recurrence(f"0 0 * 2 {weekday}#5"), ms("2000-01-01"))]
        assert found[-1] > ms("2150-01-01")
        longest = max(longest, *(later - earlier for earlier, later in pairwise(found)))
    assert ms("2039-12-01") - ms("2000-01-01") < longest < SCHEDULE_SEARCH_S * 1000


def test_a_search_for_nothing_ends() -> None:
    """In both directions, and before the end of all supported years."""
    closed = Recurrence("0 0 1 1 *", exclude=("2000-01-01/2060-01-01",))
    assert list(after(closed, ms("2001-01-01"))) == []
    assert latest(closed, 0, ms("2059-01-01"), 1) == []
    assert fires(closed, "2030-01-01", 1) == ["2061-01-01 00:00:00"]
    assert latest(closed, 0, ms("2030-01-01"), 1) == [(ms("1999-01-01T00:00"), None)]


def test_fires_stay_within_the_supported_years() -> None:
    """1970 to 2199, whatever is asked for."""
    daily = Recurrence("0 0 * * *", timezone="Pacific/Auckland")
    assert next(after(daily, -(10**15))).at_ms == ms("1970-01-01T12:00")
    assert latest(daily, 0, 10**15, 1)[0].at_ms == ms("2199-12-31T11:00")
    assert list(after(daily, SCHEDULE_END_MS)) == []


def test_intervals_count_from_their_start_and_leave_out_excluded_days() -> None:
    """Also when the start has milliseconds, and a long exclusion is not walked through."""
    start = ms("2026-01-01T22:00") + 250
    every = Recurrence(every_s=3600, start_ms=start, timezone="Europe/Berlin", exclude=("2026-01-02/2046-01-01",))
    assert [fire.at_ms for fire in islice(after(every, 0), 2)] == [start, ms("2046-01-01T23:00") + 250]
    assert latest(every, 0, ms("2046-01-01T23:30"), 2) == [(start, None), (ms("2046-01-01T23:00") + 250, None)]
    assert list(after(Recurrence(every_s=60, start_ms=start, end_ms=start + 60_000), start)) == [(start + 60_000, None)]


def test_exclusions_may_come_in_any_order_and_overlap() -> None:
    """People collect them from several calendars."""
    daily = Recurrence(
        "0 9 * * *", exclude=("2026-01-08", "2026-01-02/2026-01-04", "2026-01-04/2026-01-05", "2026-01-03")
    )
    assert fires(daily, "2026-01-01", 4) == [f"2026-01-0{number} 09:00:00" for number in (1, 6, 7, 9)]


def test_the_latest_fires_are_found_without_walking_there() -> None:
    """Fifty years of seconds would take an hour."""
    second = Recurrence("* * * * * *", timezone="America/New_York")
    now = ms("2026-05-05T05:05:05")
    assert latest(second, 0, now, 3) == [(now - 2000, None), (now - 1000, None), (now, None)]
    assert latest(second, now - 1, now, 3) == [(now, None)]
    assert latest(second, now, now, 3) == []
    assert latest(second, 0, now, 0) == []


def test_jitter_is_stable_and_spreads() -> None:
    """The same schedule is late by the same time every day; a thousand schedules are not late by the same."""
    assert jitter_ms("nightly", 60) == jitter_ms("nightly", 60) == 47_926
    assert jitter_ms("nightly", 0) == 0
    drawn = sorted(jitter_ms(f"schedule {number}", 60) for number in range(1000))
    assert drawn[0] < 1000
    assert drawn[-1] > 59_000
    assert len(set(drawn)) > 900


def test_local_times_show_their_offset() -> None:
    """Otherwise the two 02:30 of an autumn night look alike."""
    berlin = Recurrence("* * * * *", timezone="Europe/Berlin")
    assert local(berlin, ms("2025-10-26T00:30")) == "2025-10-26T02:30:00+02:00"
    assert local(berlin, ms("2025-10-26T01:30") + 5) == "2025-10-26T02:30:00.005000+01:00"
