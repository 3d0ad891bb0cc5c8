"""The runtime of a process: the ports and settings that its services use."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whendue.bulkhead import Bulkhead
from whendue.declarations.registry import Registry
from whendue.engine.payload_store import PayloadStore
from whendue.engine.pool import InlinePool
from whendue.engine.ports import Cursors, Isolation, JobQueue, JobStore, Pool, Runner, TimerInvoker, WriteResult
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition
from whendue.settings import Settings
from whendue.support.clock import Clock
from whendue.table.ids import Ids
from whendue.tracing.spans import Tracing


class TransitionObserver(Protocol):
    """Records metrics of transitions and of ticks; never raises."""

    def note(self, done: Iterable[tuple[Transition, WriteResult]]) -> None:
        """Count the transitions whose writes hold."""

    def answered(self, answer: str) -> None:
        """Count a submit that met the holder of its unique key, by what became of it."""

    def tick(self, *, planned: int, promoted: int, rescued: Mapping[str, int]) -> None:
        """Count a tick of the timer: schedules planned, messages promoted, jobs rescued by what was done."""


class NotificationSink(Protocol):
    """Decides which transitions have subscribers, and creates their deliveries."""

    def wants(self, step: Transition) -> bool:
        """Return whether any subscription matches a transition's event; True if that is unknown."""

    def deliveries_for(self, jobs: Sequence[Job]) -> list[Transition]:
        """Return the deliveries to create for jobs whose fan-out is pending.

        Raises:
            UnavailableError: the subscriptions are unknown.
        """


class NullNotificationSink:
    """A notification sink without subscriptions: it creates no deliveries."""

    def wants(self, step: Transition) -> bool:  # noqa: ARG002
        """Return False."""
        return False

    def deliveries_for(self, jobs: Sequence[Job]) -> list[Transition]:  # noqa: ARG002
        """Return no deliveries."""
        return []


@dataclass(frozen=True, slots=True)
class Runtime:
    """The ports and settings that every service is given.

    Without `isolation`, jobs suspected of killing their worker run in this process, one at a time. `dead_tenants` is
    what this process remembers of tenants whose dead jobs operators can find.
    """

    store: JobStore
    queue: JobQueue
    payloads: PayloadStore
    runner: Runner
    registry: Registry
    clock: Clock
    settings: Settings
    ids: Ids
    cursors: Cursors
    metrics: TransitionObserver
    notifications: NotificationSink = field(default_factory=NullNotificationSink)
    tracing: Tracing = field(default_factory=Tracing)
    bulkhead: Bulkhead = field(default_factory=Bulkhead)
    isolation: Isolation | None = None
    pool: Pool = field(default_factory=InlinePool)
    timers: TimerInvoker | None = None
    dead_tenants: set[str] = field(default_factory=set)
