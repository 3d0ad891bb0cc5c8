"""What released versions leave behind when a newer one takes over: their items and messages, recorded.

Never change a recorded file: tables in the world are full of it. `python -m tests.simulation.recorded` adds one.
`before-0.1.0.json` is from before attributes had the names that they have now: such tables are refused.
"""

import json
from pathlib import Path
from typing import Final

from tests.simulation.world import World
from whendue.engine.ports import Outgoing
from whendue.jobs.model import TERMINAL

FOLDER: Final = Path(__file__).parent


def leave_behind(world: World, version: str) -> None:
    """Put into a fresh world what a version has left."""
    left = json.loads((FOLDER / f"{version}.json").read_text())
    for item in left["items"]:
        world.store.put_back(item)
        job_id = item["pk"].removeprefix("JOB#")
        if item["sk"] == "job" and item["state"] not in TERMINAL:
            world.monitor.inherit(job_id, item, left["expected"][job_id])
    for message in left["messages"]:
        world.queue.send(message["queue"], [Outgoing(message["body"], message["delay_s"])])


def versions() -> list[str]:
    """List the versions that have been recorded."""
    return sorted(path.stem for path in FOLDER.glob("[0-9]*.json"))
