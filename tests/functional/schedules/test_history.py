"""The fire history as it is read: against a plain list of what was entered, page by page, and what a page may cost."""

import base64
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.schedules import definition
from tests.builders.world import TENANT, World
from whendue.engine.ports import Item
from whendue.errors import InvalidCursorError, InvalidRequestError
from whendue.schedules.calendar.recurrence import Recurrence, latest
from whendue.schedules.fires import Fire, FireOutcome, MissedRange, enter, missed_from
from whendue.schedules.history import FireFilter, FireView
from whendue.schedules.model import Definition, fires_pk
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key

PK = fires_pk(TENANT, "s")
EACH_SECOND = Recurrence(every_s=1, start_ms=0)
EVERYTHING = FireFilter()
Row = tuple[int, FireOutcome, str | None]


def fire(at_ms: int, outcome: FireOutcome, job: str | None = None) -> Fire:
    return Fire(PK, at_ms, outcome, 1, at_ms, job)


def gap(first: int, until: int, outcome: FireOutcome) -> MissedRange:
    return MissedRange(PK, first, until, outcome, "why", 1, until, EACH_SECOND)


def a_history(chance: random.Random, end_ms: int) -> list[Fire | MissedRange]:
    """Make a fire history back from a time: runs of fires and gaps, with entries within gaps and beside fires."""
    entries: list[Fire | MissedRange] = []
    for _ in range(chance.randint(3, 12)):
        first = end_ms - 1000 * chance.choice([0, 2, 49, 50, 51, 99, 130])
        times = range(first, end_ms + 1, 1000)
        if chance.random() < 0.5:
            entries.append(gap(first, end_ms, chance.choice([FireOutcome.MISSED, FireOutcome.SKIPPED])))
            entries += [fire(at, FireOutcome.CAUGHT_UP, "b") for at in times if chance.random() < 0.1]
        else:
            entries += [fire(at, chance.choice([FireOutcome.RAN, FireOutcome.WITHDRAWN]), "j") for at in times]
        entries += [fire(at, FireOutcome.TRIGGERED, "t") for at in times if chance.random() < 0.1]
        end_ms = first - 1000
    return entries


def shown(entries: Sequence[Fire | MissedRange], wanted: FireFilter) -> list[Row]:
    """List what is to be shown of entries, without any cleverness."""
    rows: dict[str, Fire] = {}
    for item in entries:
        if isinstance(item, MissedRange):
            for nominal in latest(item.recurrence, item.first - 1, item.until, 1 << 20):
                rows[fire(nominal.at_ms, item.outcome).key.sk] = fire(nominal.at_ms, item.outcome)
    rows |= {
        entry.key.sk: entry
        for entry in entries
        if isinstance(entry, Fire) and entry.outcome is not FireOutcome.WITHDRAWN
    }
    found = [rows[sk] for sk in sorted(rows, reverse=True) if wanted.outcome in (None, rows[sk].outcome)]
    low, high = wanted.from_ms or 0, wanted.to_ms or 1 << 60
    return [(fire.nominal, fire.outcome, fire.job) for fire in found if low <= fire.nominal <= high]


def read(world: World, wanted: FireFilter, limit: int) -> list[Row]:
    """Read the whole list, page by page; no page is longer than asked for."""
    rows: list[Row] = []
    cursor = None
    while True:
        page = world.app.fire_history.page(TENANT, "s", wanted, limit, cursor)
        assert len(page.fires) <= limit
        rows += [(view.fire.nominal, view.fire.outcome, view.fire.job) for view in page.fires]
        cursor = page.cursor
        if cursor is None:
            return rows


def a_world(entries: Sequence[Fire | MissedRange] = ()) -> World:
    world = World()
    world.app.schedules.put(TENANT, "s", definition("0 0 1 1 *"))
    assert all(end.done for end in world.table.apply([enter(entry) for entry in entries]))
    return world


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(25))
def test_any_page_size_and_filter_show_each_fire_once_in_order(seed: int) -> None:
    """However entries, gaps, triggered and withdrawn ones lie."""
    chance = random.Random(seed)
    now_ms = World().clock.now_ms()
    entries = a_history(chance, now_ms)
    world = a_world(entries)
    times = [now_ms - 1000 * chance.randint(0, 300) for _ in range(2)]
    filters = [EVERYTHING, FireFilter(min(times), max(times)), FireFilter(from_ms=times[0]), FireFilter(to_ms=times[1])]
    filters += [FireFilter(outcome=outcome) for outcome in ("ran", "missed", "triggered", "caught_up")]
    for wanted in filters:
        assert read(world, wanted, chance.choice([1, 7, 49, 50, 51, 200])) == shown(entries, wanted)


def test_a_page_reads_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few of them are wanted: it is short then, and the next one goes on."""
    monkeypatch.setattr("whendue.schedules.history.FIRE_HISTORY_READS", 60)
    now_ms = World().clock.now_ms()
    world = a_world([fire(now_ms - 1000 * n, FireOutcome.RAN, "j") for n in range(300)])
    page = world.app.fire_history.page(TENANT, "s", FireFilter(outcome="missed"), 10, None)
    assert page.fires == []
    assert page.cursor
    assert read(world, FireFilter(outcome="missed"), 10) == []


def test_gaps_before_the_range_are_not_read() -> None:
    """A narrow question about a long history is cheap."""
    now_ms = World().clock.now_ms()
    world = a_world([gap(now_ms - 1000 * n, now_ms - 1000 * n, FireOutcome.MISSED) for n in range(100)])
    spans: list[str] = []

    def query_range(pk: str, **wanted: Any) -> list[Item]:
        spans.append(wanted["last"])
        return world.table.query_range(pk, **wanted)

    app = world.build(store=Refusing(world.table, "query_range", query_range))
    assert len(app.fire_history.page(TENANT, "s", FireFilter(from_ms=now_ms - 2000), 50, None).fires) == 3
    assert len(spans) <= 4


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    """As with every other list."""
    world = World()
    world.app.schedules.put(TENANT, "s", definition())
    with pytest.raises(InvalidRequestError, match="earlier"):
        world.app.fire_history.page(TENANT, "s", FireFilter(2, 1), 10, None)
    assert world.app.fire_history.page(TENANT, "s", FireFilter(1, 1), 10, None).fires == []


@pytest.mark.parametrize("ending", ["x", "²", "", "1" * 9000])
def test_a_cursor_that_somebody_has_made_up_is_refused(ending: str) -> None:
    """Whatever stands where the position should be."""
    world = a_world([fire(World().clock.now_ms() - 1000 * n, FireOutcome.RAN, "j") for n in range(60)])
    cursor = world.app.fire_history.page(TENANT, "s", EVERYTHING, 1, None).cursor
    assert cursor
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    made_up = base64.urlsafe_b64encode(sealed[:16] + f"fire#{ending}".encode()).decode().rstrip("=")
    with pytest.raises(InvalidCursorError):
        world.app.fire_history.page(TENANT, "s", EVERYTHING, 1, made_up)


def test_a_cursor_that_is_of_no_list_is_refused() -> None:
    """A position alone is none."""
    cursor = (
        base64.urlsafe_b64encode(fire(World().clock.now_ms(), FireOutcome.RAN).key.sk.encode()).decode().rstrip("=")
    )
    with pytest.raises(InvalidCursorError):
        a_world().app.fire_history.page(TENANT, "s", EVERYTHING, 1, cursor)


def test_a_cursor_of_another_list_is_refused() -> None:
    """It would leave out a part of this one."""
    world = a_world([fire(World().clock.now_ms() - 1000 * n, FireOutcome.RAN, "j") for n in range(60)])
    cursor = world.app.fire_history.page(TENANT, "s", EVERYTHING, 1, None).cursor
    for wanted, limit in ((FireFilter(outcome="ran"), 1), (FireFilter(from_ms=5), 1)):
        with pytest.raises(InvalidCursorError):
            world.app.fire_history.page(TENANT, "s", wanted, limit, cursor)


# --- jobs --------------------------------------------------------------------------------------------------------


def once(failures: int, **policy: Any) -> tuple[World, FireView]:
    """Let one fire's job fail so often, two seconds late, and then succeed; returns what the fire history shows."""
    world = World()
    world.task("fails", lambda payload, ctx: 1 // max(0, ctx.attempt - failures))
    template = JobRequest("fails", {}, policy={"base_s": 30, "factor": 1, "jitter": "none"} | policy)
    at_ms = world.clock.now_ms() + 60_000
    world.app.schedules.put(TENANT, "s", Definition(Recurrence(at_ms=at_ms), template))
    world.clock.advance(62)
    for _ in range(failures + 1):
        world.work()
        world.clock.advance(31)
    return world, view(world)


def view(world: World) -> FireView:
    [fire] = world.app.fire_history.page(TENANT, "s", EVERYTHING, 10, None).fires
    return fire


@pytest.mark.parametrize(("failures", "lateness_ms"), [(0, 2000), (1, 2000), (2, None)])
def test_lateness_is_that_of_the_first_attempt_as_long_as_it_is_known(failures: int, lateness_ms: int | None) -> None:
    """Of the failed ones a job's item keeps the last."""
    _, shown = once(failures)
    assert shown.job
    assert (shown.job.state, shown.lateness_ms) == ("succeeded", lateness_ms)


def test_a_job_that_was_redriven_was_not_late_for_that() -> None:
    """Its first attempt is forgotten, and it is not taken for the first of the second life."""
    world, shown = once(2, max_attempts=2)
    assert shown.job
    assert (shown.job.state, shown.lateness_ms) == ("dead", None)
    world.task("fails", lambda payload, ctx: None)
    world.app.control.redrive(TENANT, shown.job.id)
    world.work()
    shown = view(world)
    assert shown.job
    assert (shown.job.state, shown.lateness_ms) == ("succeeded", None)


def test_only_what_was_decided_in_time_has_a_lateness() -> None:
    """A job that was made later is late by intent; one that has not begun has none yet."""
    world = World()
    world.app.schedules.put(
        TENANT, "s", Definition(Recurrence(at_ms=world.clock.now_ms() + 60_000), JobRequest("ok", {}))
    )
    world.clock.advance(61)
    shown = view(world)
    assert (shown.fire.outcome, shown.lateness_ms) == (FireOutcome.RAN, None)
    world.app.backfills.begin(TENANT, "s", 0, world.clock.now_ms(), None, force=True)
    world.work()
    shown = view(world)
    assert shown.job
    assert (shown.fire.outcome, shown.job.state, shown.lateness_ms) == (FireOutcome.CAUGHT_UP, "succeeded", None)


def test_a_job_that_is_kept_no_longer_is_not_shown() -> None:
    """Even if the table has not removed it yet."""
    world, shown = once(0)
    assert shown.job
    key = job_key(shown.job.id)
    world.table.rows[key] = {**world.table.rows[key], "expires_at": world.clock.now_ms() // 1000 - 1}
    assert (view(world).job, view(world).lateness_ms) == (None, None)


def test_what_passes_in_a_pause_is_stored_with_the_times_that_the_schedule_had() -> None:
    """So that a later definition does not change the past."""
    world = World()
    world.app.schedules.put(TENANT, "s", definition())
    world.app.schedules.pause(TENANT, "s", "me", "why")
    world.clock.advance(60)
    world.app.schedules.put(TENANT, "s", definition("* * * * *"))
    [item] = [item for item in world.table.query(PK) if item["sk"].startswith("gap#")]
    assert missed_from(item).recurrence == definition().recurrence
