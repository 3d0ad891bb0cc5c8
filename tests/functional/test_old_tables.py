"""A table from before attributes had their names is refused, clearly: nothing in it is misread or written over."""

import json

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.simulation.recorded import FOLDER
from whendue.errors import OldTableError
from whendue.jobs.model import from_item

ITEMS = json.loads((FOLDER / "before-0.1.0.json").read_text())["items"]
JOBS = [item for item in ITEMS if item["sk"] == "job"]


@pytest.mark.parametrize("item", JOBS, ids=lambda item: item["state"])
def test_a_job_of_an_old_table_is_refused(item: dict[str, object]) -> None:
    """Whatever state it is in."""
    with pytest.raises(OldTableError):
        from_item(item)


def test_a_reader_of_an_old_job_sees_why() -> None:
    """503 with a code of its own: it is no fault of the request."""
    world = World()
    item = JOBS[0]
    world.table.rows[item["pk"], item["sk"]] = item  # type: ignore[index]
    answer = Client(api_of(world), a_token()).send("GET", f"/jobs/{item['pk'].removeprefix('JOB#')}")
    assert (answer.status, answer.json["code"]) == (503, "old_table")
