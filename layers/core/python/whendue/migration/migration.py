"""The upgrade of a table of the version before, in pieces: repeatable, resumable, beside everything that runs.

A mark in the table says how far it is, and when it has finished; until then lists lack jobs of the version before.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET, DYNAMODB_MAX_STATEMENTS
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnstorableError
from whendue.jobs.model import State, from_item
from whendue.jobs.transition import note_dead
from whendue.migration.migrated import migrated
from whendue.quotas import CONFLICT_TRIES
from whendue.table.items import position_of
from whendue.table.keys import MIGRATION_KEY, Key
from whendue.table.writes import Absent, Condition, Is, Lacks, Write


class MigrationProgress(NamedTuple):
    """What one piece of the migration did: items that it read, jobs that it changed, and whether it was the last."""

    read: int
    changed: int
    finished: bool


class Migration:
    """Upgrades the table.

    Args:
        runtime: the runtime.
        at_once: number of items that one piece reads.
    """

    def __init__(self, runtime: Runtime, at_once: int = DYNAMODB_MAX_BATCH_GET) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._at_once = at_once

    def run(self, items_per_s: int, note: Callable[[MigrationProgress], None]) -> None:
        """Upgrade the table to its end, from where the last run stopped.

        Args:
            items_per_s: how fast to read.
            note: is called after each piece.

        Raises:
            UnavailableError: the table does not answer; the next run goes on from here.
        """
        clock, finished = self._runtime.clock, False
        while not finished:
            began_ms = clock.now_ms()
            progress = self.step()
            note(progress)
            finished = progress.finished
            left_s = progress.read / items_per_s - (clock.now_ms() - began_ms) / 1000
            if left_s > 0:
                clock.sleep(left_s)

    def step(self) -> MigrationProgress:
        """Upgrade the next piece of the table.

        A job that cannot be read, or stored, is left as it is, and noted.

        Raises:
            UnavailableError: the table does not answer; the piece is done again by the next call.
        """
        [mark] = self._runtime.store.get([MIGRATION_KEY])
        if mark and mark.get("finished"):
            return MigrationProgress(0, 0, finished=True)
        items, position = self._runtime.store.scan(position_of(mark), self._at_once)
        jobs = [item for item in items if item["sk"] == "job"]
        changed = self._change(jobs)
        self._note_dead(jobs)
        self._mark(mark, position)
        return MigrationProgress(len(items), changed, position is None)

    def _change(self, items: Sequence[Item | None]) -> int:
        changed = 0
        for _ in range(CONFLICT_TRIES):
            writes = readable(self._runtime, items, lambda item: migrated(from_item(item), item), "migrate")
            refused = list[Key]()
            for start in range(0, len(due := [write for write in writes if write]), DYNAMODB_MAX_STATEMENTS):
                part = due[start : start + DYNAMODB_MAX_STATEMENTS]
                done, again = self._apply(part)
                changed += done
                refused += again
            if not refused:
                return changed
            items = self._runtime.store.get(refused)
        raise UnavailableError("jobs of the table keep changing; run the migration again")

    def _note_dead(self, items: Sequence[Item]) -> None:
        """Note which tenants have dead jobs; deliveries are not among them."""
        dead = [item for item in items if item.get("state") == State.DEAD and "subscription" not in item]
        tenants = {item["tenant"] for item in dead if isinstance(item.get("tenant"), str)}
        new = sorted(tenants - self._runtime.dead_tenants)
        for start in range(0, len(new), DYNAMODB_MAX_STATEMENTS):
            part = new[start : start + DYNAMODB_MAX_STATEMENTS]
            self._apply([note_dead(tenant) for tenant in part])
            self._runtime.dead_tenants.update(part)

    def _apply(self, writes: Sequence[Write]) -> tuple[int, list[Key]]:
        """Carry out some writes; return how many hold, and the keys of the jobs that have changed meanwhile."""
        results = self._runtime.store.apply(writes)
        refused = list[Key]()
        for write, result in zip(writes, results, strict=True):
            match result.status:
                case WriteStatus.UNAVAILABLE:
                    raise UnavailableError
                case WriteStatus.REFUSED:
                    refused.append(write.key)
                case WriteStatus.INVALID:
                    self._runtime.bulkhead.note("migrate", write.key.pk, UnstorableError())
        return sum(result.done for result in results), refused

    def _mark(self, mark: Item | None, position: Key | None) -> None:
        """Store how far it is; whoever else migrates has then stored something else, and that stands."""
        changes = {"finished": True} if position is None else {"at_pk": position.pk, "at_sk": position.sk}
        expected: list[Condition] = [Absent()]
        if mark:
            at = position_of(mark)
            expected = [Is("at_pk", at.pk), Is("at_sk", at.sk)] if at else [Lacks("at_pk")]
        [result] = self._runtime.store.apply([Write("mark_migration", MIGRATION_KEY, expected, changes)])
        result.done_or_raise()
