"""Every named scenario, by its name."""

from itertools import chain
from typing import Final

from tests.simulation.scenarios import (
    broken,
    bulk,
    containers,
    counting,
    created,
    dependencies,
    deploys,
    expiry,
    isolation,
    jobs,
    limits,
    notifications,
    own_queues,
    pauses,
    profiles,
    schedules,
    searching,
    timers,
    unique,
)

FAMILIES: Final = (
    jobs.SCENARIOS,
    deploys.SCENARIOS,
    profiles.SCENARIOS,
    pauses.SCENARIOS,
    limits.SCENARIOS,
    schedules.SCENARIOS,
    dependencies.SCENARIOS,
    notifications.SCENARIOS,
    counting.SCENARIOS,
    isolation.SCENARIOS,
    broken.SCENARIOS,
    timers.SCENARIOS,
    containers.SCENARIOS,
    created.SCENARIOS,
    expiry.SCENARIOS,
    unique.SCENARIOS,
    searching.SCENARIOS,
    own_queues.SCENARIOS,
    bulk.SCENARIOS,
)
SCENARIOS: Final = {scenario.name: scenario for scenario in chain(*FAMILIES)}
