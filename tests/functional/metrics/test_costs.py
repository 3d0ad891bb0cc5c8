"""What each kind of job costs, counted: docs/operations/cost.md is generated from these numbers and the price list."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from scripts.costs import COUNTS, COUNTS_FILE
from tests.builders import world as worlds
from tests.builders.emf import lines, metrics_of
from tests.builders.metered import Bill, BilledWorld
from tests.builders.notified import fresh_resources
from tests.builders.schedules import definition
from tests.builders.web import serving
from tests.builders.world import TENANT
from whendue.notifications.subscription import Terms
from whendue.submission.request import JobRequest
from whendue.workflows.graph import Draft, Wanted, make, to_value

ROUNDS, CHAIN, FIRES = 20, 20, 30
FILLS = {"full": 10, "alone": 1}
Kind = Callable[[BilledWorld, int], int]


def _rounds(world: BilledWorld, submit: Callable[[], object]) -> None:
    """Submit something each second; caches expire meanwhile as they do at a steady rate."""
    for _ in range(ROUNDS):
        submit()
        world.second()


def _singly(world: BilledWorld, fill: int, kind: str = "ok", **wanted: Any) -> int:
    _rounds(world, lambda: [world.submit(kind, {"number": number}, **wanted) for number in range(fill)])
    return ROUNDS * fill


def _immediate(world: BilledWorld, fill: int) -> int:
    return _singly(world, fill)


def _bulk(world: BilledWorld, fill: int) -> int:
    _rounds(world, lambda: world.submit_all([JobRequest("ok", {"number": n}) for n in range(fill)]))
    return ROUNDS * fill


def _delayed(world: BilledWorld, fill: int) -> int:
    count = _singly(world, fill, delay_s=600)
    world.seconds(600)
    return count


def _retried(world: BilledWorld, fill: int) -> int:
    """One failed attempt, and one that succeeds."""
    count = _singly(world, fill, "flaky", policy={"base_s": 5, "jitter": "none"})
    world.seconds(20)
    return count


def _recurring(world: BilledWorld, fill: int) -> int:
    """Fires of schedules that run every minute; they are there already."""
    world.seconds(FIRES * 60)
    return FIRES * fill


def _node(world: BilledWorld, fill: int) -> int:
    """Nodes of chains, as many chains side by side as jobs fill a batch."""
    nodes = [Draft(f"n{n}", f"n{n}", JobRequest("ok", {}), (Wanted(f"n{n - 1}"),) if n else ()) for n in range(CHAIN)]
    for _ in range(fill):
        world.submit("workflow", to_value(make(nodes)))
    world.seconds(60)
    return CHAIN * fill


def _webhook(world: BilledWorld, fill: int) -> int:
    """A job whose end is told to a webhook."""
    return _singly(world, fill)


KINDS: dict[str, Kind] = {
    "immediate": _immediate,
    "bulk": _bulk,
    "delayed": _delayed,
    "retried": _retried,
    "recurring": _recurring,
    "node": _node,
    "webhook": _webhook,
}


def _flaky(payload: Any, ctx: Any) -> None:
    if ctx.attempt == 1:
        raise RuntimeError("not yet")


@pytest.fixture
def make_world(logged: StringIO, monkeypatch: pytest.MonkeyPatch) -> Callable[[], BilledWorld]:
    """Make worlds whose counters and caches are there already: a first job has run in each of the counters' shards."""

    def made() -> BilledWorld:
        provided = fresh_resources(monkeypatch)
        world = BilledWorld(logged, monkeypatch)
        provided.provide("notify", lambda: world.app.notify)
        world.task("flaky", _flaky)
        world.seconds(60)
        return world

    return made


def _per_job(spent: Bill, idle: Bill, count: int) -> dict[str, float]:
    names = sorted(name for name in spent | idle if name != "log_bytes" and not name.startswith("write "))
    each = {name: round((spent[name] - idle[name]) / count, 3) for name in names}
    return {name: value for name, value in each.items() if value} | {
        "log_bytes": round((spent["log_bytes"] - idle["log_bytes"]) / count)
    }


def _counted(
    make_world: Callable[[], BilledWorld], kind: str, fill: int, prepare: Callable[[BilledWorld], None]
) -> Any:
    """Count a kind of job, without what the same time costs where nothing happens."""
    idle_world, world = make_world(), make_world()
    prepare(world)
    KINDS[kind](world, fill)
    counts: list[int] = []
    begun_ms = world.clock.now_ms()
    spent = world.spent(lambda: counts.append(KINDS[kind](world, fill)))
    seconds = (world.clock.now_ms() - begun_ms) // 1000
    idle = idle_world.spent(lambda: idle_world.seconds(seconds))
    return _per_job(spent, idle, counts[0])


def _insist(*path: str, found: dict[str, float]) -> None:
    """Compare counts with the file that the page is made from; `WRITE_COUNTS=1` writes them there."""
    counts = json.loads(COUNTS_FILE.read_text())
    part = counts
    for name in path[:-1]:
        part = part[name]
    if os.environ.get("WRITE_COUNTS"):
        part[path[-1]] = found
        COUNTS_FILE.write_text(json.dumps(counts, indent=2) + "\n")
    expected = part[path[-1]]
    # A line has the place in the code that logs it.
    assert found == expected | {"log_bytes": pytest.approx(expected["log_bytes"], rel=0.1)}, json.dumps(found)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_job_costs_what_the_page_is_made_from(
    kind: str, fill: str, make_world: Callable[[], BilledWorld]
) -> None:
    """Where a change alters scripts/cost_counts.json, run this with WRITE_COUNTS=1, and then `make docs`."""

    def prepare(world: BilledWorld) -> None:
        if kind == "webhook":
            terms = Terms("webhook", "", ("succeeded",))
            world.app.subscriptions.put(TENANT, "hook", terms, {"url": web.url("/hook")})
        for number in range(FILLS[fill] if kind == "recurring" else 0):
            world.app.schedules.put(TENANT, f"every-minute-{number}", definition("0 * * * * *"))

    with serving() as web:
        web.answers(204)
        found = _counted(make_world, kind, FILLS[fill], prepare)
    _insist("jobs", kind, fill, found=found)


@pytest.mark.parametrize("shards", COUNTS["idle"])
def test_an_idle_tick_costs_what_the_page_is_made_from(
    shards: str, make_world: Callable[[], BilledWorld], logged: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By shards of the due index."""
    monkeypatch.setattr(worlds, "SETTINGS", replace(worlds.SETTINGS, shards=int(shards)))
    world = make_world()
    found = _per_job(world.spent(lambda: world.seconds(600)), Counter(), 10)
    _insist("idle", shards, found=found)
    ticks = {name for line in lines(logged) for name in metrics_of(line)}
    assert len(ticks) == COUNTS["tick_metrics"]
