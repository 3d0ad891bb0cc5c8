"""The history of a schedule's fires, read: each fire once, newest first, with what became of its job."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import chain
from typing import NamedTuple

from whendue.engine.ports import Item
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidRequestError
from whendue.jobs.lifetime import is_over
from whendue.jobs.model import Job, from_item
from whendue.schedule_quotas import FIRE_HISTORY_READS
from whendue.schedules.calendar.recurrence import latest
from whendue.schedules.fires import (
    OVERLAPPED,
    SHOWN,
    Fire,
    FireOutcome,
    MissedRange,
    fire_from,
    fire_sk,
    missed_from,
    missed_sk,
    skip_reason,
    skipped,
)
from whendue.schedules.lookup import insist_on_a_history
from whendue.schedules.model import fires_pk
from whendue.table.keys import job_key

# Minimum number of entries that are read at a time.
CHUNK = 50
GAP = "gap#"


@dataclass(frozen=True, slots=True)
class FireFilter:
    """Which fires are wanted; None wants all.

    Args:
        from_ms: none before, ms UTC.
        to_ms: none after, ms UTC.
        outcome: how they ended.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    outcome: str | None = None

    @property
    def is_reversed(self) -> bool:
        """Whether no time is between its first and its last."""
        return self.from_ms is not None and self.to_ms is not None and self.from_ms > self.to_ms


class FireView(NamedTuple):
    """A fire, and its job as long as that is kept."""

    fire: Fire
    job: Job | None

    @property
    def lateness_ms(self) -> int | None:
        """How long after its nominal time the first attempt began; None before, and once that is forgotten."""
        job = self.job
        if job is None or self.fire.outcome is not FireOutcome.RAN:
            return None
        began_at = _first_began_at(job)
        return None if began_at is None else began_at - self.fire.nominal


def _first_began_at(job: Job) -> int | None:
    """Return when a job's first attempt began, ms UTC; None if unknown, as only the last failed one is stored."""
    if job.last is None:
        return job.started_at
    return job.last.started_at if job.last.attempt == 1 else None


class FirePage(NamedTuple):
    """Some fires, and where to go on; a cursor of None is the end. A page may be short, even empty, before the end."""

    fires: list[FireView]
    cursor: str | None


class FireHistory:
    """Answers how fires ended."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def page(self, tenant: str, name: str, wanted: FireFilter, limit: int, cursor: str | None) -> FirePage:
        """List the fires whose time has come, newest first, reading a bounded number of entries.

        Raises:
            ScheduleNotFoundError: there is no such schedule, and no history of one.
            InvalidRequestError: there is no such outcome.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        if wanted.outcome not in (None, *SHOWN):
            raise InvalidRequestError(f"outcome must be one of {', '.join(SHOWN)}")
        if wanted.is_reversed:
            raise InvalidRequestError("to must not be earlier than from")
        insist_on_a_history(self._runtime.store, tenant, name)
        now_ms = self._runtime.clock.now_ms()
        newest = now_ms if wanted.to_ms is None else min(wanted.to_ms, now_ms)
        bound = ("fires", tenant, name, *astuple(wanted))
        scan = _FireScan(self._runtime, fires_pk(tenant, name), wanted, max(newest + 1, 0))
        if cursor is not None:
            scan.position = str(self._runtime.cursors.open(cursor, bound))
        fires: list[Fire] = []
        while len(fires) < limit and not scan.ended and scan.reads < FIRE_HISTORY_READS:
            fires += scan.take(limit - len(fires))
        views = self._with_jobs(fires, now_ms)
        return FirePage(views, None if scan.ended else self._runtime.cursors.seal(scan.position, bound))

    def _with_jobs(self, fires: Sequence[Fire], now_ms: int) -> list[FireView]:
        ids = [fire.job for fire in fires if fire.job]
        items = self._runtime.store.get([job_key(job_id) for job_id in ids]) if ids else []
        jobs = readable(self._runtime, items, lambda item: _kept(from_item(item), now_ms), "list_fires")
        known = {job.id: job for job in jobs if job}
        return [_view(fire, known.get(fire.job) if fire.job else None) for fire in fires]


def _kept(job: Job, now_ms: int) -> Job | None:
    return None if is_over(job, now_ms) else job


def _view(fire: Fire, job: Job | None) -> FireView:
    """Return a fire as shown: its job may be skipped already while its entry in the history is not."""
    reason = None if job is None else skip_reason(job)
    if reason is None:
        return FireView(fire, job)
    if reason != OVERLAPPED:
        # There is none, only the note about the job that held its key.
        return FireView(skipped(fire, reason), None)
    return FireView(replace(fire, outcome=FireOutcome.SKIPPED, reason=reason), job)


class _FireScan:
    """Goes back in time through entries and gaps. Everything before `position`, a sort key, is still to come."""

    def __init__(self, runtime: Runtime, pk: str, wanted: FireFilter, before_ms: int) -> None:
        self._runtime = runtime
        self._store = runtime.store
        self._pk = pk
        self._from_ms = max(wanted.from_ms or 0, 0)
        self._outcomes = {wanted.outcome} if wanted.outcome else set(SHOWN)
        self.position = fire_sk(before_ms)
        self.reads = 0
        self.ended = False

    def take(self, limit: int) -> list[Fire]:
        """Return the next fires that the filter wants, at most `limit`; possibly none of those that were read."""
        size = max(limit, CHUNK)
        entries, last = self._entries(size)
        lowest, floor = self._from_ms, fire_sk(self._from_ms)
        if last:
            # Of a gap, the nominal time of a triggered one comes behind it: that is left to the next look.
            nominal, triggered = _time_in(last)
            lowest, floor = nominal + triggered, last
        gaps, whole = self._in_gaps(lowest, size)
        if not whole:
            floor = gaps[-1].key.sk
        known = {fire.key.sk: fire for fire in gaps} | {
            fire.key.sk: fire for fire in entries if fire.outcome is not FireOutcome.WITHDRAWN
        }
        newest_first = (known[sk] for sk in sorted(known, reverse=True))
        chosen = [row for row in newest_first if row.outcome in self._outcomes]
        if len(chosen) > limit:
            self.position = chosen[limit - 1].key.sk
        elif whole and not last:
            self.ended = True
        else:
            self.position = floor
        return chosen[:limit]

    def _entries(self, size: int) -> tuple[list[Fire], str]:
        """Read the next entries; return those that are readable, and the last one's key if there may be more."""
        first = fire_sk(self._from_ms)
        if self.position <= first:
            return [], ""
        items = self._store.query_range(self._pk, first=first, last=self.position, limit=size + 1, newest_first=True)
        self.reads += len(items) + 1
        page = [item for item in items if item["sk"] != self.position][:size]
        return readable(self._runtime, page, fire_from, "list_fires"), page[-1]["sk"] if len(page) == size else ""

    def _in_gaps(self, lowest: int, size: int) -> tuple[list[Fire], bool]:
        """Compute the fires of missed ranges, newest first, at most `size`; False if there are more."""
        nominal, triggered = _time_in(self.position)
        upper = nominal - (not triggered)
        fires: list[Fire] = []
        while upper >= lowest and (item := self._gap_before(upper)):
            [*found] = chain.from_iterable(
                readable(self._runtime, [item], partial(self._times, lowest, upper, size + 1 - len(fires)), "list_gaps")
            )
            fires += found
            if len(fires) > size:
                return fires[:size], False
            upper = int(item["sk"].removeprefix(GAP)) - 1
        return fires, True

    def _times(self, lowest: int, upper: int, count: int, item: Item) -> list[Fire]:
        """Compute the last fires of a missed range, newest first; none if the filter excludes its outcome."""
        gap = missed_from(item)
        if gap.outcome not in self._outcomes:
            return []
        times = latest(gap.recurrence, max(gap.first, lowest) - 1, min(gap.until, upper), count)
        return [_of_gap(gap, fire.at_ms) for fire in reversed(times)]

    def _gap_before(self, at_ms: int) -> Item | None:
        items = self._store.query_range(self._pk, first=missed_sk(0), last=missed_sk(at_ms), limit=1, newest_first=True)
        self.reads += 1
        return items[0] if items else None


def _time_in(sk: str) -> tuple[int, bool]:
    """Read an entry's key: its nominal time, ms UTC, and whether it was triggered then."""
    nominal, _, triggered = sk.removeprefix("fire#").partition("~")
    return int(nominal), bool(triggered)


def _of_gap(gap: MissedRange, nominal: int) -> Fire:
    return Fire(gap.pk, nominal, gap.outcome, gap.version, gap.decided_at, reason=gap.reason)
