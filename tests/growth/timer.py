"""The timer at growing sizes, in a model of latency: each call takes 10 ms, and a process has the threads of its pool.

Nothing here depends on the speed of a machine: what is counted are calls, and the virtual time that they take.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from tests.builders.schedules import definition
from tests.builders.world import SETTINGS, TENANT, World
from whendue.adapters.side_by_side import WideQueue, WideStore
from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET, SQS_MAX_BATCH
from whendue.bootstrap.application import App, build
from whendue.jobs.due_index import live_partition, partition_of, shard_of
from whendue.quotas import POOL_THREADS
from whendue.schedules.model import create
from whendue.settings import Settings
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock
from whendue.table.keys import job_key
from whendue.table.writes import insert
from whendue.timer.fan_out import from_event
from whendue.timer.tick import Ticked

T = TypeVar("T")
CALL_MS: Final = 10
TICK_MS: Final = 50_000
DAY_MS: Final = 86_400_000
# An entry of the due index has about 150 bytes, and a query answers with 1 MB at most:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
ENTRIES_A_QUERY: Final = 6000
OTHER: Final = "other"
# Kinds of partitions that there are once for each shard: five queues, schedules, data of jobs.
PARTITIONED: Final = 7
IDLE_READS: Final = 5
LOST: Final = 100


class Threads:
    """A pool of threads in virtual time: a call begins when one of them is free."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._inside = False

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Run calls; the time that they take together passes."""
        if self._inside or len(calls) <= 1:
            return [call() for call in calls]
        self._inside = True
        free = [self._clock.now_ms()] * POOL_THREADS
        values = []
        for call in calls:
            thread = free.index(min(free))
            self._clock.move_to(free[thread])
            values.append(call())
            free[thread] = self._clock.now_ms()
        self._clock.move_to(max(free))
        self._inside = False
        return values


class Slow:
    """A port whose calls take time, and are counted."""

    def __init__(self, port: Any, clock: ManualClock, counts: Counter[str]) -> None:
        self._port = port
        self._clock = clock
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._port, name)

        def call(*arguments: Any, **options: Any) -> Any:
            value = function(*arguments, **options)
            calls = -(-len(value) // ENTRIES_A_QUERY) or 1 if name == "query_due" else 1
            self._counts[name] += calls
            if name == "apply":
                self._counts["writes"] += len(arguments[0])
            if name == "get":
                self._counts["read"] += len(arguments[0])
            self._clock.advance(calls * CALL_MS / 1000)
            return value

        return call


@dataclass(slots=True)
class Events:
    """Starts further ticks: they run when the first one has ended, from when they were started on."""

    clock: ManualClock
    started: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)

    def invoke(self, event: Mapping[str, Any]) -> None:
        self.clock.advance(CALL_MS / 1000)
        self.started.append((self.clock.now_ms(), event))


@dataclass(frozen=True, slots=True)
class Measured:
    """What a tick did, with those that it started.

    Args:
        ticks: what each of them did.
        calls: calls by the port's method; `writes` and `read` count items.
        took_ms: from the beginning of the first to the end of the last, virtual.
    """

    ticks: list[Ticked]
    calls: Counter[str]
    took_ms: int

    @property
    def promoted(self) -> int:
        """Jobs that all ticks promoted together."""
        return sum(tick.promoted for tick in self.ticks)

    @property
    def promoted_per_s(self) -> float:
        """Jobs per second of virtual time."""
        return 1000 * self.promoted / self.took_ms


class Model:
    """A world whose timer is measured; everything else is at once.

    Args:
        shards: partitions of the due index per queue.
        fans_out: whether a tick may start further ones.
    """

    def __init__(self, shards: int = SETTINGS.shards, *, fans_out: bool = False) -> None:
        self.world = World()
        self.counts: Counter[str] = Counter()
        self.events = Events(self.world.clock)
        names = ("table", "bucket", "queues", "dead_letter_queue", "visibility_s", "secret")
        self.settings = Settings(**{name: getattr(SETTINGS, name) for name in names}, shards=shards)
        threads = Threads(self.world.clock)
        slow = [Slow(port, self.world.clock, self.counts) for port in (self.world.table, self.world.queues)]
        timers = self.events if fans_out else None
        self.timer = self._app(WideStore(slow[0], threads), WideQueue(slow[1], threads), threads, timers)
        self.fast = self._app(self.world.table, self.world.queues, None, None)

    def _app(self, store: Any, queue: Any, pool: Any, timers: Any) -> App:
        world = self.world
        ports = (store, queue, world.blobs, world.runner, world.registry)
        return build(self.settings, world.system, *ports, pool=pool, timers=timers)

    def submit(self, count: int, tenant: str = TENANT, **wanted: Any) -> None:
        """Submit jobs of the normal queue: one as users do, the others are copies of it."""
        first = self.fast.submit.one(tenant, JobRequest("ok", {}, **wanted)).job
        item = self.world.table.rows[first.key]
        fields = {name: value for name, value in item.items() if name not in ("pk", "sk")}
        for _ in range(count - 1):
            job_id = self.world.system.new_id()
            partition = live_partition(first.queue, shard_of(job_id, self.settings.shards))
            self.world.table.apply([insert("copy", job_key(job_id), fields | {"due_pk": partition})])

    def schedule(self, count: int, cron: str) -> None:
        """Put schedules of as many tenants: one as users do, the others are copies of it."""
        first = self.fast.schedules.put(TENANT, "s", definition(cron)).schedule
        for number in range(1, count):
            copy = replace(first, tenant=f"{TENANT}-{number}")
            partition = partition_of(copy.identity, self.settings.shards)
            self.world.table.apply([create(replace(copy, due_pk=partition))])

    def tick(self) -> Measured:
        """Tick, and let the ticks that it starts run beside it."""
        self.counts.clear()
        self.events.started.clear()
        clock = self.world.clock
        began_ms = clock.now_ms()
        ticks = [self.timer.tick.run(began_ms + TICK_MS)]
        ended_ms = clock.now_ms()
        for at_ms, event in list(self.events.started):
            clock.move_to(at_ms)
            ticks.append(self.timer.tick.run(at_ms + TICK_MS, from_event(event, self.settings.shards)))
            ended_ms = max(ended_ms, clock.now_ms())
        clock.move_to(ended_ms)
        return Measured(ticks, Counter(self.counts), ended_ms - began_ms)


def promoted(jobs: int, *, fans_out: bool = False) -> Measured:
    """Measure a tick that promotes jobs which are due at one moment."""
    model = Model(fans_out=fans_out)
    # The very first tick begins the positions.
    model.tick()
    model.submit(jobs, delay_s=3600)
    model.world.clock.advance(3590)
    return model.tick()


def idle(shards: int) -> Measured:
    """Measure a tick without anything to do."""
    model = Model(shards)
    model.tick()
    model.world.clock.advance(60)
    return model.tick()


def fired(schedules: int) -> Measured:
    """Measure a tick that plans the fires of schedules which are due in one minute."""
    model = Model()
    model.tick()
    model.schedule(schedules, "0 0 * * *")
    # In the minute before midnight, UTC.
    model.world.clock.move_to(-(-model.world.clock.now_ms() // DAY_MS) * DAY_MS - 60_000)
    return model.tick()


def rescued(held: int, lost: int = LOST) -> list[Measured]:
    """Measure the ticks in which lost jobs heal behind jobs of a paused tenant, and one more."""
    model = Model()
    model.fast.pauses.pause_tenant(OTHER, None, "why", "ops", None)
    model.tick()
    model.submit(held, OTHER)
    model.world.clock.advance(1)
    model.submit(lost)
    model.world.queues.discard("normal")
    ticks: list[Measured] = []
    while sum(tick.rescued["send"] for each in ticks for tick in each.ticks) < lost:
        model.world.clock.advance(60)
        ticks.append(model.tick())
    model.world.clock.advance(20)
    model.world.queues.discard("normal")
    return [*ticks, model.tick()]


def resumed(jobs: int) -> list[Measured]:
    """Measure the tick after a pause of jobs that were due and dropped, and rescue had moved far ahead."""
    model = Model()
    model.fast.pauses.pause_tenant(TENANT, None, "why", "ops", None)
    model.submit(jobs)
    model.world.queues.discard("normal")
    model.world.clock.advance(100)
    model.tick()
    model.world.clock.advance(3000)
    model.fast.resume.tenant(TENANT, None)
    model.world.clock.advance(60)
    return [model.tick()]


def looked_at(shards: int) -> Counter[str]:
    """Count the calls of one look at all queues, and of the timer's lag, with a few jobs in each queue."""
    model = Model(shards)
    model.submit(20)
    model.timer.queues.list()
    model.timer.gauges.timer_lag_s()
    return Counter(model.counts)


def follows_law(name: str, size: int, measured: Measured) -> bool:
    """Return whether the counts are what their law allows.

    Args:
        name: what was measured, as in `table`.
        size: number of jobs, or of shards.
        measured: the counts.
    """
    calls = measured.calls
    if name.startswith("promote"):
        windows = calls["writes"]
        read_calls = size // DYNAMODB_MAX_BATCH_GET + windows + 5 * len(measured.ticks)
        return calls["send"] <= size // SQS_MAX_BATCH + windows and calls["get"] <= read_calls
    if name.startswith("idle"):
        return calls["query_due"] == PARTITIONED * size + 1 and calls["get"] <= IDLE_READS and not calls["writes"]
    if name.startswith("schedules"):
        return calls["writes"] <= 4 * size + 20 and calls["send"] == size // SQS_MAX_BATCH and measured.took_ms < 10_000
    if name.startswith("rescue"):
        return size + LOST <= calls["writes"] <= size + LOST + 20 and measured.took_ms < 60_000
    return measured.took_ms < 120_000


def table() -> list[tuple[str, int, Measured]]:
    """Measure all that the growth suite prints: name, size, and counts."""
    rows = [("promote, one invocation", size, promoted(size)) for size in (1000, 10_000, 100_000)]
    rows += [("promote, fan-out", size, promoted(size, fans_out=True)) for size in (10_000, 100_000)]
    rows += [("idle tick, by shards", shards, idle(shards)) for shards in (4, 8, 64)]
    rows += [("schedules due at once", size, fired(size)) for size in (1000, 10_000)]
    rows += [("rescue behind paused", size, rescued(size)[0]) for size in (1000, 10_000, 100_000)]
    rows += [("resume", size, resumed(size)[0]) for size in (1000, 20_000)]
    return rows
