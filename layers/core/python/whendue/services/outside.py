"""What services use of the outside: the ports of a process, put together once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whendue.bulkhead import Bulkhead
from whendue.domain.ids import Ids
from whendue.domain.job import Job
from whendue.domain.step import Transition
from whendue.effects import Effects
from whendue.ports import Cursors, Isolation, JobQueue, JobStore, Runner
from whendue.registry import Registry
from whendue.services.documents import Documents
from whendue.services.tally import Tally
from whendue.settings import Settings
from whendue.tracing import Tracing


class Newsroom(Protocol):
    """Knows what is to be notified."""

    def wants(self, step: Transition) -> bool:
        """Say whether anybody wants to hear of what a transition ends; True where nobody knows."""

    def told(self, jobs: Sequence[Job]) -> list[Transition]:
        """Give the deliveries to create for the news that jobs owe.

        Raises:
            UnavailableError: nobody knows to whom.
        """


class Silence:
    """A newsroom to which nobody has subscribed."""

    def wants(self, step: Transition) -> bool:  # noqa: ARG002
        """Want nothing."""
        return False

    def told(self, jobs: Sequence[Job]) -> list[Transition]:  # noqa: ARG002
        """Tell nobody."""
        return []


@dataclass(frozen=True, slots=True)
class Ports:
    """What every service is given; each uses what it needs. Without `isolation` suspects run here, one at a time."""

    store: JobStore
    queue: JobQueue
    documents: Documents
    runner: Runner
    registry: Registry
    effects: Effects
    settings: Settings
    ids: Ids
    cursors: Cursors
    news: Newsroom = field(default_factory=Silence)
    tally: Tally = field(default_factory=Tally)
    tracing: Tracing = field(default_factory=Tracing)
    bulkhead: Bulkhead = field(default_factory=Bulkhead)
    isolation: Isolation | None = None
