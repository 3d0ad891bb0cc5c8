"""Dead letters: dead jobs grouped by their error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.jobs.lifetime import is_past
from whendue.jobs.model import Job, State, from_item
from whendue.operations.listing import JobFilter, Listing
from whendue.quotas import DEAD_LETTERS_COUNTED, LIST_ENTRIES_AT_ONCE, PAGE_MAX
from whendue.table.index import IndexEntry
from whendue.table.keys import job_id_of

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead jobs with the same error fingerprint; times are ms UTC, `sample` a few job ids, newest first."""

    fingerprint: str
    error_type: str
    message: str
    where: str
    count: int
    types: list[str]
    first_at: int
    last_at: int
    sample: list[str]


class DeadLetterGroups(NamedTuple):
    """Groups of the dead jobs that were counted, largest first.

    Args:
        groups: at most 200 of them.
        jobs: number of jobs that were counted.
        cursor: where the next call goes on counting; None if all were counted.
        other_groups: number of smaller groups that are left out.
        is_complete: as of `Page`.
    """

    groups: list[DeadLetterGroup]
    jobs: int
    cursor: str | None
    other_groups: int
    is_complete: bool


class DeadLetterService:
    """Shows all dead jobs of a tenant."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._listing = Listing(runtime)

    def groups(self, tenant: str, wanted: JobFilter, cursor: str | None) -> DeadLetterGroups:
        """Count up to 10,000 dead jobs by fingerprint; their entries in the index say it, one of each is read.

        Raises:
            InvalidRequestError: there is no such priority.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        merged, bound = self._listing.entries(
            "dead-letters", tenant, _dead(wanted), LIST_ENTRIES_AT_ONCE, cursor, DEAD_LETTERS_COUNTED
        )
        now_ms = self._runtime.clock.now_ms()
        counted: dict[str, list[IndexEntry]] = {}
        number = 0
        while taken := merged.take(LIST_ENTRIES_AT_ONCE):
            merged.keep(taken, len(taken))
            for _, entry in taken:
                if not is_past(entry.values.get("expires_at"), now_ms):
                    counted.setdefault(entry.values.get("fingerprint", ""), []).append(entry)
                    number += 1
        largest = sorted(counted.items(), key=lambda group: (-len(group[1]), group[0]))
        groups = self._described(largest[:PAGE_MAX])
        return DeadLetterGroups(
            groups,
            number,
            self._listing.cursor(merged, bound),
            len(largest[PAGE_MAX:]),
            self._listing.is_complete(),
        )

    def _described(self, counted: Sequence[tuple[str, list[IndexEntry]]]) -> list[DeadLetterGroup]:
        """Describe groups by the failure of the job of each that died last."""
        items = self._runtime.store.get([entries[0].key for _, entries in counted], consistent=False)
        found = readable(self._runtime, items, from_item, "group")
        newest = {job.key: job for job in found}
        made = self._runtime.bulkhead.each(
            counted,
            lambda group: _group(*group, newest.get(group[1][0].key)),
            stage="group",
            name=lambda group: group[0],
        )
        return [group for _, group in made]


def _dead(wanted: JobFilter) -> JobFilter:
    return replace(wanted, state=State.DEAD.value)


def _group(fingerprint: str, entries: Sequence[IndexEntry], newest: Job | None) -> DeadLetterGroup:
    """Describe a group; a newest job that is gone, or runs again, has left only its count."""
    last = newest.last if newest else None
    ended = [entry.position.at_ms for entry in entries]
    return DeadLetterGroup(
        fingerprint=fingerprint,
        error_type=last.type if last else "",
        message=last.message if last else "",
        where=last.where if last else "",
        count=len(entries),
        types=sorted({entry.values["type"] for entry in entries}),
        first_at=min(ended),
        last_at=max(ended),
        sample=[job_id_of(entry.position.pk) for entry in entries[:SAMPLE]],
    )
