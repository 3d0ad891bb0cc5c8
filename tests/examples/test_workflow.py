"""examples/workflow.py: it waits for the end of what it submits."""

from collections.abc import Callable

from tests.builders.world import RealTime, World
from whendue.containers.worker import Worker


def test_the_workflow_succeeds_and_the_other_branch_is_not_taken(
    run_against: Callable[[World, str], str], real_time: RealTime, start: Callable[..., Worker]
) -> None:
    """On threads and the real clock, as the program polls."""
    start(real_time)
    assert dict(line.split() for line in run_against(real_time, "workflow").splitlines()) == {
        "invite": "succeeded",
        "greet": "succeeded",
        "thank": "succeeded",
        "excuse": "not_taken",
    }
