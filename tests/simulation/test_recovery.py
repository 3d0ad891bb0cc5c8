"""How soon a job runs again whose worker was killed: by its lease and the timer, not by how long workers may run."""

from dataclasses import replace
from typing import Final

from tests.simulation.explore import play
from tests.simulation.faults import KILLING, Fault, Plan
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.scheduler import START_MS
from tests.simulation.world import World

# Until the longest message that a dead worker had received has come back.
HORIZON_S: Final = 9000
# Two ticks after it was due at the latest, in a world without other faults.
HEALED_MS: Final = 180_000


def _world(plan: Plan, worker_s: int, visibility_s: int) -> World:
    now = SCENARIOS["now"]
    nature = replace(now.nature, worker_ms=worker_s * 1000, visibility_s=visibility_s)
    return play(replace(now, nature=nature, horizon_s=HORIZON_S), plan)


def _finished_ms(worker_s: int, visibility_s: int) -> dict[tuple[int, Fault], int]:
    """Return when the job has ended, ms after the beginning, by the call at which its worker is killed."""
    finished: dict[tuple[int, Fault], int] = {}
    for number, call in enumerate(_world(Plan(), worker_s, visibility_s).calls):
        if not call.process.startswith("worker"):
            continue
        for kind in (kind for kind in call.kinds if kind in KILLING):
            world = _world(Plan({number: kind}), worker_s, visibility_s)
            assert world.monitor.violations == []
            [job] = [item for key, item in world.store.rows.items() if key.sk == "job"]
            finished[number, kind] = job["finished_at"] - START_MS
    return finished


def test_a_short_job_recovers_no_later_where_workers_may_run_for_15_minutes() -> None:
    """With one minute, the queues hid a dead worker's message for six; with fifteen, for ninety."""
    minute, quarter = _finished_ms(60, 360), _finished_ms(900, 5400)
    assert quarter == minute
    assert HEALED_MS > max(minute.values()) > 60_000
