"""Invariants of limits: never more at once, never faster, in order, and waiting costs nothing."""

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.declarations.context import Context
from whendue.engine.ports import Item
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, from_item
from whendue.limits.overlap_policy import governing
from whendue.profiles.model import from_item as from_profile
from whendue.profiles.model import live
from whendue.quotas import PROFILE_AGE_MS
from whendue.table.keys import job_key, profile_key
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.monitor import Run
    from tests.simulation.world import World

# A token is used within ten seconds, SQS counts whole ones, and a batch's calls take their time.
TOKEN_MS = 12_000
# How long a limit that was changed may still govern what is admitted: as long as a profile is known, and a call.
EDIT_MS = PROFILE_AGE_MS + 2000
WAIT_MS = 100_000


class LimitWatcher(Watcher):
    """Looks at what runs, not at how it is held back."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.leases: dict[str, int] = {}
        self.limits: dict[tuple[str, str], Limit] = {}
        self.starts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.put_off: dict[str, int] = {}
        self.edits: list[tuple[int, int]] = []

    def limit_of(self, job: Job) -> Limit | None:
        """Return the limit in force."""
        item = live(self.world.store.rows.get(profile_key(job.tenant, job.profile)))
        profile = from_profile(job.profile, item).limit if item else None
        return governing(job, profile)

    # --- at every instant ---------------------------------------------------------------------------------

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at slots and at jobs that are put off."""
        if write.key.pk.startswith("PROFILE#") and before and (limit := before.get("content", {}).get("limit")):
            self.edits.append((self.world.scheduler.now_ms, limit.get("concurrency", 0)))
        if write.key.pk.startswith("LIMIT#"):
            if after and "expires_at" not in after:
                self.world.monitor.wrong(f"{write.key.sk} is kept for ever")
            if write.key.sk.startswith("slot#") and after:
                self.leases[after["job_id"]] = after["lease_until"]
        if write.name in ("defer", "wake") and before:
            self._costs_nothing(write, before, after)
        if write.name == "defer":
            self._is_bounded(process, after)
        if write.name in ("wake", "reschedule", "redrive"):
            self.put_off.pop(after["pk"], None)
        if write.name == "wake":
            self._in_order(after)

    def _costs_nothing(self, write: Write, before: Item, after: Item) -> None:
        """Waiting is no attempt, no claim, no failure."""
        changed = [name for name in ("claims", "failures", "last", "fence") if before.get(name) != after.get(name)]
        if changed:
            self.world.monitor.wrong(f"{write.name} changed {changed}")

    def _is_bounded(self, process: Process, after: Item) -> None:
        """Who waits for a slot looks for itself every two minutes, not all the time."""
        now_ms, since = self.world.scheduler.now_ms, self.put_off.get(after["pk"])
        if after["waits_for"]["what"] != "slot":
            return
        skew_ms = 2 * self.world.nature.skew_ms
        if since is not None and now_ms - since < WAIT_MS - skew_ms and not self.world.monitor.faults:
            self.world.monitor.wrong(f"put off again after {now_ms - since} ms")
        self.put_off[after["pk"]] = now_ms

    def _in_order(self, after: Item) -> None:
        """Who was due first is woken first."""
        if self.world.monitor.faults or self.world.nature.skew_ms:
            return
        woken = from_item(after)
        for key, item in self.world.store.live():
            if key.sk == "job" and item["state"] == "pending" and item.get("waits_for"):
                other = from_item(item)
                if _comes_before(other, woken) and self._asleep(other) and self._in_line(other):
                    self.world.monitor.wrong("a job was woken before one that was due earlier")

    def _asleep(self, job: Job) -> bool:
        """Return whether whoever wakes one at this moment could have seen that this job waits for a slot."""
        now_ms, since = self.world.scheduler.now_ms, self.put_off.get(job.key.pk, 0)
        waits = job.waits_for is not None and job.waits_for.what == "slot" and job.due_at > now_ms
        return waits and since < now_ms - self.world.nature.latency_ms[1]

    def _in_line(self, job: Job) -> bool:
        return any(key.sk.startswith("waiter#") and key.sk.endswith(job.id) for key, _ in self.world.store.live())

    def began(self, run: "Run", ctx: Context) -> None:
        """Look at what else of the key is running, and at how many have started."""
        limit = self.limit_of(ctx._job)
        if limit is None or limit.key is None:
            return
        key = (ctx._job.tenant, limit.key)
        if limit.concurrency is not None:
            self._not_too_many(run, key, limit.concurrency)
        if limit.rate_per_s is not None:
            self._not_too_fast(run, key, limit.rate_per_s)
        self.limits[*key] = limit

    def _key_of(self, run: "Run") -> tuple[str, str] | None:
        job = from_item(self.world.store.rows[job_key(run.job_id)])
        limit = self.limit_of(job)
        return (job.tenant, limit.key) if limit and limit.key else None

    def _not_too_many(self, run: "Run", key: tuple[str, str], concurrency: int) -> None:
        """More than the limit only after a slot's lease has expired, by clocks that may differ (as G4)."""
        now_ms, slack_ms = self.world.scheduler.now_ms, 2 * self.world.nature.skew_ms
        running = [
            other
            for other in self.world.monitor.runs
            if other.over_ms is None and other.job_id != run.job_id and self._key_of(other) == key
        ]
        held = [
            other
            for other in running
            if self.leases.get(other.job_id, 0) - slack_ms > now_ms or self.world.monitor.is_well(other)
        ]
        edits = [concurrency for at_ms, concurrency in self.edits if now_ms - at_ms < EDIT_MS]
        if len(held) >= max([concurrency, *edits]):
            self.world.monitor.wrong(f"{len(held) + 1} jobs of {key[1]} run at once, {concurrency} may")

    def _not_too_fast(self, run: "Run", key: tuple[str, str], rate_per_s: float) -> None:
        """In any time no more start than the burst and what the rate gives, by tokens that are used within seconds."""
        if run.process.harmed:
            return
        now_ms, starts = self.world.scheduler.now_ms, self.starts[key]
        starts.append(now_ms)
        slack_ms = TOKEN_MS + 2 * self.world.nature.skew_ms
        for number, began_ms in enumerate(starts):
            most = max(1, int(rate_per_s)) + rate_per_s * (now_ms - began_ms + slack_ms) / 1000
            if len(starts) - number > most:
                self.world.monitor.wrong(f"{len(starts) - number} jobs of {key[1]} in {now_ms - began_ms} ms")

    # --- at the end ---------------------------------------------------------------------------------------

    def settled(self) -> bool:
        """Wait for the leases of slots that somebody died with."""
        return not self._held()

    def _held(self) -> list[str]:
        slots = [(key, item) for key, item in self.world.store.live() if key.sk.startswith("slot#")]
        return [key.sk for key, item in slots if item["lease_until"] >= self.world.scheduler.now_ms]

    def conclude(self) -> None:
        """Nothing is held, nobody is left in a line, and every claim was a claim."""
        monitor = self.world.monitor
        if held := self._held():
            monitor.wrong(f"still held: {held}")
        # A slot that is kept for a job which is cancelled at that moment is free by its lease.
        left = [
            key.sk
            for key, item in self.world.store.live()
            if key.pk.startswith("LIMIT#") and key.sk != "rate" and not item.get("fence", "").startswith("for#")
        ]
        # So is one of a task that did not stop in time: it was given up, and may have gone on.
        # Of two messages one may come while the other is being settled, and join a line that it does not need.
        alone = self.world.nature.timers == 1 and not self.world.nature.skew_ms
        if (
            left
            and alone
            and not monitor.faults
            and all(run.outcome not in (None, "KilledError", "Interrupted") for run in monitor.runs)
        ):
            monitor.wrong(f"left over although nothing failed: {left}")


def _comes_before(job: Job, then: Job) -> bool:
    """Return whether both wait for the same key, this one for longer."""
    first, second = job.waits_for, then.waits_for
    return first is not None and second is not None and first.key == second.key and first.since < second.since
