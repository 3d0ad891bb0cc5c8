"""The schedules and backfills that the timer must look at now, and when it looks again at those it cannot serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.due_index import schedules_partition
from whendue.schedule_quotas import SCHEDULES_LISTED, SCHEDULES_LOOKED_AT
from whendue.schedules.fires import error_text
from whendue.schedules.model import postponed
from whendue.table.keys import Key


class DueSchedule(NamedTuple):
    """A schedule or a backfill whose next check is past, and its partition of the due index."""

    partition: str
    entry: DueEntry

    @property
    def tenant(self) -> str:
        """Its tenant: both kinds of keys begin with a word and the tenant."""
        return self.entry.pk.split("#")[1]

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return f"{self.entry.pk}/{self.entry.sk}"


@dataclass(frozen=True, slots=True)
class DueList:
    """What is due.

    Args:
        entries: the most overdue first.
        behind: partitions that have more, or could not be listed.
    """

    entries: list[DueSchedule]
    behind: list[str]


class Unserved(NamedTuple):
    """A schedule or a backfill that could not be served.

    Args:
        key: its key.
        item: as stored, at least with its next check; it need not be readable.
        error: why.
    """

    key: Key
    item: Mapping[str, Any]
    error: Exception


def list_due(runtime: Runtime, deadline_ms: int, shards: Sequence[int] | None = None) -> DueList:
    """List what is due, of all partitions side by side; one that cannot be listed ends alone.

    Args:
        runtime: the ports.
        deadline_ms: when to stop, ms UTC.
        shards: the partitions to list; None for all.
    """
    numbers = range(runtime.settings.shards) if shards is None else shards
    partitions = [schedules_partition(shard) for shard in numbers]
    lists = runtime.pool.run([partial(_listed, runtime, partition, deadline_ms) for partition in partitions])
    found = [
        DueSchedule(partition, entry)
        for partition, (entries, _) in zip(partitions, lists, strict=True)
        for entry in entries
    ]
    behind = [partition for partition, (_, done) in zip(partitions, lists, strict=True) if not done]
    return DueList(sorted(found, key=lambda due: due.entry.check_at), behind)


def _listed(runtime: Runtime, partition: str, deadline_ms: int) -> tuple[list[DueEntry], bool]:
    """List one partition's entries, as `_entries`; none where that is not possible."""
    try:
        return _entries(runtime, partition, deadline_ms)
    except UnavailableError:
        return [], False
    except Exception as error:  # noqa: BLE001 - it is this partition's alone
        runtime.bulkhead.note("due_index", partition, error)
        return [], False


def _entries(runtime: Runtime, partition: str, deadline_ms: int) -> tuple[list[DueEntry], bool]:
    """List one partition's entries, a bounded number of them; False when there may be more."""
    entries: list[DueEntry] = []
    until_ms = runtime.clock.now_ms()
    while runtime.clock.now_ms() < deadline_ms and len(entries) < SCHEDULES_LOOKED_AT:
        last = entries[-1] if entries else None
        page = runtime.store.query_due(partition, after=last, until_ms=until_ms, limit=SCHEDULES_LISTED)
        entries += page
        if len(page) < SCHEDULES_LISTED:
            return entries, True
    return entries, False


def postpone(runtime: Runtime, unserved: Sequence[Unserved]) -> None:
    """Look again later at what cannot be served, and store why: the next tick does not begin with all of it."""
    now_ms = runtime.clock.now_ms()
    writes = {
        key: postponed(key, item, error_text(error, "its fires could not be computed"), now_ms)
        for key, item, error in unserved
    }
    runtime.bulkhead.together(
        list(writes.values()), runtime.store.apply, stage="postpone", name=lambda write: write.key.sk
    )
