"""Jobs whose processes keep their counts for the metrics: whatever becomes of that, the jobs are well."""

from dataclasses import replace
from typing import Final

from tests.simulation.stories import deploys, jobs

COUNTED: Final = (
    "now",
    "promoted by the timer",
    "retried",
    "exhausted",
    "a batch of three",
    "given up on by SQS",
    "a job cancelled while its worker goes down",
)
STORIES: Final = tuple(
    replace(story, name=f"{story.name}, counted", nature=replace(story.nature, counts=True))
    for story in (*jobs.STORIES, *deploys.STORIES)
    if story.name in COUNTED
)
