"""examples/task.py: what fits the model runs, what does not is refused."""

from tests.builders.gateway import Client
from tests.builders.world import World

LINES = [{"price": "19.90", "quantity": 2}, {"price": "0.20"}]


def test_an_invoice_is_added_up_and_numbered_by_its_job(client: Client, world: World) -> None:
    """The request in the docstring is this one with one line."""
    job = client.submit("example.invoice", payload={"lines": LINES})
    world.work()
    done = client.send("GET", f"/jobs/{job['id']}").json
    assert (done["state"], done["result"]) == ("succeeded", {"number": f"INV-{job['id'][:8]}", "total": "40.00"})


def test_a_payload_that_does_not_fit_is_refused_at_submit(client: Client) -> None:
    """So a job that was accepted can start."""
    answer = client.send("POST", "/jobs", {"type": "example.invoice", "payload": {"lines": [{"price": "-1"}]}})
    assert (answer.status, answer.code) == (422, "invalid_payload")
