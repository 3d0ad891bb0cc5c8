"""docs/guide/queues.md: what its examples set and send does what the page says."""

import json
import re
from functools import partial
from typing import Any, Final

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.docs.pages import example_of, text_of
from whendue.project.settings import parse
from whendue.project.variables import variables
from whendue.quotas import OWN_QUEUES
from whendue.settings import OWN_QUEUE_BOUNDS, OwnQueue, read_own_queues

PAGE: Final = "docs/guide/queues.md"
example = partial(example_of, PAGE)


def owned() -> dict[str, OwnQueue]:
    """Return the queue of the page's whendue.toml, as its deploy hands it to the functions."""
    return read_own_queues(json.dumps(variables(parse(example("settings").encode()))["own_queues"]))


def a_client(world: World) -> Client:
    world.task("demo.greet", lambda payload, ctx: None)
    return Client(api_of(world), a_token())


def test_the_example_runs_in_the_queue_of_the_example() -> None:
    """For as long as it asks."""
    world = World(own_queues=owned())
    client = a_client(world)
    job = client.send("POST", "/jobs", json.loads(example("submit"))).json
    assert (job["queue"], job["effective"]["timeoutSeconds"]["value"]) == ("reports", 590)
    world.work(queue="reports")
    assert client.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"


def test_a_job_that_asks_for_too_much_gets_the_answer_of_the_page() -> None:
    """One second more than the worker of the queue has."""
    wanted = json.loads(example("submit")) | {"timeoutSeconds": 601}
    answer = a_client(World(own_queues=owned())).send("POST", "/jobs", wanted)
    shown: dict[str, Any] = json.loads(example("refused"))
    assert {name: answer.json[name] for name in shown} == shown


def test_the_table_has_the_properties_with_their_defaults_and_the_number_of_queues() -> None:
    """As `OwnQueue` has them."""
    text = text_of(PAGE)
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*?) \|$", text, re.MULTILINE))
    assert {*OWN_QUEUE_BOUNDS, "draining"} <= rows.keys()
    defaults = OwnQueue(60)
    for name in ("memory_mb", "batch_size", "maximum_concurrency", "weight"):
        assert rows[name].startswith(str(getattr(defaults, name))), name
    assert f"There may be {OWN_QUEUES}:" in text
