"""More than one timer can do: further ticks for parts of the partitions, and resumptions over several ticks."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import Scenario, submit
from tests.simulation.scenarios.pauses import TENANT, TENANT_AGAIN, WHY
from tests.simulation.world import Nature, World

FEW: Final = {"shards": 3}
JOBS: Final = 9


def _jobs(**wanted: Any) -> Callable[[World], None]:
    """Several jobs in each of three partitions."""

    def play(world: World) -> None:
        def script() -> None:
            for number in range(JOBS):
                submit(world, f"job-{number}", **wanted)

        world.client(1, script)

    return play


def _paused(lasts_s: float) -> Callable[[World], None]:
    """More than the request brings back that ends the pause."""

    def play(world: World) -> None:
        def script() -> None:
            assert world.insist(*TENANT, WHY).status == 200
            for number in range(JOBS):
                submit(world, f"job-{number}")
            world.scheduler.sleep(round(1000 * lasts_s))
            assert world.insist(*TENANT_AGAIN).status == 204

        world.client(1, script)

    return play


SCENARIOS: Final = (
    Scenario("a tick that fans out", _jobs(delaySeconds=240), Nature(fans_out=True, settings=FEW)),
    Scenario(
        "two ticks that fan out",
        _jobs(delaySeconds=240),
        Nature(fans_out=True, settings=FEW, timers=2, latency_ms=(3, 9)),
    ),
    Scenario("a rescue that fans out", _jobs(), Nature(fans_out=True, settings=FEW, vanishing=JOBS)),
    Scenario("resumed by several ticks", _paused(100), Nature(fans_out=True, settings=FEW)),
    Scenario(
        "resumed by two timers, held for long",
        _paused(400),
        Nature(fans_out=True, settings=FEW, timers=2, latency_ms=(3, 9)),
    ),
)
