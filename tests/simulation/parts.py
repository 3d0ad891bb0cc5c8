"""What the mutation gate guards, part by part: modules, the tests about them, the stories that they are tried on."""

from dataclasses import dataclass
from typing import Final

from tests.simulation.stories import deploys, jobs, limits, schedules
from tests.simulation.stories.base import Scenario


@dataclass(frozen=True, slots=True)
class Part:
    """Some modules that belong together.

    Args:
        modules: below `whendue`.
        tests: files below `tests`, the quick ones first.
        stories: of these every single fault is tried.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    stories: tuple[Scenario, ...]


JOBS: Final = Part(
    modules=(
        "domain.agenda",
        "domain.rescue",
        "domain.transitions",
        "domain.writes",
        "services.claimed",
        "services.cursors",
        "services.dead_letter",
        "services.leases",
        "services.promote",
        "services.record",
        "services.rescue",
        "services.settle",
        "services.work",
    ),
    tests=(
        "unit/test_conditions.py",
        "unit/test_transitions.py",
        "unit/test_fresh.py",
        "property/test_profile_laws.py",
        "property/test_laws.py",
        "functional/test_control.py",
        "functional/test_work.py",
        "functional/test_guards_work.py",
        "functional/test_timer.py",
        "functional/test_guards_timer.py",
        # Limits are behind guards of a job's life, too.
        "functional/test_limits.py",
    ),
    stories=(*jobs.STORIES, *deploys.STORIES),
)
LIMITS: Final = Part(
    modules=(
        "domain.limit",
        "domain.overlap",
    ),
    tests=("property/test_limits.py", "functional/test_overlaps.py", "functional/test_limits.py"),
    stories=(*limits.STORIES, *schedules.OVERLAPPING),
)
PARTS: Final = (JOBS, LIMITS)
PART_OF: Final = {f"whendue.{module}": part for part in PARTS for module in part.modules}
