"""examples/async_task.py: calls side by side, a result of a Decimal and a time, and a backoff of its own."""

from datetime import UTC, datetime

from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.jobs.model import State
from whendue.table.keys import job_key


def test_quotes_are_asked_for_and_kept_without_loss(client: Client, world: World) -> None:
    """The request in the docstring."""
    job = client.submit("example.quotes", payload={"shops": ["north", "east"]})
    world.work()
    done = client.send("GET", f"/jobs/{job['id']}").json
    assert (done["state"], done["result"]["prices"]) == ("succeeded", {"north": "5.00", "east": "4.00"})
    assert datetime.fromisoformat(done["result"]["asked_at"]).tzinfo is UTC


def test_a_failed_attempt_is_tried_again_after_the_delay_that_the_task_asks_for(client: Client, world: World) -> None:
    """Five seconds, then a minute."""
    job = client.submit("example.quotes", payload={"shops": ["north", "closed"]})
    dues = []
    for _ in range(2):
        world.work()
        failed = world.app.runtime.store.get([job_key(job["id"])])[0]
        assert failed is not None
        assert failed["state"] == State.PENDING
        dues.append((failed["due_at"] - world.clock.now_ms()) / 1000)
        world.clock.advance(dues[-1])
    assert dues == [5, 60]
