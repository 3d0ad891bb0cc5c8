"""A resumption: that the jobs which a pause held are to be sent again once it has ended, and how far that is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from whendue.engine.ports import DueEntry
from whendue.jobs.due_index import live_partition
from whendue.table.keys import Key
from whendue.table.writes import Is, Write, delete, insert

# The partition of the due index in which resumptions stand.
RESUMPTIONS: Final = "resumptions#0"
SORT_KEY: Final = "resumption"


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a resumption stands.

    Args:
        id: of its own.
        pause: the key of the pause that ends.
        since: when it ends, ms UTC.
        positions: partition of the due index -> the last entry that was looked at, None at its beginning; a partition
            that was looked at to its end is left out.
        is_measured: whether the queues' backlogs are known; they are looked at before anything is sent.
        backed_up: queues that had a backlog when the pause ended: their messages are late, not dropped.
    """

    id: str
    pause: Key
    since: int
    positions: Mapping[str, DueEntry | None]
    is_measured: bool = False
    backed_up: Sequence[str] = ()

    @property
    def key(self) -> Key:
        """The key of its item."""
        return Key(f"RESUMPTION#{self.id}", SORT_KEY)


def of_pause(id_: str, pause: Key, since: int, queues: Sequence[str], shards: int) -> Resumption:
    """Return the resumption of a pause, for the jobs of queues."""
    return Resumption(
        id_, pause, since, {live_partition(queue, shard): None for queue in queues for shard in range(shards)}
    )


def begin(resumption: Resumption) -> Write:
    """Store a resumption; the timer finds it from the pause's end on."""
    fields = {
        "due_pk": RESUMPTIONS,
        "check_at": resumption.since,
        "pause_pk": resumption.pause.pk,
        "pause_sk": resumption.pause.sk,
        "positions": _json(resumption.positions),
        "is_measured": resumption.is_measured,
        "backed_up": _json(resumption.backed_up),
    }
    return insert("begin_resumption", resumption.key, fields)


def move(before: Resumption, after: Resumption) -> Write:
    """Store how far a resumption is; refused if another process has moved it since it was read."""
    expected = [Is("positions", _json(before.positions)), Is("is_measured", before.is_measured)]
    backlogs = {"is_measured": after.is_measured, "backed_up": _json(after.backed_up)}
    changes = {"positions": _json(after.positions), **backlogs}
    return Write("move_resumption", before.key, expected, changes)


def end(resumption: Resumption) -> Write:
    """Delete a resumption that is done."""
    return delete("end_resumption", resumption.key)


def with_backlogs(resumption: Resumption, queues: Sequence[str]) -> Resumption:
    """Return a resumption that knows which queues have a backlog."""
    return replace(resumption, is_measured=True, backed_up=list(queues))


def queues_of(resumption: Resumption) -> list[str]:
    """Return the queues whose jobs are yet to be looked at."""
    return list(dict.fromkeys(partition.split("#")[1] for partition in resumption.positions))


def from_item(item: Mapping[str, Any]) -> Resumption:
    """Read a resumption.

    Raises:
        KeyError, TypeError, ValueError: the item is none.
    """
    stored = json.loads(item["positions"])
    positions = {partition: DueEntry(*parts) if parts else None for partition, parts in stored.items()}
    pause = Key(item["pause_pk"], item["pause_sk"])
    backed_up = json.loads(item["backed_up"])
    id_ = item["pk"].removeprefix("RESUMPTION#")
    return Resumption(id_, pause, item["check_at"], positions, bool(item["is_measured"]), backed_up)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
