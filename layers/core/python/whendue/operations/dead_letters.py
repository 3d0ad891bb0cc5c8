"""Dead letters: dead jobs grouped by their error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidCursorError
from whendue.jobs.lifetime import is_past
from whendue.jobs.model import Job, State, from_item
from whendue.operations.listing import JobFilter, Listing
from whendue.operations.newest_first import NewestFirst
from whendue.quotas import (
    DEAD_LETTERS_COUNTED,
    DEAD_TENANT_GROUPS,
    DEAD_TENANTS_AT_ONCE,
    LIST_ENTRIES_AT_ONCE,
    PAGE_MAX,
)
from whendue.table.index import IndexEntry
from whendue.table.keys import TENANTS_PK, dead_tenant_key, job_id_of, tenant_of

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


class TenantDeadLetters(NamedTuple):
    """Dead jobs of a tenant, those that ended last.

    Args:
        tenant: whose.
        groups: by their error, the largest ones first.
        jobs: number of jobs that were counted.
        other_groups: number of smaller groups that are left out.
        has_more: whether there may be more jobs than were counted.
    """

    tenant: str
    groups: list[DeadLetterGroup]
    jobs: int
    other_groups: int
    has_more: bool


class TenantsDeadLetters(NamedTuple):
    """Dead jobs of several tenants; a tenant without any is left out, so a page may be empty before the end."""

    tenants: list[TenantDeadLetters]
    cursor: str | None
    is_complete: bool


class DeadLetterService:
    """Shows all dead jobs of a tenant, and counts those of all tenants."""

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
        counted, number = self._counted(merged)
        groups = self._described(counted[:PAGE_MAX])
        return DeadLetterGroups(
            groups,
            number,
            self._listing.cursor(merged, bound),
            len(counted[PAGE_MAX:]),
            self._listing.is_complete(),
        )

    def by_tenant(self, wanted: JobFilter, cursor: str | None) -> TenantsDeadLetters:
        """Count the dead jobs of the next tenants, in the order of their names; each one's share of a page is the same.

        Args:
            wanted: which dead jobs.
            cursor: where the last page said to go on.

        Raises:
            InvalidRequestError: there is no such priority.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        bound = ("dead-letters-by-tenant", wanted.type, wanted.queue, wanted.fingerprint)
        after = _name(self._runtime.cursors.open(cursor, bound)) if cursor is not None else ""
        first, last = dead_tenant_key(f"{after}!").sk, dead_tenant_key("~").sk
        items = self._runtime.store.query_range(TENANTS_PK, first=first, last=last, limit=DEAD_TENANTS_AT_ONCE)
        tenants = [tenant_of(item["sk"]) for item in items]
        counted = self._runtime.bulkhead.each(
            tenants, lambda tenant: self._of_tenant(tenant, wanted), stage="dead_letters_by_tenant"
        )
        is_last = len(items) < DEAD_TENANTS_AT_ONCE
        return TenantsDeadLetters(
            [found for _, found in counted if found.jobs],
            None if is_last else self._runtime.cursors.seal(tenants[-1], bound),
            self._listing.is_complete(),
        )

    def _of_tenant(self, tenant: str, wanted: JobFilter) -> TenantDeadLetters:
        most = DEAD_LETTERS_COUNTED // DEAD_TENANTS_AT_ONCE
        merged, _ = self._listing.entries("dead-letters", tenant, _dead(wanted), most, None, most)
        counted, number = self._counted(merged)
        described = self._described(counted[:DEAD_TENANT_GROUPS])
        return TenantDeadLetters(
            tenant, described, number, len(counted[DEAD_TENANT_GROUPS:]), has_more=not merged.has_ended
        )

    def _counted(self, merged: NewestFirst) -> tuple[list[tuple[str, list[IndexEntry]]], int]:
        """Group entries by fingerprint, the largest group first; and return how many there were."""
        now_ms = self._runtime.clock.now_ms()
        counted: dict[str, list[IndexEntry]] = {}
        number = 0
        while taken := merged.take(LIST_ENTRIES_AT_ONCE):
            merged.keep(taken, len(taken))
            for _, entry in taken:
                if not is_past(entry.values.get("expires_at"), now_ms):
                    counted.setdefault(entry.values.get("fingerprint", ""), []).append(entry)
                    number += 1
        return sorted(counted.items(), key=lambda group: (-len(group[1]), group[0])), number

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


def _name(opened: object) -> str:
    """Read a tenant's name in a cursor; another version may have written it otherwise."""
    if isinstance(opened, str):
        return opened
    raise InvalidCursorError


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
