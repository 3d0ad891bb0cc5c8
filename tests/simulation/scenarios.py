"""Every named scenario, by its name."""

from typing import Final

from tests.simulation.stories import deploys, jobs

SCENARIOS: Final = {scenario.name: scenario for scenario in (*jobs.STORIES, *deploys.STORIES)}
