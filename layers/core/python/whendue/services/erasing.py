"""Erasing: what belongs to jobs goes once they have gone; the timer looks when that may be, or a user asks for it.

A belonging carries no expiry: it stands in the index at the time of its next look (`whendue.domain.lifetime`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from whendue.domain.job import Job, from_item
from whendue.domain.keys import (
    BLOB,
    CHILD,
    MEMBERS,
    Key,
    child_key,
    child_of,
    job_id_of,
    job_key,
    kind_of,
    life_of,
    name_of,
)
from whendue.domain.lifetime import erase_partition, is_over, is_strange, next_look, next_look_at_edge, payload_item
from whendue.domain.writes import Is, Lacks, Write, delete
from whendue.errors import StateConflictError, UnavailableError
from whendue.limits import DEPENDED_ON_S, DYNAMODB_MAX_STATEMENTS, ERASE_WINDOW, ERASED_PER_PARTITION
from whendue.ports import AgendaEntry, Item
from whendue.services.control import find
from whendue.services.outside import Ports
from whendue.services.parents import Parents

# Sort keys of everything that a job has.
FIRST, LAST = " ", "~"
EDGE = kind_of(CHILD)


class Erasing:
    """Erases jobs and what belongs to them."""

    def __init__(self, ports: Ports) -> None:
        """Use these ports."""
        self._ports = ports

    # --- on request ---------------------------------------------------------------------------------------------

    def erase(self, tenant: str, job_id: str) -> None:
        """Erase a finished job at once, with all that belongs to it and the members that it has made.

        Raises:
            JobNotFoundError: the tenant has no such job.
            StateConflictError: it is live, or belongs to a composite, which is erased as a whole.
            UnavailableError: nobody knows whether all is gone; the timer erases what is left.
        """
        job = find(self._ports.store, tenant, job_id, self._ports.effects.now_ms())
        if not job.terminal or job.owes is not None:
            raise StateConflictError("a live job is not erased; cancel it first", state=job.state.value)
        if job.part_of is not None:
            raise StateConflictError("a member goes with its composite; erase that one", state=job.state.value)
        if not self._erase(job):
            raise StateConflictError("the job has changed; read it again", state=job.state.value)

    def _erase(self, job: Job) -> bool:
        """Erase a job that has ended; False where it has changed since it was read, or members of it are live.

        The job itself goes first: whoever dies then leaves belongings of a job that is not there.
        """
        parents = Parents(self._ports).of(job) if job.parts is None else {}
        [gone] = self._ports.store.apply([_erased(job)])
        if gone.failed:
            raise UnavailableError("nobody knows whether the job is erased; ask again")
        if not gone.done:
            return False
        edges = [child_key(parent.id, job.id, job.request_hash) for parent in parents.values()]
        self._delete([delete("erase", key) for key in dict.fromkeys(edges)])
        self._purge(job.key.pk)
        return True

    def _purge(self, pk: str) -> None:
        """Delete everything that belongs to a job that is not there."""
        while items := self._ports.store.span(pk, first=FIRST, last=LAST, limit=ERASE_WINDOW):
            for item in items:
                self._empty(Key(item["pk"], item["sk"]))
            self._delete([delete("erase", Key(item["pk"], item["sk"])) for item in items])

    def _delete(self, writes: Sequence[Write]) -> None:
        for start in range(0, len(writes), DYNAMODB_MAX_STATEMENTS):
            ends = self._ports.store.apply(writes[start : start + DYNAMODB_MAX_STATEMENTS])
            if any(end.failed for end in ends):
                raise UnavailableError("not all is erased; the timer erases the rest")

    def _empty(self, key: Key) -> bool:
        """See to what an item stands for before it goes: a text in the bucket, members. False where it must stay."""
        if kind_of(key.sk) == BLOB:
            self._ports.documents.forget([name_of(key.sk)])
        return kind_of(key.sk) != MEMBERS or self._erase_members(key)

    def _erase_members(self, key: Key) -> bool:
        """Erase the members of a composite that has gone; False while one is live."""
        job_id, life = job_id_of(key.pk), life_of(key.sk)
        whole_id = job_id if life is None else f"{job_id}@{life}"
        keys = [job_key(self._ports.ids.of_part(whole_id, number)) for number in range(int(name_of(key.sk)))]
        items = self._ports.store.get(keys)
        done = [self._erase_member(member.pk, item) for member, item in zip(keys, items, strict=True)]
        return all(done)

    def _erase_member(self, pk: str, item: Item | None) -> bool:
        if item is None:
            # It was never made, though something of it may have been.
            self._purge(pk)
            return True
        member = from_item(item)
        return member.terminal and member.owes is None and self._erase(member)

    # --- the timer's look ---------------------------------------------------------------------------------------

    def look(self, deadline_ms: int) -> None:
        """Look at belongings whose time has come; what raises for one of them is that one's alone.

        Args:
            deadline_ms: when to stop, ms UTC; the rest is left to the next tick.
        """
        for shard in range(self._ports.settings.shards):
            with suppress(UnavailableError), self._ports.bulkhead.around("erase", str(shard)):
                self._partition(erase_partition(shard), deadline_ms)

    def _partition(self, partition: str, deadline_ms: int) -> None:
        store, after = self._ports.store, None
        for _ in range(ERASED_PER_PARTITION // ERASE_WINDOW):
            now_ms = self._ports.effects.now_ms()
            if now_ms >= deadline_ms:
                return
            page = store.agenda(partition, after=after, until_ms=now_ms, limit=ERASE_WINDOW)
            if page:
                self._ports.bulkhead.together(page, self._page, stage="erase", name=lambda one: f"{one.pk} {one.sk}")
            if len(page) < ERASE_WINDOW:
                return
            after = page[-1]

    def _page(self, page: Sequence[AgendaEntry]) -> None:
        jobs = self._jobs([job_id_of(entry.pk) for entry in page])
        dependents = self._jobs([child_of(entry.sk)[0] for entry in page if kind_of(entry.sk) == EDGE])
        now_ms = self._ports.effects.now_ms()
        writes = [write for entry in page for write in self._decide(entry, jobs, dependents, now_ms)]
        unique = {write.key: write for write in writes}
        self._delete(list(unique.values()))

    def _jobs(self, ids: Sequence[str]) -> dict[str, Job]:
        keys = [job_key(job_id) for job_id in dict.fromkeys(ids)]
        return (
            {job.id: job for job in (from_item(item) for item in self._ports.store.get(keys) if item)} if keys else {}
        )

    def _decide(
        self, entry: AgendaEntry, jobs: Mapping[str, Job], dependents: Mapping[str, Job], now_ms: int
    ) -> list[Write]:
        """Decide about a belonging: it goes with its job, or is looked at again later."""
        job, key = jobs.get(job_id_of(entry.pk)), Key(entry.pk, entry.sk)
        seen = Is("alarm_at", entry.alarm_at)
        if job is None or is_over(job, now_ms) or is_strange(job, life_of(entry.sk)):
            if self._empty(key):
                return [delete("erase", key, seen)]
            return [Write("look_again", key, [seen], {"alarm_at": now_ms + 1000 * DEPENDED_ON_S // 2})]
        again = {"alarm_at": next_look(job, now_ms, holds_payload=key == payload_item(job))}
        if kind_of(entry.sk) != EDGE or job.part_of is not None:
            return [Write("look_again", key, [seen], again)]
        return self._edge(job, key, seen, dependents, now_ms)

    def _edge(self, job: Job, key: Key, seen: Is, dependents: Mapping[str, Job], now_ms: int) -> list[Write]:
        """Keep a job that has ended as long as one that depends on it is live: that one may refer to its result."""
        child_id, child_hash = child_of(key.sk)
        dependent = dependents.get(child_id)
        needed = dependent is not None and not dependent.terminal and dependent.request_hash == child_hash
        if not needed and job.expires_at is not None:
            return [Write("look_again", key, [seen], {"alarm_at": next_look(job, now_ms, holds_payload=False)})]
        again = Write("look_again", key, [seen], {"alarm_at": next_look_at_edge(now_ms)})
        until_s = now_ms // 1000 + DEPENDED_ON_S
        if job.expires_at is None or job.expires_at >= until_s:
            return [again]
        # Only forward, and before the next look is put off.
        keep = Write("keep", job.key, [Is("expires_at", job.expires_at)], {"expires_at": until_s})
        return [keep, again]


def _erased(job: Job) -> Write:
    """Delete a job's item as it was read: a redrive that comes first, or last, is refused."""
    return delete("erase", job.key, Is("generation", job.generation), Is("state", job.state.value), Lacks("owes"))
