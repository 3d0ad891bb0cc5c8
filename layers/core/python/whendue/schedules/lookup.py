"""Find a schedule by its name: one that cannot be read is found, too, so that its owner can mend or remove it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from whendue.engine.ports import Item, JobStore
from whendue.errors import ScheduleNotFoundError
from whendue.schedules.model import (
    FIRST,
    LAST,
    NO_DEFINITION,
    NUMBERS,
    Schedule,
    ScheduleState,
    fires_pk,
    from_item,
    from_text,
    schedule_key,
)
from whendue.table.keys import Key

OPTIONAL_NUMBERS: Final = ("paused_until", "runs")
TEXTS: Final = ("pause_reason", "paused_by")
UNREADABLE: Final = "unreadable_schedule: the stored schedule cannot be read; put it again, or delete it"


class Found(NamedTuple):
    """What a name stands for.

    Args:
        schedule: the schedule; None where there is none.
        forgotten: one that was deleted lately.
        broken: its item, if that cannot be read.
    """

    schedule: Schedule | None
    forgotten: Schedule | None = None
    broken: Item | None = None


def find_schedule(store: JobStore, tenant: str, name: str) -> Schedule:
    """Read a tenant's schedule.

    Raises:
        ScheduleNotFoundError: there is none.
        UnavailableError: the table does not answer.
    """
    [item] = store.get([schedule_key(tenant, name)])
    schedule = read(item) if item else None
    if schedule is None or schedule.state is ScheduleState.DELETED:
        raise ScheduleNotFoundError(f"no schedule has the name {name}")
    return schedule


def insist_on_a_history(store: JobStore, tenant: str, name: str) -> None:
    """Insist that a schedule exists, or has existed: fires and backfills are kept longer than it.

    Raises:
        ScheduleNotFoundError: there is none, nor an entry of one.
        UnavailableError: the table does not answer.
    """
    try:
        find_schedule(store, tenant, name)
    except ScheduleNotFoundError:
        if not store.query_range(fires_pk(tenant, name), first=FIRST, last=LAST, limit=1):
            raise


def salvaged(key: Key, item: Mapping[str, Any], now_ms: int) -> Schedule:
    """Return a schedule for an item that cannot be read: the fields that can be, and no future fires.

    So its owner can see, pause, replace and delete it.
    """
    tenant, name = key.pk.removeprefix("SCHEDULES#"), key.sk.removeprefix("schedule#")
    numbers = {part: item[part] for part in (*NUMBERS, *OPTIONAL_NUMBERS) if type(item.get(part)) is int}
    texts = {part: item[part] for part in TEXTS if isinstance(item.get(part), str)}
    states = [state for state in ScheduleState if item.get("state") == state.value]
    try:
        definition = from_text(item["definition"])
    except Exception:  # noqa: BLE001 - whatever it is, there is no definition
        definition = NO_DEFINITION
    read: dict[str, Any] = {"version": 0, "created_at": now_ms, "cursor": now_ms} | numbers | texts
    state = states[0] if states else ScheduleState.ACTIVE
    return Schedule(tenant, name, definition, state=state, last_error=UNREADABLE, **read)


def read(item: Item) -> Schedule:
    """Read a schedule; of one that cannot be read, what can be."""
    try:
        return from_item(item)
    except Exception:  # noqa: BLE001 - the timer reports it; its owner must be able to see and mend it
        return salvaged(Key(item["pk"], item["sk"]), item, 0)


def broken_item(item: Item) -> Item | None:
    """Return the item if it cannot be read as a schedule, else None."""
    try:
        from_item(item)
    except Exception:  # noqa: BLE001 - as above
        return item
    return None


def find(store: JobStore, tenant: str, name: str, withdrawn: Callable[[Schedule], Schedule]) -> Found:
    """Read what a name stands for, to change it.

    One that cannot be read counts as existing, whatever its state, so that it can be mended.

    Args:
        store: the table.
        tenant: whose schedule.
        name: its name.
        withdrawn: withdraws all fires of one that was deleted lately.
    """
    [item] = store.get([schedule_key(tenant, name)])
    if item is None:
        return Found(None)
    known = read(item)
    if broken := broken_item(item):
        state = ScheduleState.ACTIVE if known.state is ScheduleState.DELETED else known.state
        return Found(replace(known, state=state), broken=broken)
    if known.state is ScheduleState.DELETED:
        return Found(None, forgotten=withdrawn(known))
    return Found(known)
