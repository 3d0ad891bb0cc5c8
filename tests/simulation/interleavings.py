"""Children submitted at the very moment at which their dependencies end: whoever is first, each of them is released.

Many pairs share a world: what one pair does shifts the others by a call or two, so that all orders of calls come up.
"""

import random
from functools import partial
from typing import NamedTuple

from tests.simulation.explore import play
from tests.simulation.faults import Plan
from tests.simulation.scenarios.base import Scenario, submit
from tests.simulation.watch_dependencies import DependencyWatcher
from tests.simulation.world import Nature, World

PAIRS = 20
WORLDS = 500
# From the submit of a dependency that takes a second to around its end, as other calls come in between.
FIRST_MS, LAST_MS = 1200, 2200


def scenario(seed: int) -> Scenario:
    """Make a world of pairs, each with a moment of its own."""
    chance = random.Random(f"interleavings {seed}")
    nature = Nature(seed=seed, latency_ms=chance.choice([(5, 5), (1, 30)]), shuffle=True, workers=4)

    def play_pairs(world: World) -> None:
        for number in range(PAIRS):
            offset_ms = chance.randint(FIRST_MS, LAST_MS)
            world.client(1 + number * 0.01, partial(_pair, world, number, offset_ms))

    return Scenario(f"interleavings {seed}", play_pairs, nature)


def _pair(world: World, number: int, offset_ms: int) -> None:
    began_ms = world.scheduler.now_ms
    dependency = submit(world, f"parent-{number}", takes_s=1, maxAttempts=6)
    world.scheduler.sleep(max(0, began_ms + offset_ms - world.scheduler.now_ms))
    submit(world, f"child-{number}", dependsOn=[dependency])


class Interleaved(NamedTuple):
    """The number of pairs, of dependencies that knew of their dependent before they ended, and what was wrong."""

    pairs: int
    in_time: int
    wrong: list[str]


def interleavings(seeds: range) -> Interleaved:
    """Run worlds."""
    in_time, wrong = 0, list[str]()
    for seed in seeds:
        world = play(scenario(seed), Plan())
        [watcher] = [watcher for watcher in world.monitor.watchers if isinstance(watcher, DependencyWatcher)]
        in_time += watcher.in_time
        wrong += [f"interleavings {seed}: {violation}" for violation in world.monitor.violations]
    return Interleaved(len(seeds) * PAIRS, in_time, wrong)
