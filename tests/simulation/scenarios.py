"""Every named scenario, by its name."""

from typing import Final

from tests.simulation.stories import jobs, schedules

SCENARIOS: Final = {scenario.name: scenario for scenario in (*jobs.STORIES, *schedules.STORIES)}
