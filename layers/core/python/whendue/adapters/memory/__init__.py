"""Every port in memory, for users' own tests and for simulation: same answers as AWS, no network, injected time."""

from whendue.adapters.memory.blobs import MemoryBlobs
from whendue.adapters.memory.queue import MemoryQueue
from whendue.adapters.memory.runner import InlineRunner
from whendue.adapters.memory.store import MemoryStore

__all__ = ["InlineRunner", "MemoryBlobs", "MemoryQueue", "MemoryStore"]
