"""A whendue in memory, put together as a deployment: what accepts jobs knows descriptions, workers import the tasks.

So a submit answers what the API of a deployment answers: it checks payloads by JSON Schema (docs/guide/tasks.md).
"""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from whendue.bootstrap.application import App
from whendue.declarations.definitions import ChannelDefinition, TaskDefinition
from whendue.declarations.described import DescribedTask
from whendue.declarations.discovery import ModuleFailure
from whendue.declarations.registry import DELIVERIES, KnownTask, Registry
from whendue.engine.ports import BatchResult
from whendue.errors import ConfigurationError, UnknownTaskError
from whendue.manifest.described_tasks import accepting
from whendue.settings import Settings
from whendue.support.clock import ManualClock
from whendue.testing.memory import MemoryWhendue
from whendue.testing.recording import RecordingRegistry
from whendue.testing.runs import Runs
from whendue.testing.simulated_time import ChangeCountingStore
from whendue.testing.task_logs import captured
from whendue.timer.tick import Ticked

if TYPE_CHECKING:
    from whendue.pauses.service import PauseService
    from whendue.profiles.lookup import ProfileLookup


class DescribedRegistry(Registry):
    """The tasks of another registry as a manifest of it describes them; shipped tasks and channels are imported.

    A task is described when it is first asked for, so that one that is declared or replaced later is known, too.

    Args:
        source: the tasks that workers run.
    """

    def __init__(self, source: RecordingRegistry) -> None:
        """Describe no task yet."""
        super().__init__()
        self._source = source
        # Name -> what was described, and its description.
        self._made: dict[str, tuple[TaskDefinition, DescribedTask]] = {}

    def find(self, name: str) -> KnownTask:
        """Find a task to accept jobs of it.

        Raises:
            ConfigurationError: the library that checks payloads is not installed; the message has the extra.
            UnknownTaskError: as `get`.
        """
        declared = self._source.declared(name)
        return self.get(name) if declared.is_shipped or declared.channel else self._describe(declared)

    def description(self, name: str) -> DescribedTask | None:
        """Return how a manifest describes a task; None if none has this name, and for those of deliveries."""
        try:
            return None if name.startswith(DELIVERIES) else self._describe(self._source.declared(name))
        except UnknownTaskError:
            return None

    def _describe(self, declared: TaskDefinition) -> DescribedTask:
        known = self._made.get(declared.name)
        if known is None or known[0] is not declared:
            try:
                known = declared, accepting(declared)
            except ModuleNotFoundError as error:
                raise ConfigurationError(f"whendue.testing needs {error.name}: install whendue[dev]") from None
            self._made[declared.name] = known
        return known[1]

    def get(self, name: str) -> TaskDefinition:
        """Find a task, as the source does."""
        return self._source.get(name)

    def names_of(self, function: object) -> list[str]:
        """List the names that a function is declared by."""
        return self._source.names_of(function)

    def all_names(self) -> list[str]:
        """List the names of all tasks, sorted."""
        return self._source.all_names()

    def may_have(self, name: str) -> bool:
        """Return whether there is such a task, or would be if its module could be imported."""
        return self._source.may_have(name)

    def channel(self, name: str) -> ChannelDefinition:
        """Find a channel, as the source does."""
        return self._source.channel(name)

    @property
    def failures(self) -> list[ModuleFailure]:
        """The modules that could not be imported, by name."""
        return self._source.failures

    @property
    def unavailable(self) -> dict[str, str]:
        """The tasks that cannot be had, each with the reason."""
        return self._source.unavailable


class DescribedApp(App):
    """The services of the API and the timer, beside those of the workers in the same process.

    Args:
        workers: the services of the workers.
        registry: what the API and the timer know of the tasks.
    """

    def __init__(self, workers: App, registry: Registry) -> None:
        """Use the ports of the workers."""
        super().__init__(replace(workers.runtime, registry=registry), workers.notifications, workers.metrics)
        self._workers = workers

    # A process of its own would remember these for seconds after a change; a test sees each change at once.

    @cached_property
    def profiles(self) -> "ProfileLookup":
        """Find profiles, as the workers do."""
        return self._workers.profiles

    @cached_property
    def pauses(self) -> "PauseService":
        """Begin, end and show pauses, as the workers do."""
        return self._workers.pauses


class MemoryDeployment(MemoryWhendue):
    """A whendue in memory whose `api` accepts jobs by descriptions, as its timer does, and whose workers run the tasks.

    Workers note what they run, and leave the `logging` of the test as it is.

    Args:
        settings: of the deployment.
        registry: the tasks that workers run.
        clock: what all services read.
        runs: where workers note what they run.
        table: where jobs are stored; None for a new one.
    """

    def __init__(
        self,
        settings: Settings,
        registry: RecordingRegistry,
        clock: ManualClock,
        runs: Runs,
        table: ChangeCountingStore | None = None,
    ) -> None:
        """Put the services together."""
        super().__init__(settings, registry, clock, table=table)
        self.api: App = DescribedApp(self.app, DescribedRegistry(registry))
        self._runs = runs

    def work(self, app: App | None = None, *, queue: str | None = None) -> list[BatchResult]:
        """Let workers empty the queues, or one of them, of what is visible now; raise what was meant for the test."""
        with captured(self.settings.task_log_level):
            worked = super().work(app, queue=queue)
        self._runs.raise_interrupt()
        return worked

    def tick(self, app: App | None = None) -> Ticked:
        """Let the timer tick once."""
        return super().tick(app or self.api)
