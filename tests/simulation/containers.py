"""Workers in containers: the shipped `Worker` with all its threads, as strands of long-lived processes.

What it has beyond the batches of a function is simulated with it: prefetched messages, claims and records in groups,
messages deleted behind the work, leases kept by one loop for all.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.simulation import strand_threading
from tests.simulation.scheduler import FOREVER_S, START_MS, Process, current_strand
from whendue.containers.health import Liveness
from whendue.containers.worker import Options, Worker
from whendue.metrics_export import export
from whendue.settings import QUEUES

if TYPE_CHECKING:
    from tests.simulation.world import World

# Longer than any world.
LASTS_MS = 100_000_000
RESTART_MS = 2000
# A receiver that listens goes when its poll has ended.
WAIT_S = 5
GRACE_S = 10
SILENT_S = 60
# What a thread of a worker may meet when table or queue do not answer.
EXPECTED = {"UnavailableError", "UnexpectedError"}


class ContainerWorkers:
    """Keeps a number of worker processes going, as Kubernetes does.

    Args:
        world: where.
    """

    def __init__(self, world: "World") -> None:
        self._world = world

    def start(self) -> None:
        """Start all of them."""
        for _ in range(self._world.nature.workers):
            self._start()

    def _start(self) -> None:
        process = self._world.process("worker", LASTS_MS, self._start_again)
        process.run(partial(self._run, process))

    def _start_again(self) -> None:
        self._world.scheduler.at(self._world.scheduler.now_ms + RESTART_MS, self._start)

    def _run(self, process: Process) -> None:
        options = Options(QUEUES, self._world.nature.threads, WAIT_S, GRACE_S)
        worker = Worker(process.app, options, Liveness(process.now_ms, SILENT_S))
        worker.start()
        self._wait_for_the_end()
        worker.drain()
        # A process that was frozen is killed after its grace.
        if not worker.join() and not process.harmed:
            self._world.monitor.wrong(f"{process.name} did not end within its grace")

    def _wait_for_the_end(self) -> None:
        scheduler, goes_s = self._world.scheduler, self._world.nature.goes_s
        goes_ms = START_MS + 1000 * goes_s - scheduler.now_ms
        if goes_s and goes_ms > 0:
            scheduler.sleep(goes_ms)
        else:
            while True:
                scheduler.sleep(1000 * FOREVER_S)


@contextmanager
def on_strands(world: "World") -> Iterator[None]:
    """Let the threads of workers be strands, and their log be the world's trace."""

    def log(level: str, what: str, facts: dict[str, Any]) -> None:
        # What is exported has the real time.
        shown = {name: facts[name] for name in ("outcomes", "unsettled", "error_type", "where") if name in facts}
        world.say(current_strand().process.name, f"{what} {shown}")
        if level == "ERROR" and facts["error_type"] not in EXPECTED:
            world.monitor.wrong(f"{what}: {facts}")

    def counted(app: Any, gauges: Any = None, *, every_ms: int = 0) -> dict[str, Any]:
        return export(app, gauges, every_ms=every_ms) if current_strand().process.counts else {}

    stand_ins = {
        **{
            f"{module}.threading": strand_threading
            for module in ("worker", "prefetch", "settler", "job_threads", "loop")
        },
        **{f"{module}.SimpleQueue": strand_threading.SimpleQueue for module in ("job_threads", "suspect_runner")},
        "job_threads.interrupt": strand_threading.interrupt,
        "settler.export": counted,
        "log._line": log,
    }
    with ExitStack() as stack:
        for name, stand_in in stand_ins.items():
            stack.enter_context(patch(f"whendue.containers.{name}", stand_in))
        yield
