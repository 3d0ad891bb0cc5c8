"""The virtual world: clients, API, timer, workers and dead-letter function around one table and its queues."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

from greenlet import getcurrent

from functions import sqs_batch as records
from functions.api import app as api_app
from functions.api.app import Api
from functions.dead_letter import handler as dead_letter_handler
from functions.notifier import handler as notifier_handler
from functions.timer import handler as timer_handler
from functions.worker import handler as worker_handler
from localstack import token
from tests.builders.gateway import Answer, Client
from tests.simulation.backend import ComingQueue, LaggingStore
from tests.simulation.containers import ContainerWorkers, on_strands
from tests.simulation.faults import ISOLATING, KILLING, READ, SETTLING, Fault, Plan
from tests.simulation.monitor import Monitor
from tests.simulation.ports import WiredBlobs, WiredQueue, WiredStore, WiredTimers
from tests.simulation.receiver import Receiver
from tests.simulation.scheduler import (
    START_MS,
    KilledError,
    Process,
    Scheduler,
    Strand,
    StrandPool,
    StrandRunner,
    current_strand,
)
from tests.simulation.secrets import DEPLOYMENT, SECRET
from tests.simulation.strand_threading import Waiters
from tests.simulation.tasks import REGISTRY, Tasks
from tests.simulation.timeouts import HangError
from whendue.adapters.auth import AuthSettings, Identity, Verifier
from whendue.adapters.memory import MemoryBlobs
from whendue.adapters.side_by_side import WideQueue, WideStore
from whendue.bootstrap.application import App, build
from whendue.engine.ports import ReceivedMessage
from whendue.errors import UnavailableError
from whendue.metrics_export import export
from whendue.settings import ALL_QUEUES, NOTIFICATIONS, OwnQueue, Settings
from whendue.support.clock import Clock, system_clock
from whendue.table.index import Index

T = TypeVar("T")
TENANT = "sim"
AUTH = AuthSettings.from_env(token.environment(SECRET))
TOKEN = token.make(TENANT, token.SCOPES, SECRET)


class _Known(Verifier):
    """Knows the one token of all clients, so that it is verified once."""

    def verify(self, authorization: str | None) -> Identity:
        return KNOWN if authorization == f"Bearer {TOKEN}" else super().verify(authorization)


WHOEVER = _Known(AUTH, system_clock())
KNOWN = Verifier(AUTH, system_clock()).verify(f"Bearer {TOKEN}")
STALL_MS = 100_000
LATE_MS = 100_000
TICK_MS = 60_000
# Calls in a moment of virtual time: reads take none, so who reads for ever never gives way. The most seen is 51.
CALLS_AT_ONCE = 10_000
API_MS, TIMER_MS, DEAD_LETTER_MS = 29_000, 55_000, 60_000
SERVES = {"dead_letter": "dead_letter", NOTIFICATIONS: "notifier"}


Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def current_app(*, described: bool = False) -> App:
    """Return the application of the process that is running, to handlers that ask for theirs.

    Args:
        described: whether they would take the tasks from a manifest; here all processes have the same tasks.
    """
    app: App = current_strand().process.app
    return app


def counting(app: App, gauges: Mapping[str, float] | None = None, *, every_ms: int = 0) -> dict[str, Any]:
    """Report as processes do, but not in worlds that do not count: it is a seventh of their cost."""
    strand = getcurrent()
    silent = isinstance(strand, Strand) and not strand.process.counts
    return {} if silent else export(app, gauges, every_ms=every_ms)


MODULES: Any = (dead_letter_handler, notifier_handler, timer_handler, worker_handler)
for module in MODULES:
    module.app = current_app
REPORTING: Any = (api_app, records, timer_handler)
for module in REPORTING:
    module.report = counting


class Call(NamedTuple):
    """A call to the outside: whose, how it can end, when it was made, ms UTC, and whether it may raise anything."""

    process: str
    kinds: Sequence[Fault]
    at_ms: int
    raises: bool = False


class UnexpectedError(Exception):
    """What no caller knows."""


@dataclass(frozen=True, slots=True)
class Nature:
    """What the world is like.

    Args:
        seed: of every id, draw and latency.
        latency_ms: each call takes something between these.
        lag_ms: how late the due index is.
        lists_lag_ms: how late the tenant index is.
        skew_ms: how far clocks of processes are off, at most.
        shuffle: messages come in any order.
        workers: batches at a time, per queue.
        timers: at each minute so many timers tick.
        fans_out: a timer takes two jobs of a partition at a time, and starts further ones for partitions with more.
        visibility_s, max_receive_count: the queues'.
        vanishing: so many first messages are acknowledged and lost, besides what the plan does.
        punctual: nothing here makes late but faults: no dying neighbours, no slow calls, no far-off clocks.
        outage_s: no timer ticks between these seconds after the beginning.
        worker_ms: how long a worker may run.
        threads: workers are processes of containers with so many threads; 0 for functions.
        goes_s: workers are processes that can be stopped; those at work so many seconds after the beginning are told
            to go down, and give back what they run a little later; 0 for never.
        raises: calls of worker, notifier and dead-letter function may raise what nobody expects.
        counts: processes keep their counts for the metrics.
        newer: some processes run a newer version, whose items and messages have fields that nobody knows here.
        ttl_late_s: so long after its expiry TTL deletes an item; None: there is none.
        settings: more of `Settings`.
        own_queues: queues of the operator's own, by name.
        absent_s: processes that start between these seconds after the beginning know none of them.
    """

    seed: int = 0
    latency_ms: tuple[int, int] = (5, 5)
    lag_ms: int = 20
    lists_lag_ms: int = 300
    skew_ms: int = 0
    shuffle: bool = False
    workers: int = 2
    timers: int = 1
    fans_out: bool = False
    visibility_s: int = 360
    max_receive_count: int = 10
    threads: int = 0
    goes_s: int = 0
    counts: bool = False
    raises: bool = False
    newer: bool = False
    vanishing: int = 0
    punctual: bool = False
    outage_s: tuple[int, int] = (0, 0)
    ttl_late_s: int | None = None
    worker_ms: int = 60_000
    settings: Mapping[str, Any] = field(default_factory=lambda: {"shards": 1})
    own_queues: Mapping[str, OwnQueue] = field(default_factory=dict)
    absent_s: tuple[int, int] = (0, 0)


class World:
    """One run.

    Args:
        nature: what it is like.
        plan: which calls fail, and how.
        traced: keep a readable trace.
    """

    def __init__(self, nature: Nature, plan: Plan, *, traced: bool = False) -> None:
        self.nature = nature
        self.plan = plan
        self.scheduler = Scheduler()
        self.random = random.Random(nature.seed)
        self.receiver = Receiver(self)
        self.monitor = Monitor(self)
        self.store = LaggingStore(
            self.scheduler, {Index.DUE: nature.lag_ms, Index.TENANT: nature.lists_lag_ms}, self.monitor.wrote
        )
        outside = Clock(lambda: self.scheduler.now_ms, self.random.getrandbits, lambda _: None)
        self.queue = ComingQueue(
            self.scheduler,
            outside,
            nature.visibility_s,
            nature.max_receive_count,
            self.random if nature.shuffle else None,
        )
        self.queue.comes = self._poll
        self.listeners: defaultdict[str, Waiters] = defaultdict(Waiters)
        self.blobs = MemoryBlobs()
        self.tasks = Tasks(self)
        self.processes: list[Process] = []
        self.calls: list[Call] = []
        self.trace: list[str] | None = [] if traced else None
        self.working: dict[str, int] = {}
        self._clients = 0
        self._vanishing = nature.vanishing
        self._next_tick_ms = self.scheduler.now_ms
        self._look_again_ms = 0
        self._moment_ms = self.scheduler.now_ms
        self._moment_from = 0

    # --- time ---------------------------------------------------------------------------------------------

    def run(self, horizon_ms: int) -> None:
        """Let the world go until everything is settled, or until a time after its start."""
        with (
            _timer_bounds() if self.nature.fans_out else nullcontext(),
            on_strands(self) if self.nature.threads else nullcontext(),
        ):
            if self.nature.threads:
                ContainerWorkers(self).start()
            self._tick()
            for second in self.nature.absent_s if self.nature.absent_s[1] else ():
                self.scheduler.at(START_MS + second * 1000, self._empty_own_queues)
            until_ms = self.scheduler.now_ms + horizon_ms
            self.scheduler.run(until_ms, lambda: not self._clients and self._settled())
            self.scheduler.shut(self.processes)

    def _settled(self) -> bool:
        if self.scheduler.now_ms < self._look_again_ms:
            return False
        self._look_again_ms = self.scheduler.now_ms + 1000
        return self.plan.over(len(self.calls), self.scheduler.now_ms - START_MS) and self.monitor.settled()

    def say(self, who: str, what: str) -> None:
        """Add a line to the trace."""
        if self.trace is not None:
            self.trace.append(f"{(self.scheduler.now_ms - START_MS) / 1000:10.3f}  {who:14}  {what}")

    # --- calls to the outside -----------------------------------------------------------------------------

    def outside(
        self,
        process: Process,
        name: str,
        kinds: Sequence[Fault],
        effect: Callable[[], T],
        refused: Callable[[], T],
        partly: Callable[[], T] | None = None,
    ) -> T:
        """Make a call: it takes time, and meets its fault."""
        if process.dead:
            raise process.killed()
        # A read answers at once: what it gave is old anyway by the time that the write which follows arrives.
        if kinds is not READ:
            least, most = self.nature.latency_ms
            self.scheduler.sleep(least + int(self.random.random() * (most - least)))
        number = self._count(process, name, kinds)
        offered = (*kinds, Fault.RAISES) if self.calls[number].raises else kinds
        fault = self.plan.fault(number, offered, self.scheduler.now_ms - START_MS)
        if self.trace is not None:
            self.say(process.name, f"#{number} {name}" + ("" if fault is Fault.OK else f"   <-- {fault.value}"))
        if fault is not Fault.OK:
            process.harmed = True
            process.frozen |= fault in (Fault.STALL, Fault.LATE)
            self.monitor.faults.append(fault)
        if fault is Fault.RAISES:
            raise UnexpectedError(name)
        if fault in KILLING:
            raise self._killed(process, fault, effect)
        if fault is Fault.OK and Fault.VANISHED in kinds and self._vanishing > 0:
            self._vanishing -= 1
            fault = Fault.VANISHED
        if fault is Fault.STALL:
            self.scheduler.sleep(STALL_MS)
        if fault is Fault.VANISHED:
            return _acknowledged(effect, self.queue)
        return _met(fault, effect, refused, partly or refused)

    def _count(self, process: Process, name: str, kinds: Sequence[Fault]) -> int:
        """Number a call; a world whose calls never let time pass does not come to an end."""
        number = len(self.calls)
        if self.scheduler.now_ms != self._moment_ms:
            self._moment_ms, self._moment_from = self.scheduler.now_ms, number
        if number - self._moment_from >= CALLS_AT_ONCE:
            raise HangError(f"{process.name} goes on with {name!r}, and no time passes")
        raises = self.nature.raises and process.kind in ISOLATING and kinds is not SETTLING
        self.calls.append(Call(process.name, kinds, self.scheduler.now_ms, raises))
        return number

    def _killed(self, process: Process, fault: Fault, effect: Callable[[], object]) -> KilledError:
        if fault is Fault.KILL_AFTER:
            effect()
        if fault is Fault.LATE:
            self.scheduler.at(self.scheduler.now_ms + LATE_MS, lambda: self._late(process, effect))
        return process.killed()

    def _late(self, process: Process, effect: Callable[[], object]) -> None:
        self.say(process.name, "a late request arrives")
        effect()

    # --- processes ----------------------------------------------------------------------------------------

    def process(self, kind: str, lasts_ms: int, on_end: Callable[[], None] = lambda: None) -> Process:
        """Start an instance of a function; it is killed when its time is over."""
        skew = self.random.randint(-self.nature.skew_ms, self.nature.skew_ms) if self.nature.skew_ms else 0
        process = Process(self.scheduler, kind, len(self.processes), skew, on_end)
        self.processes.append(process)
        system = Clock(process.now_ms, self.random.getrandbits, lambda s: self.scheduler.sleep(round(s * 1000)))
        settings = self._settings()
        pool = StrandPool(process)
        store, queue = WideStore(WiredStore(self, process), pool), WideQueue(WiredQueue(self, process), pool)
        ports = (store, queue, WiredBlobs(self, process), StrandRunner(process), REGISTRY)
        timers = WiredTimers(self, process) if self.nature.fans_out else None
        process.app = build(settings, system, *ports, pool=pool, timers=timers)
        process.tasks = self.tasks
        process.counts = self.nature.counts
        process.ends_ms = self.scheduler.now_ms + lasts_ms
        self.scheduler.at(self.scheduler.now_ms + lasts_ms, lambda: self._time_out(process))
        return process

    def _settings(self) -> Settings:
        """Return the settings of a process that starts now."""
        own = {} if self._owns_nothing() else dict(self.nature.own_queues)
        urls = {queue: f"https://sqs/{queue}" for queue in (*ALL_QUEUES, *own)}
        more = {"visibility_s": self.nature.visibility_s, "own_queues": own, **self.nature.settings}
        return Settings("t", "b", urls, "d", secret=DEPLOYMENT, **more)

    def _empty_own_queues(self) -> None:
        """Take own queues away, with the messages that are in them; or put them back, as new ones."""
        for queue in self.nature.own_queues:
            self.queue.messages[queue] = []

    def _owns_nothing(self) -> bool:
        first, last = self.nature.absent_s
        return first <= (self.scheduler.now_ms - START_MS) / 1000 < last

    def _time_out(self, process: Process) -> None:
        if not process.dead:
            self.say(process.name, "its time is over: killed")
            process.end()

    def _tick(self) -> None:
        first, last = self.nature.outage_s
        stopped = first <= (self.scheduler.now_ms - START_MS) / 1000 < last
        for _ in range(0 if stopped else self.nature.timers):
            self.start_timer({})
        if self.nature.ttl_late_s is not None:
            for job in self.store.expire(self.scheduler.now_ms // 1000 - self.nature.ttl_late_s):
                self.monitor.went(job)
        self._next_tick_ms += TICK_MS
        self.scheduler.at(self._next_tick_ms, self._tick)

    def start_timer(self, event: Mapping[str, Any]) -> None:
        """Let a timer tick, or serve the part that is in the event."""
        process = self.process("timer", TIMER_MS)
        process.run(partial(self._run_timer, process, event))

    def _run_timer(self, process: Process, event: Mapping[str, Any]) -> None:
        try:
            tick: Handler = timer_handler.handler
            ticked: object = tick(event, Remaining(process))
        except UnavailableError as error:
            # Lambda counts an error and the next tick does the work.
            ticked = error
        self.say(process.name, f"ticked: {ticked}")

    def _poll(self, queue: str) -> None:
        """Let Lambda's event source mapping look for messages of a queue, or those who listen to it."""
        if self.nature.threads and queue not in SERVES:
            self.listeners[queue].wake()
            return
        own = self.nature.own_queues.get(queue)
        if own and self._owns_nothing():
            return
        while self.working.get(queue, 0) < self.nature.workers and (batch := self.queue.receive(queue)):
            self.working[queue] = self.working.get(queue, 0) + 1
            kind = SERVES.get(queue, "worker")
            worker_ms = own.timeout_s * 1000 if own else self.nature.worker_ms
            lasts_ms = DEAD_LETTER_MS if kind == "dead_letter" else worker_ms
            process = self.process(kind, lasts_ms, lambda: self._ended(queue))
            self.say(process.name, f"gets {len(batch)} message(s) of {queue}")
            self.monitor.delivered(batch)
            process.run(partial(self._run_batch, process, queue, batch))

    def _ended(self, queue: str) -> None:
        self.working[queue] -= 1
        self._poll(queue)

    def _run_batch(self, process: Process, queue: str, batch: list[ReceivedMessage]) -> None:
        special: Mapping[str, Handler] = {
            "dead_letter": dead_letter_handler.handler,
            NOTIFICATIONS: notifier_handler.handler,
        }
        usual: Handler = worker_handler.handler
        if self.nature.goes_s and queue not in special:
            worked = process.app.work.handle(batch, process.ends_ms, partial(self._drain_at, process))
            self.say(process.name, f"has {dict(worked.counts)}")
            kept = set(worked.unsettled)
        else:
            answer = special.get(queue, usual)({"Records": [_record(item) for item in batch]}, Remaining(process))
            self.say(process.name, f"answers {answer}")
            kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        self.monitor.answered(process, batch, kept)
        receipts = [message.receipt for message in batch if message.id not in kept]
        if receipts:
            self.outside(process, "delete", SETTLING, lambda: self.queue.delete(queue, receipts), lambda: None)

    def _drain_at(self, process: Process) -> int | None:
        """Say when a process of a container gives back what it runs; None for one that came after the others went."""
        goes_ms = START_MS + self.nature.goes_s * 1000
        gone = process.ends_ms - self.nature.worker_ms > goes_ms
        return None if gone or self.scheduler.now_ms < goes_ms else goes_ms + self.nature.goes_s * 500

    # --- clients ------------------------------------------------------------------------------------------

    def client(self, after_s: float, script: Callable[[], None]) -> None:
        """Let a client do something, some seconds after the world's beginning."""
        self._clients += 1
        process = Process(self.scheduler, "client", self._clients, on_end=self._client_left)
        self.processes.append(process)
        self.scheduler.at(START_MS + round(after_s * 1000), lambda: process.run(script))

    def _client_left(self) -> None:
        self._clients -= 1

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        token: str = TOKEN,
        query: Mapping[str, str] | None = None,
        **more: str,
    ) -> Answer | None:
        """Send a request as a client, with a query and more headers if given; None when no reply comes."""
        answers: list[Answer] = []
        strand, nap = current_strand(), current_strand().naps + 1
        process = self.process("api", API_MS, lambda: self.scheduler.wake(strand, nap))
        headers = ({"Idempotency-Key": key} if key else {}) | more

        def serve() -> None:
            api = Api(process.app, WHOEVER)
            answers.append(Client(api, token).send(method, path, body, headers, **(query or {})))

        process.run(serve)
        self.scheduler.sleep(10 * API_MS)
        answer = answers[0] if answers else None
        if answer and answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.monitor.wrong("the API answered with an internal error")
        self.say("client", f"{method} {path} -> {f'{answer.status} {answer.text[:90]}' if answer else 'no reply'}")
        return answer

    def insist(self, method: str, path: str, body: Any = None, key: str | None = None, **more: str) -> Answer:
        """Send a request until there is an answer that is none of ours to repeat."""
        while True:
            answer = self.ask(method, path, body, key, query=None, **more)
            if answer and answer.status < 500:
                return answer
            self.scheduler.sleep(1000)


@contextmanager
def _timer_bounds() -> Iterator[None]:
    """Let a handful of jobs be more than a timer can do."""
    with ExitStack() as stack:
        for name, value in (
            ("whendue.timer.open_scans.SCAN_WINDOW", 2),
            ("whendue.timer.open_scans.WINDOW_GROWTH", 1),
            ("whendue.timer.fan_out.FAN_OUT_AFTER_MS", 0),
            ("whendue.timer.resumptions.RESUME_PAGE", 2),
            ("whendue.timer.resume.RESUMED_AT_ONCE", 1),
        ):
            stack.enter_context(patch(name, value))
        yield


class Remaining:
    """The part of Lambda's context that handlers read."""

    aws_request_id = "sim"

    def __init__(self, process: Process) -> None:
        self._process = process

    def get_remaining_time_in_millis(self) -> int:
        """Say how long the process may go on."""
        return self._process.ends_ms - self._process.scheduler.now_ms


def _met(fault: Fault, effect: Callable[[], T], refused: Callable[[], T], partly: Callable[[], T]) -> T:
    """Return what the caller of a call gets that ends this way."""
    if fault in (Fault.LOST, Fault.TWICE):
        effect()
    if fault is Fault.PARTLY:
        return partly()
    return refused() if fault in (Fault.REFUSED, Fault.LOST) else effect()


def _record(delivery: ReceivedMessage) -> dict[str, Any]:
    return {
        "messageId": delivery.id,
        "receiptHandle": delivery.receipt,
        "body": delivery.body,
        "attributes": {"ApproximateReceiveCount": str(delivery.receive_count)},
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{delivery.queue}",
    }


def _acknowledged(effect: Callable[[], T], queue: ComingQueue) -> T:
    """Carry out a send and lose what it put into the queues."""
    before = {name: list(messages) for name, messages in queue.messages.items()}
    value = effect()
    for name in list(queue.messages):
        queue.messages[name] = before.get(name, [])
    return value
