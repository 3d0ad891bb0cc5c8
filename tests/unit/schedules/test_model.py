"""What schedules, fires, gaps and backfills are stored as: plain values that the table takes, and no more."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.schedules import DEFINITION, GAP, NOW_MS, SCHEDULE
from whendue.adapters.dynamodb.attribute_values import to_attribute
from whendue.quotas import POSTPONED_MIN_S
from whendue.schedules import fires, lookup
from whendue.schedules import model as schedules
from whendue.schedules.backfills import model as backfills
from whendue.schedules.backfills.model import Backfill
from whendue.schedules.fires import Fire, FireOutcome
from whendue.table.writes import REMOVE, Is, Write

FIRE = Fire(SCHEDULE.fires_pk, NOW_MS, FireOutcome.RAN, NOW_MS, NOW_MS, "job")
SKIPPED = replace(FIRE, outcome=FireOutcome.SKIPPED, job=None, reason="unknown_task")
BACKFILL = Backfill("acme", "s", "id", DEFINITION, NOW_MS, NOW_MS, NOW_MS, 10, False, NOW_MS, NOW_MS)
ENDED = replace(BACKFILL, state=backfills.BackfillState.FINISHED)


PAUSED = replace(SCHEDULE, state=schedules.ScheduleState.PAUSED)
WRITES: Mapping[str, Callable[[], Write]] = {
    "pause": lambda: schedules.step("pause", SCHEDULE, PAUSED),
    "edit": lambda: schedules.step("edit", SCHEDULE, replace(SCHEDULE, definition=replace(DEFINITION, jitter_s=5))),
    "enter": lambda: fires.enter(FIRE),
    "enter a skipped one": lambda: fires.enter(SKIPPED),
    "enter a range": lambda: fires.enter(GAP),
    "skip": lambda: fires.revise("skip", FIRE, SKIPPED),
    "run": lambda: fires.revise("backfill", SKIPPED, FIRE),
    "create a backfill": lambda: backfills.create(BACKFILL, 4),
    "end a backfill": lambda: backfills.step(BACKFILL, ENDED, 4),
}


@pytest.mark.parametrize("made", WRITES.values(), ids=WRITES.keys())
def test_what_is_written_are_plain_values_that_the_table_takes(made: Callable[[], Write]) -> None:
    """Neither None nor an enumeration, and a key only once, as the key."""
    write = made()
    values = {name: value for name, value in write.changes.items() if value is not REMOVE}
    assert not {"pk", "sk"} & values.keys()
    assert {type(value) for value in values.values()} <= {str, int, bool}
    assert to_attribute(values)


@pytest.mark.parametrize(("before", "then"), [(FIRE, SKIPPED), (SKIPPED, FIRE)])
def test_a_revised_entry_keeps_nothing_of_what_it_was(before: Fire, then: Fire) -> None:
    """What it no longer has is removed."""
    assert fires.fire_from(item_after(fires.enter(before), fires.revise("again", before, then))) == then


def test_a_backfill_that_has_ended_is_in_no_due_index() -> None:
    """It keeps neither of the index's keys."""
    assert {"due_pk", "check_at"} <= item_after(backfills.create(BACKFILL, 4)).keys()
    item = item_after(backfills.create(BACKFILL, 4), backfills.step(BACKFILL, ENDED, 4))
    assert not {"due_pk", "check_at"} & item.keys()
    assert backfills.from_item(item) == ENDED


def test_a_triggered_one_stands_beside_the_nominal_time() -> None:
    """In the order of time, and never in the place of a fire."""
    triggered = replace(FIRE, outcome=FireOutcome.TRIGGERED)
    assert FIRE.key.sk < triggered.key.sk < replace(FIRE, nominal=NOW_MS + 1).key.sk
    assert replace(triggered, job="another").key != triggered.key


@pytest.mark.parametrize(("troubles", "times"), [(None, 0), ("many", 0), (-3, 0), (2, 2)])
def test_what_cannot_be_served_is_looked_at_later_each_time(troubles: Any, times: int) -> None:
    """Whatever the item says of earlier times; and only if nobody has moved it since."""
    item = {"check_at": NOW_MS} | ({} if troubles is None else {"troubles": troubles})
    write = schedules.postponed(SCHEDULE.key, item, "why", NOW_MS)
    assert write.changes == {
        "check_at": NOW_MS + (POSTPONED_MIN_S << times) * 1000,
        "last_error": "why",
        "troubles": times + 1,
    }
    assert write.expected == [Is("check_at", NOW_MS)]


def test_a_schedule_that_cannot_be_read_keeps_its_state() -> None:
    """What is paused stays paused until its end; what says nothing readable is active."""
    until = replace(PAUSED, paused_until=NOW_MS + 5, runs=3)
    stored = schedules.to_item(until) | {"definition": "?"}
    kept = lookup.salvaged(PAUSED.key, stored, NOW_MS)
    assert (kept.paused_until, kept.runs) == (NOW_MS + 5, 3)
    assert lookup.salvaged(PAUSED.key, stored, NOW_MS).state is schedules.ScheduleState.PAUSED
    active = lookup.salvaged(PAUSED.key, stored | {"state": "?"}, NOW_MS)
    assert active.state is schedules.ScheduleState.ACTIVE


@pytest.mark.parametrize(("version", "expected"), [(NOW_MS, [Is("version", NOW_MS)]), ("?", [])])
def test_what_cannot_be_read_is_replaced_only_as_it_was_seen(version: Any, expected: list[Is]) -> None:
    """Where its version cannot be read there is nothing to compare."""
    stored = schedules.to_item(SCHEDULE) | {"version": version}
    assert schedules.replacement(stored, SCHEDULE).expected == expected


def item_after(*writes: Write) -> Mapping[str, object]:
    """Return the item once all of that is written."""
    item: dict[str, object] = {"pk": writes[0].key.pk}
    for write in writes:
        item |= write.changes
    return {name: value for name, value in item.items() if value is not REMOVE}


def test_what_a_schedule_does_not_use_is_not_stored() -> None:
    """A schedule from before these fields is stored and read as it was, and costs what it cost."""
    stored = schedules.to_item(SCHEDULE)
    assert not {"paused_until", "runs"} & stored.keys()
    assert not {"max_runs", "crons"} & set(stored["definition"].replace('"', " ").split())
    assert "crons" not in fires.enter(GAP).changes["recurrence"]
    assert schedules.from_item(stored) == SCHEDULE
    several = replace(
        DEFINITION, recurrence=replace(DEFINITION.recurrence, cron=None, crons=("* * * * *",)), max_runs=3
    )
    assert schedules.from_text(schedules.to_text(several)) == several
