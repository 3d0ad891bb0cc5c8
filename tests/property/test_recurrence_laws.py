"""Laws of recurrences, for any expression, zone, instant and exclusion."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile

import pytest
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from whendue.errors import InvalidScheduleError
from whendue.quotas import SCHEDULE_END_MS
from whendue.schedules.calendar import cron
from whendue.schedules.calendar.intervals import first_hit
from whendue.schedules.calendar.recurrence import Nominal, Recurrence, after, check, jitter_ms, latest, local

HOUR_MS = 3_600_000
CENTURY_MS = 100 * 366 * 24 * HOUR_MS
ZONES = [
    "UTC", "America/New_York", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "Antarctica/Vostok", "Antarctica/Troll",
]  # fmt: skip
# Instants near which something happens: a year's turn, changes of Berlin, New York, Sao Paulo, Apia, Kathmandu, Vostok.
TURNS = [
    1_735_689_600_000, 1_743_296_400_000, 1_761_440_400_000, 1_741_503_600_000, 1_762_063_200_000, 1_550_368_800_000,
    1_541_300_400_000, 1_325_239_200_000, 504_901_800_000, 760_035_600_000,
]  # fmt: skip

instants = st.integers(0, SCHEDULE_END_MS - 1) | st.builds(
    lambda turn, off: turn + off, st.sampled_from(TURNS), st.integers(-50 * HOUR_MS, 50 * HOUR_MS)
)


# On a fire, beside it, or somewhere near.
nearby = st.sampled_from([0, -1, 1]) | st.integers(-2 * HOUR_MS, 2 * HOUR_MS)


def day(at_ms: int, later: int) -> str:
    return str(datetime.fromtimestamp(at_ms / 1000, UTC).date() + timedelta(days=later))


def field(first: int, last: int, *special: str) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    step = st.integers(1, last - first + 1)
    spans = st.tuples(number, number).map(sorted).filter(lambda both: both[0] < both[1])
    item = (
        number.map(str)
        | spans.map(lambda both: f"{both[0]}-{both[1]}")
        | st.builds(lambda both, by: f"{both[0]}-{both[1]}/{by}", spans, step)
        | step.map(lambda by: f"*/{by}")
        | st.builds(lambda at, by: f"{at}/{by}", number, step)
    )
    listed = st.lists(item | st.sampled_from(special) if special else item, min_size=1, max_size=3).map(",".join)
    return st.just("*") | listed


# Pieces of expressions, put together anyhow.
pieces = st.sampled_from([
    "*", "?", "0", "5", "7", "31", "60", "l", "l5", "l-3", "1-l", "fri", "fri#2", "fri-sun#1", "jan-feb", "1-3", "3-1",
    "2-2", "*/2", "*/99", "5/2", "1-9/3", "15w", "r", "h(1-9)/2", "7-0", "7/2", "4-0", "10-0", "fril", "5l", "lw",
    "2026", "?,1", "cron(0", "tz=utc", "@every",
])  # fmt: skip
heaps = st.lists(st.lists(pieces, min_size=1, max_size=3).map(",".join), min_size=5, max_size=6).map(" ".join)
nth = (
    st.builds("{}#{}".format, st.integers(0, 7), st.integers(1, 5))
    | st.integers(0, 7).map("L{}".format)
    | st.integers(0, 7).map("{}L".format)
)
days_of_week = field(0, 6) | st.lists(nth, min_size=1, max_size=3).map(",".join)
plain = st.tuples(field(0, 59), field(0, 23), field(1, 31, "L"), field(1, 12), field(0, 6)).map(" ".join)
crons = st.tuples(
    st.just("") | field(0, 59), field(0, 59), field(0, 23), field(1, 31, "L"), field(1, 12), days_of_week
).map(lambda parts: " ".join(parts).strip())
gaps = st.sampled_from([None, "skip", "next"])
folds = st.sampled_from([None, "once", "twice"])
spans_of_days = st.lists(st.tuples(st.integers(-3, 40), st.none() | st.integers(0, 9)), max_size=4)
minutes_of_day = st.integers(0, 1439) | st.sampled_from([0, 60, 120, 150, 180, 1380])
spans_of_times = st.lists(
    st.tuples(minutes_of_day, minutes_of_day | st.just(1440)).filter(lambda both: both[0] != both[1]), max_size=3
)
excluded = st.builds(
    lambda turn, spans, times: (
        *(
            day(turn, first) if length is None else f"{day(turn, first)}/{day(turn, first + length)}"
            for first, length in spans
        ),
        *(f"{low // 60:02}:{low % 60:02}/{high // 60:02}:{high % 60:02}" for low, high in times),
    ),
    st.sampled_from(TURNS),
    spans_of_days,
    st.just([]) | spans_of_times,
)


def by_cron(which: st.SearchStrategy[tuple[int | None, str | None]]) -> st.SearchStrategy[Recurrence]:
    return st.builds(
        lambda weeks, **fields: Recurrence(**fields, every_weeks=weeks[0], anchor=weeks[1]),
        which,
        cron=crons,
        timezone=st.sampled_from(ZONES),
        gap=gaps,
        fold=folds,
        exclude=excluded,
    )


some_weeks = st.tuples(st.integers(1, 52), instants.map(lambda at_ms: day(at_ms, 0)))
recurrences = by_cron(st.just((None, None)) | some_weeks) | st.builds(
    Recurrence,
    every_s=st.integers(1, 100) | st.integers(1, 400 * 3600),
    start_ms=instants,
    timezone=st.sampled_from(ZONES),
    exclude=excluded,
)


def some(recurrence: Recurrence, since: int, count: int = 40) -> list[Nominal]:
    return list(islice(after(recurrence, since), count))


def is_open(recurrence: Recurrence, fire: Nominal) -> bool:
    """Read from what a preview shows, day by day, not from how it was computed."""
    text = local(recurrence, fire.at_ms)
    shown, time = date.fromisoformat(text[:10]), text[11:16]
    entries = [entry.partition("/") for entry in recurrence.exclude]
    by_day = any(
        date.fromisoformat(first) <= shown <= date.fromisoformat(last or first)
        for first, _, last in entries
        if ":" not in first
    )
    by_time = any(
        low <= time < high if low < high else time >= low or time < high for low, _, high in entries if ":" in low
    )
    return not (by_day or by_time)


@given(recurrences, instants)
def test_fires_strictly_increase_and_come_after(recurrence: Recurrence, since: int) -> None:
    """A fire twice would be a job twice; one before would be late by definition."""
    times = [since, *(fire.at_ms for fire in some(recurrence, since))]
    assert all(item < other for item, other in pairwise(times))


@given(recurrences, instants)
def test_no_fire_is_on_an_excluded_local_day_or_at_an_excluded_time(recurrence: Recurrence, since: int) -> None:
    """What a preview shows never lies on a holiday, nor in the night that was excluded."""
    assert all(is_open(recurrence, fire) for fire in some(recurrence, since))


@given(recurrences.filter(lambda recurrence: recurrence.gap != "next"), instants)
def test_exclusions_take_away_what_is_excluded_and_nothing_else(recurrence: Recurrence, since: int) -> None:
    """A holiday must not cost the day after it."""
    recurrence = replace(recurrence, gap="skip" if recurrence.cron else None)
    everything = some(replace(recurrence, exclude=()), since, 100)
    assume(everything)
    until = everything[-1].at_ms
    left = takewhile(lambda fire: fire.at_ms <= until, after(recurrence, since))
    assert list(left) == [fire for fire in everything if is_open(recurrence, fire)]


@settings(deadline=None)
@given(by_cron(some_weeks), instants)
def test_weeks_take_away_other_weeks_and_nothing_else(recurrence: Recurrence, since: int) -> None:
    """Counted by the calendar of the dates that a preview shows, from the anchor's Monday on."""
    recurrence = replace(recurrence, gap="skip")
    everything = some(replace(recurrence, every_weeks=None, anchor=None), since, 100)
    assume(everything)

    def monday(text: str) -> date:
        shown = date.fromisoformat(text[:10])
        return shown - timedelta(days=shown.weekday())

    def is_in(fire: Nominal) -> bool:
        weeks, rest = divmod((monday(local(recurrence, fire.at_ms)) - monday(str(recurrence.anchor))).days, 7)
        return rest == 0 and weeks % (recurrence.every_weeks or 1) == 0

    left = takewhile(lambda fire: fire.at_ms <= everything[-1].at_ms, after(recurrence, since))
    assert list(left) == [fire for fire in everything if is_in(fire)]


@given(st.integers(2, 60), st.data())
def test_the_first_instant_at_an_open_time_is_the_one_that_a_walk_finds(modulus: int, data: st.DataObject) -> None:
    """Every number that the algorithm returns, against trying one after the other."""
    low = data.draw(st.integers(0, modulus - 1))
    high = data.draw(st.integers(low + 1, modulus))
    start, step = data.draw(st.integers(0, modulus - 1)), data.draw(st.integers(-200, 200))
    tried = [number for number in range(modulus) if low <= (start + number * step) % modulus < high]
    assert first_hit(start, step, modulus, low, high) == (tried[0] if tried else None)


@given(recurrences, instants, st.integers(1, 50))
def test_the_latest_fires_are_the_tail_of_all(recurrence: Recurrence, since: int, count: int) -> None:
    """Backward is forward read backward: a timer that catches up must find what preview showed."""
    fires = some(recurrence, since)
    until = fires[-1].at_ms if fires else since
    assert latest(recurrence, since, until, count) == fires[-count:]
    assert latest(recurrence, since, until - 1, count) == [fire for fire in fires if fire.at_ms < until][-count:]


@given(recurrences, instants, st.lists(st.tuples(st.integers(0, 38), nearby), min_size=1, max_size=5))
def test_it_does_not_matter_where_a_walk_begins(
    recurrence: Recurrence, since: int, places: list[tuple[int, int]]
) -> None:
    """Each timer begins somewhere else; together they skip nothing and repeat nothing."""
    fires = some(recurrence, since)
    assume(len(fires) == 40)
    for number, off in places:
        point = max(since, fires[number].at_ms + off)
        rest = [fire for fire in fires if fire.at_ms > point]
        assert some(recurrence, point, len(rest)) == rest


@given(recurrences, instants, st.tuples(st.integers(0, 39), nearby), st.tuples(st.integers(0, 39), nearby))
def test_start_and_end_cut_and_do_nothing_else(
    recurrence: Recurrence, since: int, start: tuple[int, int], end: tuple[int, int]
) -> None:
    """Both inclusive."""
    assume(recurrence.cron)
    fires = some(recurrence, since)
    assume(len(fires) == 40)
    low, high = (fires[number].at_ms + off for number, off in sorted((start, end)))
    high = min(high, fires[-1].at_ms)
    bounded = replace(recurrence, start_ms=low, end_ms=high)
    assert list(after(bounded, since)) == [fire for fire in fires if low <= fire.at_ms <= high]


@given(recurrences, instants)
def test_skipping_takes_fires_away_and_never_adds(recurrence: Recurrence, since: int) -> None:
    """`next` is `skip` and what was moved; `twice` is `once` and the second ones."""
    assume(recurrence.cron)
    fires = some(replace(recurrence, gap="next", fold="twice"), since)
    end = fires[-1].at_ms if fires else since

    def at(recurrence: Recurrence) -> list[Nominal]:
        return list(takewhile(lambda fire: fire.at_ms <= end, after(recurrence, since)))

    unmoved = at(replace(recurrence, gap="skip", fold="twice"))
    assert unmoved == [fire for fire in fires if fire.note != "moved_out_of_gap"]
    once = [fire.at_ms for fire in at(replace(recurrence, gap="next", fold="once"))]
    assert once == [fire.at_ms for fire in fires if fire.note != "second_of_two"]


@given(instants, st.integers(1, 10**6), instants)
def test_intervals_are_arithmetic(start: int, every_s: int, since: int) -> None:
    """Without exclusions, whatever the zone."""
    found = some(Recurrence(every_s=every_s, start_ms=start, timezone="Europe/Berlin"), since, 20)
    first = max(0, (since - start) // (every_s * 1000) + 1)
    exact = [start + (first + number) * every_s * 1000 for number in range(20)]
    assert [fire.at_ms for fire in found] == [at for at in exact if at < SCHEDULE_END_MS]


@given(plain, st.integers(0, SCHEDULE_END_MS - CENTURY_MS))
def test_in_utc_croniter_finds_the_same(expression: str, since: int) -> None:
    """Where there are no clock changes a library that is not ours must find what we find."""
    # For it, whether a field that lists every day restricts depends on how the other one is written.
    read = cron.parse(expression)
    assume("*/1 " not in f"{expression} ")
    assume(read.days is None or len(read.days) < 31)
    assume(read.weekdays is None or len(read.weekdays) < 7)
    fires = some(Recurrence(expression), since, 10)
    assume(len(fires) == 10)
    theirs = croniter(expression, datetime.fromtimestamp(since // 1000, UTC).replace(tzinfo=None))
    assert [fire.at_ms for fire in fires] == [round(theirs.get_next(float) * 1000) for _ in range(10)]


@given(st.text() | st.text("0123456789*/,-#?LlWRH@()adehijlmnoruy \t", max_size=30) | heaps | crons)
def test_any_text_is_a_cron_or_refused(text: str) -> None:
    """It comes from users; a crash in the timer would stop everybody's schedules."""
    try:
        read = cron.parse(text)
    except InvalidScheduleError:
        return
    assert read.seconds
    assert read.minutes
    assert read.hours
    assert read.months <= set(range(1, 13))


@given(recurrences)
def test_what_check_accepts_fires_and_what_it_refuses_does_not(recurrence: Recurrence) -> None:
    """A schedule that is accepted and then sleeps for ever is the worst answer."""
    if next(after(recurrence, -1), None):
        check(recurrence)
    else:
        with pytest.raises(InvalidScheduleError, match="never fires"):
            check(recurrence)


@given(st.text(), st.integers(0, 86_400))
def test_jitter_is_stable_and_in_range(identity: str, jitter_s: int) -> None:
    """Always the same, below its bound."""
    offset = jitter_ms(identity, jitter_s)
    assert offset == jitter_ms(identity, jitter_s)
    assert 0 <= offset < max(1, jitter_s * 1000)


@settings(max_examples=60, deadline=None)
@given(st.lists(crons, min_size=1, max_size=4), st.sampled_from(ZONES), gaps, folds, excluded, instants)
def test_several_expressions_fire_when_one_of_them_does_and_once(
    several: list[str], zone: str, gap: str, fold: str, exclude: tuple[str, ...], at_ms: int
) -> None:
    """The union of their fires in order, from either end; a note that one of them lacks is left out."""
    whole = Recurrence(crons=tuple(several), timezone=zone, gap=gap, fold=fold, exclude=exclude)  # type: ignore[arg-type]
    parts = [replace(whole, cron=expression, crons=()) for expression in several]
    first = at_ms - CENTURY_MS
    later = [list(islice(after(part, at_ms), 20)) for part in parts]
    earlier = [latest(part, first, at_ms, 20) for part in parts]
    for found, each, wanted in (
        (list(islice(after(whole, at_ms), 20)), later, slice(20)),
        (latest(whole, first, at_ms, 20), earlier, slice(-20, None)),
    ):
        assert [fire.at_ms for fire in found] == sorted({fire.at_ms for part in each for fire in part})[wanted]
        for fire in found:
            notes = {other.note for part in each for other in part if other.at_ms == fire.at_ms}
            assert fire.note is None if None in notes else fire.note in notes
