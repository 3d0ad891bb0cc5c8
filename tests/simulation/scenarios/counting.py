"""Jobs whose processes keep their counts for the metrics: whatever becomes of that, the jobs are well."""

from dataclasses import replace
from typing import Final

from tests.simulation.scenarios import deploys, jobs

COUNTED: Final = (
    "now",
    "promoted by the timer",
    "retried",
    "exhausted",
    "a batch of three",
    "given up on by SQS",
    "a job cancelled while its worker goes down",
)
SCENARIOS: Final = tuple(
    replace(scenario, name=f"{scenario.name}, counted", nature=replace(scenario.nature, counts=True))
    for scenario in (*jobs.SCENARIOS, *deploys.SCENARIOS)
    if scenario.name in COUNTED
)
