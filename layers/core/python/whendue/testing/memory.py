"""The services on memory adapters: what `WhendueApp` is made of, and the tests of whendue itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from whendue.adapters.memory import InlineRunner, MemoryBlobs, MemoryQueue, MemoryStore
from whendue.bootstrap.application import App, build
from whendue.declarations.registry import Registry
from whendue.engine.ports import BatchResult, Isolation, JobQueue, JobStore, Runner
from whendue.settings import ALL_QUEUES, OwnQueue, Settings
from whendue.support.clock import ManualClock
from whendue.support.secret import Secret
from whendue.table.keys import MIGRATION_KEY
from whendue.table.writes import insert
from whendue.timer.tick import Ticked

MINUTE_MS: Final = 60_000


def memory_settings(own_queues: Mapping[str, OwnQueue] = MappingProxyType({})) -> Settings:
    """Return settings of a deployment that nothing outside of this process sees.

    Args:
        own_queues: queues besides those that every deployment has, by name.
    """
    queues = {queue: queue for queue in (*ALL_QUEUES, *own_queues)}
    secret = Secret.read("in-memory-whendue-of-a-single-test-process")
    return Settings("table", "bucket", queues, "dead_letter", visibility_s=360, own_queues=own_queues, secret=secret)


class MemoryWhendue:
    """The services on memory adapters, and a clock that moves when it is set.

    A test may exchange an attribute and make the application anew by `build`.

    Args:
        settings: of the deployment.
        registry: the tasks that workers run.
        clock: what all services read.
        table: where jobs are stored; None for a new one.
        max_receive_count: receives after which a message goes to the dead-letter queue.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: ManualClock,
        *,
        table: MemoryStore | None = None,
        max_receive_count: int = 10,
    ) -> None:
        """Put the services together."""
        self.settings = settings
        self.registry = registry
        self.clock = clock
        self.system = clock.as_clock()
        self.table = table or MemoryStore()
        # As a deploy leaves it.
        self.table.apply([insert("mark", MIGRATION_KEY, {"finished": True})])
        self.queues = MemoryQueue(self.system, max_receive_count=max_receive_count)
        self.blobs = MemoryBlobs()
        self.runner: Runner = InlineRunner()
        self.app = self.build()

    def build(
        self, store: JobStore | None = None, queue: JobQueue | None = None, isolation: Isolation | None = None
    ) -> App:
        """Make the application, on other ports if given."""
        ports = (store or self.table, queue or self.queues, self.blobs, self.runner, self.registry)
        return build(self.settings, self.system, *ports, isolation=isolation)

    def work(self, app: App | None = None, *, queue: str | None = None) -> list[BatchResult]:
        """Let workers empty the queues, or one of them, of what is visible now."""
        worked = []
        for name in [queue] if queue else self.settings.all_queues:
            while messages := self.queues.receive(name):
                deadline_ms = self.clock.now_ms() + MINUTE_MS
                worked.append((app or self.app).work.handle(messages, deadline_ms))
                settled = [message.receipt for message in messages if message.id not in worked[-1].unsettled]
                self.queues.delete(name, settled)
        return worked

    def tick(self, app: App | None = None) -> Ticked:
        """Let the timer tick once."""
        return (app or self.app).tick.run(self.clock.now_ms() + MINUTE_MS)
