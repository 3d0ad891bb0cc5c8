"""What services use of the outside: the ports of a process, put together once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whendue.bulkhead import Bulkhead
from whendue.declarations.registry import Registry
from whendue.engine.payload_store import PayloadStore
from whendue.engine.ports import Cursors, Isolation, JobQueue, JobStore, Runner, WriteResult
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition
from whendue.settings import Settings
from whendue.support.clock import Clock
from whendue.table.ids import Ids
from whendue.tracing.spans import Tracing


class TransitionObserver(Protocol):
    """Counts what happens; never raises."""

    def note(self, done: Iterable[tuple[Transition, WriteResult]]) -> None:
        """Count the transitions that hold."""

    def tick(self, *, planned: int, promoted: int, rescued: Mapping[str, int]) -> None:
        """Count a tick of the timer, and what it did."""


class NotificationSink(Protocol):
    """Knows what is to be notified."""

    def wants(self, step: Transition) -> bool:
        """Say whether any subscription wants what a transition ends; True where that is unknown."""

    def deliveries_for(self, jobs: Sequence[Job]) -> list[Transition]:
        """Return the deliveries to create for jobs whose fan-out is pending.

        Raises:
            UnavailableError: the subscriptions are unknown.
        """


class NullNotificationSink:
    """A sink without subscriptions."""

    def wants(self, step: Transition) -> bool:  # noqa: ARG002
        """Want nothing."""
        return False

    def deliveries_for(self, jobs: Sequence[Job]) -> list[Transition]:  # noqa: ARG002
        """Return no deliveries."""
        return []


@dataclass(frozen=True, slots=True)
class Runtime:
    """What every service is given; each uses what it needs. Without `isolation` suspects run here, one at a time."""

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
