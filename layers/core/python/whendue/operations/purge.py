"""Purging: a job that has ended goes, with all that belongs to it and the members that it has made."""

from collections.abc import Sequence
from itertools import takewhile

from whendue.aws_quotas import DYNAMODB_MAX_STATEMENTS
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.quotas import ERASE_WINDOW
from whendue.table.keys import BLOB, MEMBERS, Key, job_id_of, job_key, kind_of, life_of, name_of
from whendue.table.writes import Has, Is, Lacks, Write, delete

# Sort keys of everything that a job has.
FIRST, LAST = " ", "~"


class Purger:
    """Erases what belongs to jobs, and as many members as there is time for."""

    def __init__(self, runtime: Runtime, until_ms: int) -> None:
        """Use this runtime; begin with no more members from `until_ms` on, ms UTC."""
        self._runtime = runtime
        self._until_ms = until_ms

    @property
    def in_time(self) -> bool:
        """Whether there is time left."""
        return self._runtime.clock.now_ms() < self._until_ms

    def delete(self, writes: Sequence[Write]) -> None:
        """Carry out writes.

        Raises:
            UnavailableError: not all are done.
        """
        if any(end.failed for end in self._runtime.store.apply(writes)):
            raise UnavailableError("not everything was erased; the timer erases the rest")

    def belongings(self, pk: str) -> list[Key]:
        """List everything that belongs to a job.

        Raises:
            UnavailableError: the table refused.
        """
        first, keys = FIRST, list[Key]()
        while items := self._runtime.store.query_range(pk, first=first, last=LAST, limit=ERASE_WINDOW):
            keys += [Key(item["pk"], item["sk"]) for item in items]
            if len(items) < ERASE_WINDOW:
                break
            first = keys[-1].sk + FIRST
        return [key for key in keys if key != job_key(job_id_of(pk))]

    def purge(self, keys: Sequence[Key]) -> bool:
        """Delete belongings of a job that is not there; False while something must stay.

        Raises:
            UnavailableError: table or blob store refused.
        """
        gone = dict.fromkeys(key for key in keys if self.empty(key))
        left = [key for key in keys if key not in gone]
        sooner = {"check_at": self._runtime.clock.now_ms()}
        writes = [delete("erase", key) for key in gone]
        self.delete([*writes, *(Write("look_sooner", key, [Has("check_at")], sooner) for key in left)])
        return not left

    def empty(self, key: Key) -> bool:
        """See to what an item stands for before it goes: a text in the bucket, members. False where it must stay.

        Raises:
            UnavailableError: table or blob store refused.
        """
        if kind_of(key.sk) == BLOB:
            self._runtime.payloads.forget([name_of(key.sk)])
        return kind_of(key.sk) != MEMBERS or self._members(key)

    def _members(self, note: Key) -> bool:
        """Erase the members of a composite that has gone, the last first; False while one is live, or time is out."""
        [item] = self._runtime.store.get([note])
        if item is None:
            return True
        job_id, life, count = job_id_of(note.pk), life_of(note.sk), int(item["left"])
        member_id_base = job_id if life is None else f"{job_id}@{life}"
        keys = [job_key(self._runtime.ids.of_member(member_id_base, number)) for number in reversed(range(count))]
        some_at_once = [keys[at : at + DYNAMODB_MAX_STATEMENTS] for at in range(0, count, DYNAMODB_MAX_STATEMENTS)]
        parts = [(some, self._some(some)) for some in some_at_once]
        left = count - sum(len(some) for some, _ in takewhile(lambda part: part[1], parts))
        if 0 < left < count:
            # The next call continues here.
            self.delete([Write("note_members", note, [Has("left")], {"left": left})])
        return not left

    def _some(self, keys: Sequence[Key]) -> bool:
        """Erase some members; one that was never made may still have belongings."""
        if not self.in_time:
            return False
        jobs = [from_item(item) for item in self._runtime.store.get(keys) if item]
        self.delete([erased(job) for job in jobs if job.terminal])
        live = {Key(item["pk"], item["sk"]) for item in self._runtime.store.get(keys) if item} if jobs else set()
        gone = [self.in_time and self.purge(self.belongings(key.pk)) for key in keys if key not in live]
        return all(gone) and not live


def erased(job: Job) -> Write:
    """Delete a job's item as it was read: a redrive that comes first, or last, is refused."""
    return delete(
        "erase", job.key, Is("generation", job.generation), Is("state", job.state.value), Lacks("pending_fan_out")
    )
