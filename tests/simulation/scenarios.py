"""Every named scenario, by its name."""

from itertools import chain
from typing import Final

from tests.simulation.stories import (
    broken,
    counting,
    dependencies,
    deploys,
    isolation,
    jobs,
    limits,
    notifications,
    pauses,
    profiles,
    schedules,
)

FAMILIES: Final = (
    jobs.STORIES,
    deploys.STORIES,
    profiles.STORIES,
    pauses.STORIES,
    limits.STORIES,
    schedules.STORIES,
    dependencies.STORIES,
    notifications.STORIES,
    counting.STORIES,
    isolation.STORIES,
    broken.STORIES,
)
SCENARIOS: Final = {scenario.name: scenario for scenario in chain(*FAMILIES)}
