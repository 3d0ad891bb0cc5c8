"""Invariants of schedules: each nominal time ends once, as its policy says; jobs and recorded fires agree."""

from collections import defaultdict
from itertools import takewhile
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.declarations.context import Context
from whendue.engine.ports import Item
from whendue.errors import UniqueConflictError
from whendue.schedules.calendar.recurrence import after, latest
from whendue.schedules.fires import OVERLAPPED, TOO_OLD, Fire, FireOutcome, MissedRange, fire_from, missed_from
from whendue.schedules.model import Schedule, ScheduleState, from_item
from whendue.schedules.upcoming import has_ended, is_paused, next_fire, pause_end, removed_at
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.monitor import Run
    from tests.simulation.world import World

O = FireOutcome  # noqa: E741 - the tables below are read more easily
# Why an entry may change, from what to what.
CHANGES = {
    "skip_fire": {(O.RAN, O.SKIPPED), (O.CAUGHT_UP, O.SKIPPED), (O.SKIPPED, O.SKIPPED)},
    "withdraw_fire": {(O.RAN, O.WITHDRAWN), (O.SKIPPED, O.WITHDRAWN)},
    "replace_fire": {(O.WITHDRAWN, O.RAN), (O.WITHDRAWN, O.CAUGHT_UP), (O.WITHDRAWN, O.SKIPPED)},
    "backfill_fire": {(O.SKIPPED, O.CAUGHT_UP), (O.MISSED, O.CAUGHT_UP), (O.WITHDRAWN, O.CAUGHT_UP)},
}
# The tenant whose schedules and backfills are broken from the beginning: they never come to rest.
BROKEN = "broken"
# What a schedule waits for at most until its fires have ended.
LATE_MS = 2000


class ScheduleWatcher(Watcher):
    """Watches the one schedule of a world."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.states: list[Schedule] = []
        self.plans: list[Schedule] = []
        self.versions: dict[str, int] = {}
        self.acknowledged_version = 0
        self.offsets: dict[int, int] = {}
        self.runs: defaultdict[int, set[str]] = defaultdict(set)

    def wrong(self, what: str) -> None:
        self.world.monitor.wrong(f"fires: {what}")

    # --- at every instant -----------------------------------------------------------------------------------

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        if write.name == "postpone":
            # Of what is broken: it is said there, and looked at again later; nothing else of it changes.
            return
        if write.key.sk.startswith("schedule#"):
            if before and not after:
                self._schedule_is_gone(process, from_item(before))
            self._schedule_moved(before, after)
        elif write.key.sk.startswith("fire#"):
            self._entry_changed(write, before, after)
        elif write.key.sk == "job" and write.name == "submit" and "nominal_at" in after:
            self._job_is_entered(process, write)

    def _schedule_moved(self, before: Item | None, after: Item) -> None:
        if not after:
            self.states.append(self.states[-1])
            return
        then = from_item(after)
        if before and after["version"] == before["version"] and after["cursor"] < before["cursor"]:
            self.wrong("a cursor fell back although nobody changed the schedule")
        if before and after["version"] < before["version"]:
            self.wrong("a version fell")
        if before and before["as_of"] == 0 and then.as_of:
            self.plans.append(then)
        self.states.append(then)

    def _schedule_is_gone(self, process: Process, schedule: Schedule) -> None:
        """A schedule is removed once it was deleted, or when it has ended for as long as its definition says."""
        if schedule.state is ScheduleState.DELETED:
            return
        removed_ms = removed_at(schedule)
        if not has_ended(schedule) or removed_ms is None or process.now_ms() < removed_ms:
            self.wrong(f"it was removed at {process.now_ms()}, and not at {removed_ms}")

    def _entry_changed(self, write: Write, before: Item | None, after: Item) -> None:
        """An entry stays as it is, but for what the docs say."""
        entry = fire_from(after)
        if entry.job:
            self.versions[entry.job] = entry.version
        if before is None:
            return
        step = (fire_from(before).outcome, entry.outcome)
        if step not in CHANGES.get(write.name, set()):
            self.wrong(f"{write.name} made {step[0]} {step[1]}")
        if write.name == "withdraw_fire" and entry.nominal <= self.states[-1].version:
            self.wrong("a fire was withdrawn whose time came before the change")

    def _job_is_entered(self, process: Process, write: Write) -> None:
        """No job of a schedule is created that no recorded fire names."""
        job_id = write.key.pk.removeprefix("JOB#")
        named = [fire.outcome for fire in self._fires() if fire.job == job_id]
        if named not in ([O.RAN], [O.CAUGHT_UP]):
            self.wrong(f"a job was created for a fire that is {named}")
        self._offset_is_in_bounds(process, write)

    def _offset_is_in_bounds(self, process: Process, write: Write) -> None:
        """A fire is delayed by less than its jitter, from its time or from now; planned again, by as much as before."""
        nominal, due_at = write.changes["nominal_at"], write.changes["due_at"]
        jitter_s = max(state.definition.jitter_s for state in self.states)
        if not nominal <= due_at <= max(nominal, process.now_ms()) + jitter_s * 1000:
            self.wrong(f"the job of {nominal} is due {due_at - nominal} ms later")
        first = self.offsets.setdefault(nominal, due_at - nominal) if due_at > process.now_ms() else due_at - nominal
        if first != due_at - nominal:
            self.wrong(f"{nominal} has two offsets")

    def began(self, run: "Run", ctx: Context) -> None:
        if ctx.nominal_at_ms is None:
            return
        self.runs[ctx.nominal_at_ms].add(ctx.job_id)
        if ctx.nominal_at_ms > run.process.now_ms():
            self.wrong("a fire ran before its nominal time")
        version = self.versions.get(ctx.job_id, 0)
        if version < self.acknowledged_version < ctx.nominal_at_ms and run.attempt == 1:
            self.wrong("a fire of the definition before ran after its change was acknowledged")

    def acknowledged(self, version: int | None) -> None:
        """Note that a change was acknowledged; None deleted the schedule."""
        changed_at = version or self.states[-1].version
        self.acknowledged_version = max(self.acknowledged_version, changed_at)

    # --- at the end -----------------------------------------------------------------------------------------

    def settled(self) -> bool:
        for key, item in self.world.store.live():
            if key.pk.split("#")[1:2] == [BROKEN]:
                continue
            if key.sk.startswith("backfill#") and (item["state"] == "running" or "settles_at" in item):
                return False
            if key.sk.startswith("schedule#"):
                schedule = from_item(item)
                kept = schedule.state is not ScheduleState.DELETED and pause_end(schedule) is not None
                active = kept and (next_fire(schedule) is not None or removed_at(schedule) is not None)
                if active or schedule.as_of or schedule.withdraw_until or schedule.cursor > self.world.scheduler.now_ms:
                    return False
        return True

    def conclude(self) -> None:
        if not self.states:
            return
        fires, gaps = {fire.nominal: fire for fire in self._fires()}, self._gaps()
        covered = self._covered(gaps)
        self._each_nominal_time_ends_once(fires, covered)
        self._policies_hold(fires, covered)
        self._jobs_are_there(fires)
        self._maximum_is_kept(fires)
        for nominal, jobs in self.runs.items():
            if len(jobs) > 1:
                self.wrong(f"{len(jobs)} jobs ran for {nominal}")
        if not self.settled():
            self.wrong(f"it is not settled: {self.states[-1]}")

    def _fires(self) -> list[Fire]:
        found = (fire_from(item) for key, item in self.world.store.live() if key.sk.startswith("fire#"))
        return [fire for fire in found if fire.outcome not in (O.TRIGGERED, O.WITHDRAWN)]

    def _gaps(self) -> list[MissedRange]:
        return [missed_from(item) for key, item in self.world.store.live() if key.sk.startswith("gap#")]

    def _covered(self, gaps: list[MissedRange]) -> dict[int, MissedRange]:
        covered: dict[int, MissedRange] = {}
        for gap in gaps:
            for nominal in latest(gap.recurrence, gap.first - 1, gap.until, 10_000):
                if nominal.at_ms in covered:
                    self.wrong("a nominal time is in two gaps")
                covered[nominal.at_ms] = gap
        return covered

    def _each_nominal_time_ends_once(self, fires: dict[int, Fire], covered: dict[int, MissedRange]) -> None:
        """Between two changes: every time that the definition gives, and no other."""
        versions = {state.version: state for state in self.states}
        boundaries = sorted(versions)
        expected: set[int] = set()
        for version, until in zip(boundaries, [*boundaries[1:], self.world.scheduler.now_ms], strict=True):
            if versions[version].state is not ScheduleState.DELETED:
                expected |= set(_times(versions[version], version, until))
        last = self.states[-1]
        if is_paused(last, self.world.scheduler.now_ms):
            # What passes while it is paused is decided when it is resumed.
            expected = {at for at in expected if at <= last.version}
        if last.definition.max_runs is not None:
            # Nothing is decided after the last run, also where a change moves the cursor beyond it.
            reached = max(_run_times(fires), default=0) if next_fire(last) is None else last.cursor
            expected = {at for at in expected if at <= reached}
        ended = {at for at in fires.keys() | covered.keys() if at <= self.world.scheduler.now_ms}
        backfilled = {at for at, fire in fires.items() if fire.backfill}
        begun = {at for at, fire in fires.items() if fire.job and self.runs[at] and at not in expected}
        if expected - ended:
            self.wrong(f"{len(expected - ended)} nominal times have not ended, the first {min(expected - ended)}")
        if extra := ended - expected - backfilled - begun:
            self.wrong(f"{len(extra)} entries are of no nominal time, the first {min(extra)}")

    def _policies_hold(self, fires: dict[int, Fire], covered: dict[int, MissedRange]) -> None:
        """Of what a plan came too late for, exactly what the policy says runs."""
        for plan in self.plans:
            times = _times(plan, plan.cursor, plan.until)
            grace_ms = plan.definition.misfire.grace_s * 1000
            late = [at for at in times if at <= plan.as_of - grace_ms and not is_paused(plan, at)]
            too_old = [at for at in late if _is_too_old(plan, at)]
            may_run = late[len(too_old) :]
            caught_up = may_run[max(0, len(may_run) - plan.definition.misfire.runs) :]
            for at in times:
                wanted = O.CAUGHT_UP if at in caught_up else O.MISSED if at in late else O.RAN
                wanted = O.SKIPPED if is_paused(plan, at) else wanted
                fire = fires.get(at)
                outcome = fire.outcome if fire else covered[at].outcome if at in covered else None
                if (fire and (fire.backfill or fire.version != plan.version)) or self._was_withdrawn(plan, at):
                    continue
                if fire is None and at in covered and (covered[at].reason == TOO_OLD) != (at in too_old):
                    self.wrong(f"{at} is {covered[at].reason}")
                overlapped = fire and fire.reason == OVERLAPPED and plan.definition.overlap != "allow"
                held = fire and fire.reason == UniqueConflictError.code and plan.definition.template.unique
                if outcome is not wanted and not ((overlapped or held) and wanted in (O.RAN, O.CAUGHT_UP)):
                    self.wrong(f"{at} is {outcome}, its policy says {wanted}")

    def _maximum_is_kept(self, fires: dict[int, Fire]) -> None:
        """A schedule with a maximum of runs has had them all once it has come to rest, and not one more."""
        last = self.states[-1]
        max_runs = last.definition.max_runs
        if max_runs is not None and next_fire(last) is None and not len(_run_times(fires)) == last.runs == max_runs:
            self.wrong(f"it ran {len(_run_times(fires))} times and counts {last.runs}, its maximum is {max_runs}")

    def _was_withdrawn(self, plan: Schedule, at: int) -> bool:
        """Return whether a later change came before a planned time."""
        later = [state.version for state in self.states if state.version > plan.version]
        return bool(later) and min(later) < at

    def _jobs_are_there(self, fires: dict[int, Fire]) -> None:
        """A fire that is recorded as run has a job that ran."""
        jobs = {key.pk.removeprefix("JOB#"): item for key, item in self.world.store.live() if key.sk == "job"}
        for at, fire in fires.items():
            if fire.outcome is O.SKIPPED and self.runs[at]:
                self.wrong(f"{at} was skipped, and ran")
            if fire.outcome in (O.RAN, O.CAUGHT_UP):
                item = jobs.get(fire.job or "")
                if item is None:
                    self.wrong(f"{at} is {fire.outcome} and its job is not there")
                elif item["state"] == "cancelled" and at <= self.world.scheduler.now_ms and not item["claims"]:
                    self.wrong(f"{at} is {fire.outcome} and its job was cancelled")


def _is_too_old(plan: Schedule, at: int) -> bool:
    misfire = plan.definition.misfire
    return misfire.max_age_s is not None and misfire.runs > 0 and plan.as_of - at > misfire.max_age_s * 1000


def _run_times(fires: dict[int, Fire]) -> list[int]:
    return [at for at, fire in fires.items() if fire.outcome in (O.RAN, O.CAUGHT_UP) and not fire.backfill]


def _times(schedule: Schedule, first: int, until: int) -> list[int]:
    """List the nominal times in (first, until], by walking."""
    times = after(schedule.definition.recurrence, first)
    return [fire.at_ms for fire in takewhile(lambda time: time.at_ms <= until, times)]
