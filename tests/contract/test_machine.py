"""The fake is honest: whatever is done, in whatever order, memory answers as a real table does and ends up the same.

The simulator stands on the memory adapter; this is what stands behind it.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.builders.backends import Aws
from tests.builders.samples import LIVE, NOW, TIMING, a_job, key_of
from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import DueEntry, JobStore, WriteResult, WriteStatus
from whendue.jobs import transitions
from whendue.jobs.model import Job
from whendue.table.writes import REMOVE, Below, Has, In, Is, Lacks, Less, Plus, Write, delete, insert

pytestmark = pytest.mark.thorough

NAMES = ["a", "b", "c", "d"]
KEYS = [key_of(name) for name in NAMES]
names = st.sampled_from(NAMES)
texts = st.sampled_from(["pending", "running", "grün", ""])
numbers = st.integers(-3, 6)
sets = st.frozensets(st.integers(0, 3), min_size=1)
PARTITIONS = [LIVE, "dead#acme#0"]

inserts = st.builds(
    lambda name, state, n, partition, check, unmet_dependencies: insert(
        "insert",
        key_of(name),
        {
            "state": state,
            "n": n,
            "due_pk": partition,
            "check_at": check,
            "due_at": check + 7,
            "unmet_dependencies": unmet_dependencies,
        },
    ),
    names,
    texts,
    numbers,
    st.sampled_from(PARTITIONS),
    st.integers(1, 9),
    sets,
)
conditions = st.one_of(
    st.builds(Is, st.just("state"), texts),
    st.builds(Is, st.just("n"), numbers),
    st.builds(In, st.just("state"), st.lists(texts, min_size=1, max_size=2, unique=True).map(tuple)),
    st.builds(Below, st.just("n"), numbers),
    st.builds(Is, st.just("missing"), numbers),
    st.builds(Is, st.just("unmet_dependencies"), sets),
    st.builds(Has, st.sampled_from(["note", "unmet_dependencies"])),
    st.builds(Lacks, st.sampled_from(["note", "unmet_dependencies"])),
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "state": texts,
        "n": st.builds(Plus, numbers),
        "m": numbers,
        "note": st.sampled_from([REMOVE, "x"]),
        "due_pk": st.sampled_from(PARTITIONS),
        "check_at": st.integers(1, 9),
    },
).filter(bool)
deletes = st.builds(
    lambda name, expected: delete("delete", key_of(name), *expected), names, st.lists(conditions, max_size=2)
)
updates = st.builds(
    lambda name, expected, change: Write("update", key_of(name), expected, change),
    names,
    st.lists(conditions, max_size=3),
    changes,
)
arrivals = st.builds(
    lambda name, members: Write(
        "satisfy", key_of(name), [Has("unmet_dependencies")], {"unmet_dependencies": Less(members)}
    ),
    names,
    sets,
)
batches = st.lists(inserts | updates | deletes | arrivals, min_size=1, max_size=4, unique_by=lambda write: write.key)


def shown(outcome: WriteResult) -> tuple[WriteStatus, Any]:
    return outcome.status, dict(outcome.current) if outcome.current else None


def race(runners: int, store: JobStore, job: Job) -> None:
    """Claim a job many times at the same moment: one wins, and the others see the winner."""
    start = threading.Barrier(runners)

    def take(number: int) -> WriteResult:
        start.wait()
        return store.apply([transitions.claim(job, f"fence-{number}", NOW)])[0]

    with ThreadPoolExecutor(runners) as pool:
        results = list(pool.map(take, range(runners)))
    [winner] = [number for number, end in enumerate(results) if end.done]
    assert {end.current["fence"] for end in results if end.current} <= {f"fence-{winner}"}
    [item] = store.get([job.key])
    assert item
    assert (item["fence"], item["claims"], item["state"]) == (f"fence-{winner}", 1, "running")


def pages(store: JobStore, partition: str, **options: Any) -> list[list[DueEntry]]:
    """Walk a partition of the due index to its end."""
    seen: list[list[DueEntry]] = []
    while page := store.query_due(partition, after=seen[-1][-1] if seen else None, **options):
        seen.append(page)
    return seen


class Tables(RuleBasedStateMachine):
    """Drives memory and another table side by side; each run has items of its own."""

    real: JobStore
    runs = count()

    @initialize()
    def begin(self) -> None:
        """Start with an empty memory, and names that nobody has used."""
        self.run = next(self.runs)
        self.memory = MemoryStore()
        self.claims = 0

    def own(self, write: Write) -> Write:
        """Return a write of this run's items."""
        change = dict(write.changes)
        if "due_pk" in change:
            change["due_pk"] = f"{self.run}-{change['due_pk']}"
        return replace(write, key=key_of(f"{self.run}-{write.key.pk}"), changes=change)

    @rule(batch=batches)
    def write(self, batch: list[Write]) -> None:
        """Conditional writes, one or several at a time."""
        mine = [self.own(write) for write in batch]
        assert [shown(end) for end in self.real.apply(mine)] == [shown(end) for end in self.memory.apply(mine)]

    @rule(runners=st.integers(2, 6))
    def claim(self, runners: int) -> None:
        """Claims at the same moment, on both."""
        self.claims += 1
        job = a_job(f"{self.run}-{self.claims}")
        for store in (self.real, self.memory):
            assert store.apply([transitions.submit(job, TIMING)])[0].done
            race(runners, store, job)

    @rule(partition=st.sampled_from(PARTITIONS), until=st.integers(0, 10), limit=st.integers(1, 5), back=st.booleans())
    def walk(self, partition: str, until: int, limit: int, back: bool) -> None:
        """The due index, page by page."""
        options: dict[str, Any] = {"until_ms": until, "limit": limit, "newest_first": back}
        mine = f"{self.run}-{partition}"
        assert pages(self.real, mine, **options) == pages(self.memory, mine, **options)

    @invariant()
    def tables_are_equal(self) -> None:
        """Every item, whole."""
        if hasattr(self, "run"):
            keys = [key_of(f"{self.run}-{key.pk}") for key in KEYS]
            assert self.real.get(keys) == self.memory.get(keys)


def test_memory_answers_as_the_table_does(aws_tables: Aws) -> None:
    """A difference would make the simulator prove something about another world."""
    run_state_machine_as_test(
        type("Machine", (Tables,), {"real": aws_tables.store()}),
        settings=settings(
            max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
