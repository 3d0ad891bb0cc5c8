"""A rolled-out deploy: this version goes on with what an earlier one has left in the table and in the queues."""

from functools import partial
from typing import Final

from tests.simulation.recorded import leave_behind, versions
from tests.simulation.stories.base import Scenario
from tests.simulation.world import Nature

# What was running goes on for a minute.
PATIENT: Final = Nature(worker_ms=300_000)
STORIES: Final = tuple(
    Scenario(f"left behind by {version}", partial(leave_behind, version=version), PATIENT) for version in versions()
)
