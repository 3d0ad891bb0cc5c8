"""What a scenario is, and what its clients do. The explorer adds the faults."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.timeouts import WORLD_S
from tests.simulation.world import Nature, World

QUICK: Final = {"baseSeconds": 2, "factor": 2, "capSeconds": 8, "jitter": "none"}
OK: Final = "succeeded"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What clients do in a world.

    Args:
        name: what it is called.
        play: sets clients going.
        nature: what its world is like.
        horizon_s: by when everything must be settled, faults or not.
        settles: faults stop, so that everything is settled at the end; else only safety is asked for.
        timeout_s: of CPU; a world that takes longer hangs. For one that is larger than the others.
    """

    name: str
    play: Callable[[World], None]
    nature: Nature = field(default_factory=Nature)
    horizon_s: int = 3600
    settles: bool = True
    timeout_s: float = WORLD_S


def submit(world: World, key: str, expected: str = OK, do: str = "ok", **wanted: Any) -> str:
    """Submit a job until it is accepted; a job may also fail where a payload cannot be read or time runs out."""
    payload = {"do": do} | {name: wanted.pop(name) for name in ("takes_s", "times", "bulk") if name in wanted}
    answer = world.insist("POST", "/jobs", {"type": "sim", "payload": payload, **wanted}, key)
    assert answer.status in (200, 202), answer.text
    return world.monitor.accept(answer, expected)


def submitting(world: World, key: str, expected: str = OK, do: str = "ok", **wanted: Any) -> Callable[[], None]:
    """Return a client's script that submits a job."""

    def script() -> None:
        submit(world, key, expected, do, **wanted)

    return script
