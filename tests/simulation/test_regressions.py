"""What the simulator has found: its smallest trace, kept."""

from tests.simulation.explore import play
from tests.simulation.faults import Plan
from tests.simulation.scenarios.base import Scenario, submitting
from tests.simulation.world import Nature
from whendue.engine.ports import WriteStatus
from whendue.jobs.model import Job, Policy, State, from_item, to_item
from whendue.jobs.rescue_policy import decide
from whendue.jobs.transitions import claim
from whendue.table.writes import insert


def test_rescue_leaves_alone_what_another_worker_has_just_taken_over() -> None:
    """Read with an expired lease, claimed by the time of the write; next check moved, needless message sent."""
    from whendue.adapters.memory import MemoryStore

    now_ms = 1_800_000_000_000
    job = Job(
        id="1", tenant="t", type="t", queue="low", profile="p", due_pk="live#low#0", check_at=now_ms - 200_000,
        due_at=now_ms - 80_000, scheduled_at=now_ms - 80_000, created_at=now_ms - 80_000, request_hash="",
        policy=Policy(), state=State.RUNNING, fence="dead", claims=1, lease_until=now_ms - 1,
    )  # fmt: skip
    step = decide(job, now_ms, late=False)
    assert step
    assert step.send
    store = MemoryStore()
    assert store.apply([insert("read", job.key, to_item(job))])[0].done
    assert store.apply([claim(job, "alive", now_ms)])[0].done
    assert store.apply([step])[0].status is WriteStatus.REFUSED


def test_fields_of_a_newer_version_are_left_out() -> None:
    """A deploy that is rolled out has two versions at work on the same items and messages."""
    newer = Scenario("newer", lambda world: world.client(1, submitting(world, "a")), Nature(newer=True, timers=2))
    world = play(newer, Plan())
    assert world.monitor.violations == []
    [item] = [item for key, item in world.store.live() if key.sk == "job"]
    assert item["policy"]["novelty"] == 1
    assert from_item(item).state is State.SUCCEEDED
