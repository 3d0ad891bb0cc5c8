"""Jobs under a limit, and what the table holds of it."""

from collections import Counter
from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError
from tests.builders.world import MINUTE_MS, World
from whendue.adapters.memory import MemoryStore
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, State
from whendue.limits.slot_model import Slot
from whendue.limits.slots import Slots

ONE = Limit(concurrency=1, key="k")


class Metered(MemoryStore):
    """Counts calls, and writes by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()

    def apply(self, writes: Any) -> Any:
        self.calls["apply"] += 1
        self.writes.update(write.name for write in writes)
        return super().apply(writes)

    def get(self, keys: Any, *, consistent: bool = True) -> Any:
        self.calls["get"] += 1
        return super().get(keys)

    def query_range(self, pk: str, **options: Any) -> Any:
        self.calls["query_range"] += 1
        return super().query_range(pk, **options)


def items(world: World, kind: str) -> dict[str, Any]:
    table = world.table.items()
    return {key.sk: item for key, item in table.items() if key.pk.startswith("LIMIT#") and key.sk.startswith(kind)}


def some(world: World, count: int, limit: Limit, **wanted: Any) -> list[Job]:
    """Submit jobs, a millisecond apart."""
    jobs = []
    for _ in range(count):
        jobs.append(world.submit(limit=limit, **wanted))
        world.clock.advance(0.001)
    return jobs


def held_by_the_dead(world: World, limit: Limit = ONE, **policy: Any) -> Job:
    """Leave a job behind that was claimed in its slot by a worker that died at once."""
    job = world.submit(limit=limit, policy=policy)
    # Ask for pauses, read the job, read the key, take the slot, claim: the fifth call is the last one.
    app = world.build(store=Counted(world.table, [], 4, after=True))
    with pytest.raises(KilledError):
        app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + MINUTE_MS)
    assert world.job(job).state is State.RUNNING
    return job


def freed(world: World) -> None:
    """Let the job that holds a key's only slot end, as the slot sees it."""
    [slot] = [Slot(key, item["fence"]) for key, item in world.table.items().items() if key.sk == "slot#000"]
    Slots(world.app.runtime).serve(slot.key.pk, 1, world.clock.now_ms(), giving=[slot])
