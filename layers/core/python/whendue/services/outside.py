"""What services use of the outside: the ports of a process, put together once."""

from dataclasses import dataclass

from whendue.effects import Effects
from whendue.ports import JobQueue, JobStore, Runner
from whendue.registry import Registry
from whendue.services.documents import Documents
from whendue.settings import Settings


@dataclass(frozen=True, slots=True)
class Ports:
    """What every service is given; each uses what it needs."""

    store: JobStore
    queue: JobQueue
    documents: Documents
    runner: Runner
    registry: Registry
    effects: Effects
    settings: Settings
