"""What is seen of a world while it goes, and the guarantees that must hold at every instant and at the end.

Each invariant is a function of its own; none looks at the conditions that the code under test relies on.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.state_diagram import ARROWS
from tests.builders.gateway import Answer
from tests.simulation.faults import Fault
from tests.simulation.scheduler import KilledError, Process
from tests.simulation.watched import WATCHERS
from tests.simulation.watchers import Watcher, carried
from whendue.adapters.dynamodb.indexes import INDEXES
from whendue.declarations.context import Context
from whendue.engine.ports import Item, ReceivedMessage
from whendue.jobs.lifetime import STANDS_FOR
from whendue.jobs.model import TERMINAL, State, from_item, to_item
from whendue.jobs.transition import Transition
from whendue.quotas import MAX_LOST
from whendue.table.index import Index
from whendue.table.keys import MIGRATION_KEY, job_id_of, job_key, kind_of
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.world import World

STEPS = {(edge.name, edge.source, edge.target) for edge in ARROWS}
BY_WORKER = {"heartbeat", "succeed", "fail", "finish_cancelled", "expand"}
DECIDED_ON_READING = {
    "cancel",
    "request_cancel",
    "redrive",
    "undo_redrive",
    "reschedule",
    "postpone_check",
    "mark_dead",
    "cancel_lost",
    "defer",
    "wake",
    "skip",
    "expire",
    "end_retries",
    "release",
    "cancel_unsatisfied",
}
MAY_CHANGE_MEANWHILE = {"lease_until", "progress", "cancel_requested", "rescues"}
# SQS counts whole seconds, and a worker's first calls take their time.
LATE_MS = 2000
# What the tasks here ask for at most.
RETRY_AFTER_S = 20
FINAL = {state.value for state in TERMINAL}


class Violation(AssertionError):  # noqa: N818 - what is found, not what went wrong
    """A guarantee that did not hold."""


@dataclass(slots=True)
class Run:
    """One execution of a task."""

    job_id: str
    process: Process
    fence: str
    attempt: int
    began_ms: int
    world: "World"
    lease_until: int = 0
    lease_ms: int = 0
    ended_ms: int | None = None
    outcome: str | None = None

    def ended(self, outcome: str) -> None:
        """Note the end."""
        self.ended_ms, self.outcome = self.world.scheduler.now_ms, outcome
        self.world.say(self.process.name, f"task of {self.job_id[-4:]} ends: {outcome}")

    @property
    def over_ms(self) -> int | None:
        """When nothing of it went on any more: its end, or its process's death."""
        times = [ms for ms in (self.ended_ms, self.process.ended_ms) if ms is not None]
        return min(times, default=None)


@dataclass(slots=True)
class Accepted:
    """A job as a client knows it."""

    job_id: str
    expected: frozenset[str]
    cancelled_ms: int | None = None


@dataclass
class Monitor:
    """Watches a world."""

    world: "World"
    runs: list[Run] = field(default_factory=list)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    system: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    claims: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    outcomes: set[str] = field(default_factory=set)
    bodies: list[str] = field(default_factory=list)
    children: dict[tuple[str, str], str] = field(default_factory=dict)
    checked: Counter[tuple[str, int]] = field(default_factory=Counter)
    rescued: Counter[tuple[str, int]] = field(default_factory=Counter)
    gone: dict[str, Item] = field(default_factory=dict)
    erasing: set[str] = field(default_factory=set)
    watchers: list[Watcher] = field(init=False)

    def __post_init__(self) -> None:
        """Let every watcher look."""
        self.watchers = [kind(self.world) for kind in WATCHERS]

    def wrong(self, what: str) -> None:
        """Note a violation."""
        self.world.say("MONITOR", what)
        self.violations.append(what)

    # --- at every instant ---------------------------------------------------------------------------------

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write that took effect."""
        if write.key.sk == "job" and before and not after:
            self.went(before)
            return
        for watcher in self.watchers:
            watcher.wrote(process, write, before, after)
        if write.name == "move_cursor" and write.key.sk == "promote" and before:
            self._cursor_moves_on(before, after)
        if write.key.sk != "job" or STANDS_FOR in after:
            # Or it stands in the place of a job that was never created.
            return
        state = after["state"]
        if self.world.trace is not None:
            self.world.say(process.name, f"    {write.name}: {before and before['state']} -> {state} {_brief(after)}")
        self._step_is_legal(write, before, after)
        self._one_alarm(after)
        self._entry_is_written_once(write, before, after)
        self._writer_holds_the_claim(process, write, before)
        self._generations_rise(before, after)
        self._promise_is_kept(write, after)
        self._failures_count_failed_attempts(write, before, after)
        self._note_sends(write, before, after)
        if write.name == "fail":
            self._retry_is_in_time(after)
        if write.name in ("mark_dead", "cancel_lost", "expire", "end_retries"):
            self._nobody_runs_it(write, after)
            self._was_due(process, before)
        if write.name in BY_WORKER - {"heartbeat"}:
            self.outcomes.add(after["fence"])
        if write.name in ("claim", "heartbeat"):
            self._note_claim(process, write, after)

    def went(self, job: Item) -> None:
        """Look at a job whose item goes: erased, or by TTL."""
        self.gone[job["pk"]] = job
        for watcher in self.watchers:
            watcher.went(job)

    def _note_sends(self, write: Write, before: Item | None, after: Item) -> None:
        """Note what may be sent more than once."""
        run = (write.key.pk.removeprefix("JOB#"), after["generation"])
        if write.name == "postpone_check" and after["rescues"] > (before or after)["rescues"]:
            self.rescued[run] += 1
        if write.name == "finish_fan_out" and after["state"] == "pending":
            self.checked[run] = 1

    def _step_is_legal(self, write: Write, before: Item | None, after: Item) -> None:
        if write.name == "keep":
            # No step of the job's: it is kept longer for its dependents.
            return
        if write.name == "migrate":
            if before and before["state"] != after["state"]:
                self.wrong("an upgrade changed the state of a job")
            return
        source = State(before["state"]) if before else None
        if (write.name, source, State(after["state"])) not in STEPS:
            self.wrong(f"{write.name} took a job from {source} to {after['state']}")

    def _cursor_moves_on(self, before: Item, after: Item) -> None:
        """A cursor that falls back promotes again what was promoted."""
        for name in (name for name in before if name.startswith("at_")):
            if json.loads(after.get(name, "[0]")) < json.loads(before[name]):
                self.wrong("a promote cursor moved backwards")

    def _one_alarm(self, after: Item) -> None:
        """A live job is in its queue's due index, a dead one in its tenant's at its end; others are in none."""
        partition = after["due_pk"]
        if after["state"] in FINAL and "pending_fan_out" in after:
            if not partition.startswith("live#") or after["check_at"] <= after["finished_at"]:
                self.wrong(f"a job that owes news has the next check {after['check_at']} in {partition}")
        elif after["state"] == "dead":
            if not partition.startswith("dead#") or after["check_at"] != after.get("finished_at"):
                self.wrong(f"a dead job has the next check {after['check_at']} in {partition}")
            if after.get("fingerprint") != after.get("last", {}).get("fingerprint"):
                self.wrong(f"a dead job is listed under {after.get('fingerprint')}")
        elif after["state"] in FINAL:
            if "check_at" in after or "fingerprint" in after:
                self.wrong(f"a finished job has the next check {after.get('check_at')}")
        elif not partition.startswith(f"live#{after['queue']}#"):
            self.wrong(f"a live job of {after['queue']} stands in {partition}")

    def _entry_is_written_once(self, write: Write, before: Item | None, after: Item) -> None:
        """What the tenant index carries never changes: each change would cost one unit more."""
        index = INDEXES[Index.TENANT]
        fields = (index.partition, Index.TENANT.value, *index.carries)
        if before and write.name != "migrate" and any(before.get(name) != after.get(name) for name in fields):
            self.wrong(f"{write.name} changed what the tenant index carries")

    def _writer_holds_the_claim(self, process: Process, write: Write, before: Item | None) -> None:
        """G5: what a worker writes after its claim takes effect only while that claim stands."""
        if write.name in BY_WORKER and before and before["fence"] not in process.fences:
            self.wrong(f"G5: {process.name} wrote {write.name} over somebody else's claim")

    def _generations_rise(self, before: Item | None, after: Item) -> None:
        """A new due time is a new generation, else an old message passes for a new one."""
        if not before:
            return
        if after["generation"] < before["generation"]:
            self.wrong("a generation fell")
        if after["due_at"] != before["due_at"] and after["generation"] == before["generation"]:
            self.wrong("a due time changed within a generation")
        moved = before["state"] not in FINAL and after["due_at"] != before["due_at"]
        if moved and after["check_at"] == before["check_at"]:
            self.wrong("a due time moved and its next check did not")

    def _failures_count_failed_attempts(self, write: Write, before: Item | None, after: Item) -> None:
        """Failures are attempts that failed, not deliveries, not dead workers."""
        job_id = after["pk"]
        if write.name == "fail":
            self.failures[job_id] = self.failures.get(job_id, 0) + 1
        if write.name == "redrive":
            self.failures[job_id] = 0
        if after["failures"] != self.failures.get(job_id, 0):
            self.wrong(f"a job has {after['failures']} failures, {self.failures.get(job_id, 0)} were recorded")

    def _retry_is_in_time(self, after: Item) -> None:
        """An attempt that has really ended is tried again after its backoff: not later, nor before it asked."""
        run = next((run for run in self.runs if run.fence == after["fence"]), None)
        # A task that was killed had not ended when its worker gave it up.
        if run is None or run.outcome in (None, KilledError.__name__) or after["state"] != "pending":
            return
        wait_ms = after["due_at"] - after["last"]["failed_at"]
        if wait_ms > 1000 * (after["policy"]["cap_s"] + RETRY_AFTER_S + 1):
            self.wrong(f"tried again only {wait_ms} ms after it ended")
        if run.outcome == "Retry" and wait_ms < 1000 * RETRY_AFTER_S - 2 * self.world.nature.latency_ms[1]:
            self.wrong(f"tried again {wait_ms} ms after it asked for {RETRY_AFTER_S} s")

    def _nobody_runs_it(self, write: Write, after: Item) -> None:
        """A job is not ended over the head of a worker that is well."""
        for run in self.runs:
            if f"JOB#{run.job_id}" == after["pk"] and run.over_ms is None and self.is_well(run):
                self.wrong(f"{write.name} ended a job that {run.process.name} was running well")

    def _was_due(self, process: Process, before: Item | None) -> None:
        """A job whose time has not come may still run: nobody gives it up."""
        if before and before["state"] == "pending" and process.now_ms() < before["due_at"] and not process.dead:
            self.wrong("a job was given up before it was due")

    def is_well(self, run: Run) -> bool:
        # Heartbeats come three times a lease: what is left of it must be more than clocks differ and calls take.
        nature = self.world.nature
        return not run.process.harmed and run.lease_ms > 3 * (2 * nature.skew_ms + 2 * nature.latency_ms[1])

    def _promise_is_kept(self, write: Write, after: Item) -> None:
        """What was decided on a job as read is stored on that job, else the decision was about another one."""
        if not isinstance(write, Transition) or write.name not in DECIDED_ON_READING or self.world.nature.newer:
            return
        loose = MAY_CHANGE_MEANWHILE | ({"check_at"} if write.name == "request_cancel" else set())
        # Parents of who waits end while it is looked after, or asked to stop.
        loose |= {"unmet_dependencies"} if write.name in ("postpone_check", "request_cancel") else set()
        for name, value in to_item(write.job).items():
            if name not in loose and after.get(name) != value:
                self.wrong(f"{write.name} was decided on {name}={value}, the job has {after.get(name)}")

    def _note_claim(self, process: Process, write: Write, after: Item) -> None:
        if write.name == "claim":
            process.fences.add(after["fence"])
            self.claims[after["pk"]].add(after["fence"])
            if after["lease_until"] - after["started_at"] != 1000 * after["policy"]["lease_s"]:
                self.wrong("a claim has not the lease that its policy asks for")
            if process.now_ms() < after["due_at"] and not process.dead:
                self.wrong(f"G6: claimed {after['due_at'] - process.now_ms()} ms early")
        for run in self.runs:
            if run.fence == after["fence"]:
                run.lease_until = after["lease_until"]

    def delivered(self, batch: Sequence[ReceivedMessage]) -> None:
        """A message that nobody has lost, held or failed to delete comes once."""
        for watcher in self.watchers:
            watcher.delivered(batch)
        again = any(delivery.receive_count > 1 for delivery in batch)
        if again and self.world.nature.punctual and not self.faults:
            self.wrong("a message was delivered twice although nothing failed")

    def answered(self, process: Process, batch: Sequence[ReceivedMessage], kept: Collection[str]) -> None:
        """A worker that answers has recorded what it settled, else nobody knows how it ended."""
        runs = {message.id: carried(message.body) for message in batch}
        for job_id, generation in set(runs.values()) - {runs[message_id] for message_id in kept}:
            item = self.world.store.rows.get(job_key(job_id))
            held = item and item["state"] == "running" and item["fence"] in process.fences
            if item and held and item["generation"] == generation:
                self.wrong("a worker has settled a message and still holds its job")

    def began(self, process: Process, ctx: Context) -> Run:
        """Note that a task begins."""
        now_ms = self.world.scheduler.now_ms
        item = self.world.store.rows[ctx._job.key]
        lease_ms = ctx._job.policy.lease_s * 1000
        run = Run(ctx.job_id, process, ctx.fence, ctx.attempt, now_ms, self.world, item["lease_until"], lease_ms)
        self.world.say(process.name, f"task of {ctx.job_id[-4:]} begins, attempt {ctx.attempt}")
        self._alone(run)
        self._not_early(run, ctx)
        self._not_late(run, ctx)
        self._not_cancelled(run)
        for watcher in self.watchers:
            watcher.began(run, ctx)
        self.runs.append(run)
        return run

    def _alone(self, run: Run) -> None:
        """G4: two executions overlap only after a lease expired, by clocks that may differ."""
        slack_ms = 2 * self.world.nature.skew_ms
        for other in self.runs:
            if other.job_id != run.job_id or other.over_ms is not None:
                continue
            if other.lease_until - slack_ms > run.began_ms:
                self.wrong(f"G4: runs in {run.process.name} while {other.process.name} holds its lease")
            # A higher attempt: the other's failure is recorded, and its task did not stop.
            if run.attempt == other.attempt and self.is_well(other):
                self.wrong(f"G4: {other.process.name} is well and lost its job to {run.process.name}")

    def _not_early(self, run: Run, ctx: Context) -> None:
        """G6, by the clock of the process that runs it."""
        if run.process.now_ms() < ctx._job.due_at:
            self.wrong(f"G6: runs {ctx._job.due_at - run.process.now_ms()} ms early")

    def _not_late(self, run: Run, ctx: Context) -> None:
        """G6: a tick that is missed or fails half way costs nothing, where nothing else makes late."""
        if not self.world.nature.punctual or Fault.VANISHED in self.faults or ctx._job.claims > 1 + ctx._job.failures:
            return
        harmed = [process for process in self.world.processes if process.harmed]
        if len(harmed) > 1 or any(process.kind != "timer" for process in harmed):
            return
        late_ms = run.began_ms - ctx._job.due_at
        if late_ms > LATE_MS + 1000 * (len(self.runs_of(run.job_id)) > 0):
            self.wrong(f"G6: {late_ms} ms late although at most one tick failed")

    def _not_cancelled(self, run: Run) -> None:
        """G9: a cancel that was acknowledged before the claim means that it never runs."""
        known = self.accepted.get(run.job_id)
        if known and known.cancelled_ms is not None:
            self.wrong("G9: runs after its cancel was acknowledged")

    def effect(self, job_id: str) -> str:
        """Note a side effect that must happen at most once."""
        self.system[job_id] = self.system.get(job_id, 0) + 1
        if self.system[job_id] > 1:
            self.wrong("an effect behind ctx.once happened twice")
        return "effect"

    def created(self, parent: str, children: Mapping[str, str]) -> None:
        """Note the jobs that a task has created, by their keys: all its attempts must get the same ones."""
        for key, child in children.items():
            if self.children.setdefault((parent, key), child) != child:
                self.wrong(f"a task has created two jobs for {key}")

    def runs_of(self, job_id: str) -> list[Run]:
        """List the executions of a job."""
        return [run for run in self.runs if run.job_id == job_id]

    # --- what clients know --------------------------------------------------------------------------------

    def accept(self, answer: Answer, expected: str) -> str:
        """Note a 2xx answer to a submit; G1: the job is there."""
        job_id: str = answer.json["id"]
        known = self.accepted.setdefault(job_id, Accepted(job_id, frozenset(expected.split())))
        known.expected = frozenset(expected.split())
        if not any(key.pk == f"JOB#{job_id}" for key, _ in self.world.store.live()):
            self.wrong("G1: an accepted job is not in the table")
        return job_id

    def inherit(self, job_id: str, item: Item, expected: Collection[str]) -> None:
        """Take over a job that was accepted before this world began."""
        self.accepted[job_id] = Accepted(job_id, frozenset(expected))
        self.failures[item["pk"]] = item["failures"]
        # Workers that went silent before count, too.
        self.claims[item["pk"]] = {f"before {number}" for number in range(item["claims"] - item["failures"])}

    def cancelled(self, job_id: str) -> None:
        """Note that a cancel of a pending job was acknowledged."""
        self.accepted[job_id].cancelled_ms = self.world.scheduler.now_ms

    def redriven(self, job_id: str, expected: str) -> None:
        """Note that a redrive was asked for: it may run again from now on."""
        self.accepted[job_id].cancelled_ms = None
        self.accepted[job_id].expected = frozenset(expected.split())

    # --- at the end ---------------------------------------------------------------------------------------

    def settled(self) -> bool:
        """Return whether nothing is owed any more."""
        if any(key.sk == "job" and item["state"] not in FINAL for key, item in self.world.store.live()):
            return False
        if self.world.queue.left or any(self.world.working.values()):
            return False
        return all(watcher.settled() for watcher in self.watchers)

    def conclude(self, *, settled: bool) -> None:
        """Check what must hold at the end: safety always, liveness when faults have stopped for long enough."""
        self._as_expected()
        self._history_is_whole()
        self._no_needless_messages()
        if settled:
            self._all_ended()
            self._nothing_left()
            self._created_once()
            for watcher in self.watchers:
                watcher.conclude()

    def _all_ended(self) -> None:
        """G3: every job reaches a terminal state."""
        for key, item in self.world.store.live():
            if key.sk == "job" and item["state"] not in FINAL:
                self.wrong(f"G3: job {key.pk[-4:]} is still {item['state']}: {_brief(item)}")

    def _created_once(self) -> None:
        """A task that has succeeded knows all jobs that it has created: each exists once."""
        jobs = self.gone | {key.pk: item for key, item in self.world.store.live() if key.sk == "job"}
        creators = {f"JOB#{job_id}" for job_id, _ in self.children}
        if not creators or any(jobs[pk]["state"] != State.SUCCEEDED for pk in creators):
            return
        others = {job_id_of(pk) for pk, item in jobs.items() if item["type"] == "other"}
        if others != set(self.children.values()):
            self.wrong(f"{len(others)} jobs were created, and {len(self.children)} are known")

    def _as_expected(self) -> None:
        """Jobs end as they must, and a success has been executed."""
        jobs = self.gone | {key.pk: item for key, item in self.world.store.live() if key.sk == "job"}
        for known in self.accepted.values():
            item = jobs[f"JOB#{known.job_id}"]
            if item["state"] in FINAL and item["state"] not in known.expected and not self._died_too_often(item):
                why = item.get("last", {}).get("message", "")
                self.wrong(f"job {known.job_id[-4:]} is {item['state']} ({why}), not {' or '.join(known.expected)}")
            if item["state"] == "succeeded":
                # What makes jobs of its own runs none itself.
                good = "expands" in item or [
                    run for run in self.runs_of(known.job_id) if run.outcome == "ok" and run.fence == item["fence"]
                ]
                if not good:
                    self.wrong("a job has succeeded without an execution that did")
                if "result" not in item and "result_at" not in item:
                    self.wrong("a job has succeeded and its result is lost")

    def _died_too_often(self, item: Item) -> bool:
        """Three workers died while they ran it: it is dead, whoever killed them (G10)."""
        mute = self.claims[item["pk"]] - self.outcomes
        return item.get("last", {}).get("type") == "worker_lost" and len(mute) >= MAX_LOST

    def _nothing_left(self) -> None:
        """No message is left, and the due index of live jobs is empty."""
        if self.world.queue.left:
            self.wrong(f"messages are left: {self.world.queue.left}")
        self.world.store.catch_up(self.world.scheduler.now_ms + 1_000_000)
        due_index = self.world.store.indexes[Index.DUE]
        left = [name for name, entries in due_index.items() if name.startswith("live#") and entries]
        finished = {key.pk for key, item in self.world.store.live() if key.sk == "job" and item["state"] in FINAL}
        for name in left:
            if any(entry.key.pk in finished for entry in due_index[name]):
                self.wrong(f"a finished job stands in {name}")
        self._all_are_listed()

    def _all_are_listed(self) -> None:
        """Each job that this version has made is in its tenant's list."""
        mark = self.world.store.get([MIGRATION_KEY])[0] or {}
        jobs = [item for key, item in self.world.store.live() if key.sk == "job"]
        if mark.get("finished") and any("tenant_pk" not in job or job["due_pk"].startswith("done#") for job in jobs):
            self.wrong("the upgrade has finished and left out a job")
        listed = {entry.key for entries in self.world.store.indexes[Index.TENANT].values() for entry in entries}
        made = {key for key, item in self.world.store.live() if key.sk == "job" and "tenant_pk" in item}
        if made != listed:
            self.wrong(f"the lists of tenants have {len(listed)} jobs, the table has {len(made)}")

    def _history_is_whole(self) -> None:
        """Every recorded failure is in the timeline: in the hot item, or in an item of its own."""
        for key, item in self.world.store.live():
            if key.sk == "job" and item.get("last"):
                family = self.world.store.query(key.pk)
                kept = {item["generation"] for item in family if kind_of(item["sk"]) == "attempt"}
                kept.add(item["last"]["generation"])
                expected = item["failures"] + (item["last"]["type"] in ("worker_lost", "dead_letter"))
                if len(kept) < expected:
                    self.wrong(f"{expected} attempts failed, the timeline has {sorted(kept)}")
                from_item(item)

    def _no_needless_messages(self) -> None:
        """Each generation of a job is sent once, and once more for each time it is rescued.

        By each of several timers that tick at the same moment; not counted is what SQS gave up on.
        """
        if self.world.nature.skew_ms:
            return
        if self.rescued and self.world.nature.punctual and not self.faults:
            self.wrong("a job was rescued although nothing failed")
        # Whoever is cut off or killed between a send and its record may send again, and a tick that is started twice.
        harmless = {Fault.VANISHED} if self.world.nature.fans_out else {Fault.VANISHED, Fault.TWICE}
        permitted = sum(fault not in harmless for fault in self.faults)
        sent = Counter(map(carried, self.bodies))
        for item, times in sent.items():
            # Two may tell of one failed attempt at the same time, and then both send the next one.
            if times > self.world.nature.timers * (1 + self.rescued[item]) + permitted + self.checked[item]:
                self.wrong(f"G11: {times} messages for one generation that was rescued {self.rescued[item]} times")


def _brief(item: Any) -> str:
    names = ("generation", "failures", "claims", "rescues", "lease_until", "due_at", "check_at")
    shown = [name for name in names if name in item]
    return " ".join(f"{name}={item[name] % 10_000_000 if item[name] > 10**9 else item[name]}" for name in shown)
