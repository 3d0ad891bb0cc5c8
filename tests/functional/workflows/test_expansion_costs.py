"""What a node of a workflow costs, by DynamoDB's rules: write units depend on no machine."""

from collections import Counter

from tests.builders.metered import write_units
from tests.builders.world import TENANT, World
from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import WriteResult
from whendue.jobs.model import State
from whendue.submission.request import JobRequest
from whendue.table.writes import Write
from whendue.workflows.graph import Draft, Wanted, make, to_value

CHAIN = 20


class MeteredStore(MemoryStore):
    """Counts the write units of each kind of write."""

    def __init__(self) -> None:
        super().__init__()
        self.units: Counter[str] = Counter()

    def _apply(self, write: Write) -> WriteResult:
        before = self._items.get(write.key)
        outcome = super()._apply(write)
        self.units[write.name] += write_units(before, self._items.get(write.key)) if outcome.done else 0
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
        "submit": 3 * (CHAIN + 1),
        "claim": CHAIN + 2,
        "dependencies": links,
        "dependent": links,
        "satisfy": links,
    }
    # One unit for the item, two where the next check moves, one where it goes. The workflow's own job is released, too.
    assert spent["finish_fan_out"] == 2 * CHAIN
    # The end of the workflow's own job has no fan-out: its entry goes at once.
    assert spent["succeed"] == 3 * CHAIN + 2
    assert spent["release"] == 3 * (links + 1)
    assert 15 * CHAIN <= spent.total() <= 15 * CHAIN + 20
