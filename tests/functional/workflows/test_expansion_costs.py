"""What a node of a workflow costs, by DynamoDB's rules: write units depend on no machine."""

import math
from collections import Counter
from typing import Any

from tests.builders.world import TENANT, World
from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import WriteResult
from whendue.jobs.model import State, item_bytes
from whendue.quotas import WRITE_UNIT_BYTES
from whendue.submission.request import JobRequest
from whendue.table.writes import Write
from whendue.workflows.graph import Draft, Wanted, make, to_value

CHAIN = 20


def units(before: Any, after: Any) -> int:
    """Count the write units of a write, its index's included.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
    """
    size = max(item_bytes(item) for item in (before, after) if item)
    places = [item and (item.get("due_pk"), item.get("check_at"), item.get("due_at")) for item in (before, after)]
    indexed = [entry is not None and entry[0] is not None for entry in places]
    return math.ceil(size / WRITE_UNIT_BYTES) + (sum(indexed) if places[0] != places[1] else 0)


class MeteredStore(MemoryStore):
    """Counts the write units of each kind of write."""

    def __init__(self) -> None:
        super().__init__()
        self.units: Counter[str] = Counter()

    def _apply(self, write: Write) -> WriteResult:
        before = self._items.get(write.key)
        outcome = super()._apply(write)
        self.units[write.name] += units(before, self._items.get(write.key)) if outcome.done else 0
        return outcome


def test_a_node_of_a_chain_costs_fifteen_write_units() -> None:
    """Nothing in a chain shares a write. The numbers are those of docs/guide/workflows.md."""
    world = World()
    world.table = MeteredStore()
    world.app = world.build()
    nodes = [Draft(f"n{n}", f"n{n}", JobRequest("ok", {}), (Wanted(f"n{n - 1}"),) if n else ()) for n in range(CHAIN)]
    flow = world.app.submit.one(TENANT, JobRequest("workflow", to_value(make(nodes)))).job
    world.work()
    assert world.job(flow).state is State.SUCCEEDED
    spent, links = world.table.units, CHAIN - 1
    assert {name: spent[name] for name in ("submit", "claim", "dependencies", "dependent", "satisfy")} == {
        "submit": 2 * (CHAIN + 1),
        "claim": CHAIN + 2,
        "dependencies": links,
        "dependent": links,
        "satisfy": links,
    }
    # Each moves the alarm: one unit for the item, two for the index. The workflow's own job is released, too.
    assert spent["finish_fan_out"] == 3 * CHAIN
    assert spent["succeed"] == 3 * (CHAIN + 1)
    assert spent["release"] == 3 * (links + 1)
    assert 15 * CHAIN <= spent.total() <= 15 * CHAIN + 20
