"""Every named scenario, by its name."""

from itertools import chain
from typing import Final

from tests.simulation.stories import deploys, jobs, limits, pauses, profiles, schedules

FAMILIES: Final = (jobs.STORIES, deploys.STORIES, profiles.STORIES, pauses.STORIES, limits.STORIES, schedules.STORIES)
# What the guards of a job's life are tried on: every single fault of these, and the rest without any.
OF_JOBS: Final = frozenset(scenario.name for scenario in (*jobs.STORIES, *deploys.STORIES))
SCENARIOS: Final = {scenario.name: scenario for scenario in chain(*FAMILIES)}
