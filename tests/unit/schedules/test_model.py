"""What schedules, fires, gaps and backfills are stored as: plain values that the table takes, and no more."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.builders.schedules import DEFINITION, GAP, NOW_MS, SCHEDULE
from whendue.adapters.attribute_values import to_attribute
from whendue.schedules import backfill_model as backfills
from whendue.schedules import fires
from whendue.schedules import model as schedules
from whendue.schedules.backfill_model import Backfill
from whendue.schedules.fires import Fire, FireOutcome
from whendue.table.writes import REMOVE, Write

FIRE = Fire(SCHEDULE.fires_pk, NOW_MS, FireOutcome.RAN, NOW_MS, NOW_MS, "job")
SKIPPED = replace(FIRE, outcome=FireOutcome.SKIPPED, job=None, reason="unknown_task")
BACKFILL = Backfill("acme", "s", "id", DEFINITION, NOW_MS, NOW_MS, NOW_MS, 10, False, NOW_MS, NOW_MS)
ENDED = replace(BACKFILL, state=backfills.BackfillState.FINISHED)


@pytest.mark.parametrize(
    "write",
    [
        schedules.step("pause", SCHEDULE, replace(SCHEDULE, state=schedules.ScheduleState.PAUSED)),
        schedules.step("edit", SCHEDULE, replace(SCHEDULE, definition=replace(DEFINITION, jitter_s=5))),
        fires.enter(FIRE),
        fires.enter(SKIPPED),
        fires.enter(GAP),
        fires.revise("skip", FIRE, SKIPPED),
        fires.revise("backfill", SKIPPED, FIRE),
        backfills.create(BACKFILL, 4),
        backfills.step(BACKFILL, ENDED),
    ],
    ids=lambda write: write.name,
)
def test_what_is_written_are_plain_values_that_the_table_takes(write: Write) -> None:
    """Neither None nor an enumeration, and a key only once, as the key."""
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
    item = item_after(backfills.create(BACKFILL, 4), backfills.step(BACKFILL, ENDED))
    assert not {"due_pk", "check_at"} & item.keys()
    assert backfills.from_item(item) == ENDED


def test_a_triggered_one_stands_beside_the_nominal_time() -> None:
    """In the order of time, and never in the place of a fire."""
    triggered = replace(FIRE, outcome=FireOutcome.TRIGGERED)
    assert FIRE.key.sk < triggered.key.sk < replace(FIRE, nominal=NOW_MS + 1).key.sk
    assert replace(triggered, job="another").key != triggered.key


def item_after(*writes: Write) -> Mapping[str, object]:
    """Return the item once all of that is written."""
    item: dict[str, object] = {"pk": writes[0].key.pk}
    for write in writes:
        item |= write.changes
    return {name: value for name, value in item.items() if value is not REMOVE}
