"""Schedules, and what became of their fires."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import KilledError, Refusing
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import WriteResult as Ended
from whendue.engine.ports import WriteStatus
from whendue.schedules.calendar.recurrence import Recurrence, latest
from whendue.schedules.fires import Fire, FireOutcome, MissedRange, fire_from, missed_from
from whendue.schedules.model import Definition, Schedule, fires_pk, from_item, schedule_key
from whendue.submission.request import JobRequest
from whendue.table.writes import Write

MINUTE_MS = 60_000


def definition(cron: str = "*/5 * * * * *", **wanted: Any) -> Definition:
    return Definition(Recurrence(cron=cron), JobRequest("ok", {}), **wanted)


def entries(world: World, name: str = "s") -> tuple[dict[int, Fire], list[MissedRange]]:
    """Read the whole fire history: fires by nominal time, withdrawn ones left out, and gaps."""
    family = world.table.query(fires_pk(TENANT, name))
    fires = [fire_from(item) for item in family if item["sk"].startswith("fire#")]
    gaps = [missed_from(item) for item in family if item["sk"].startswith("gap#")]
    return {fire.nominal: fire for fire in fires if fire.outcome is not FireOutcome.WITHDRAWN}, gaps


def outcomes(world: World, name: str = "s") -> dict[int, FireOutcome]:
    """Say how each nominal time up to now ended; insists that gaps do not overlap."""
    fires, gaps = entries(world, name)
    ended: dict[int, FireOutcome] = {}
    for gap in gaps:
        for nominal in latest(gap.recurrence, gap.first - 1, gap.until, 1 << 30):
            assert nominal.at_ms not in ended, "a nominal time is in two gaps"
            ended[nominal.at_ms] = gap.outcome
    return ended | {at: fire.outcome for at, fire in fires.items() if at <= world.clock.now_ms()}


def schedule_of(world: World, name: str = "s") -> Schedule:
    item = world.table.get([schedule_key(TENANT, name)])[0]
    assert item
    return from_item(item)


def runs(world: World) -> Counter[int]:
    """Count the runs for each nominal time."""
    jobs = {key.pk.removeprefix("JOB#"): item for key, item in world.table.items().items() if key.sk == "job"}
    return Counter(jobs[job_id]["nominal_at"] for job_id, _, _ in world.ran)


def tick(app: App) -> None:
    """Do what a tick does about schedules."""
    app.schedule_runner.run(app.clock.now_ms() + MINUTE_MS)


def put(world: World, cron: str = "*/5 * * * * *", **wanted: Any) -> None:
    world.app.schedules.put(TENANT, "s", definition(cron, **wanted))


def before(world: World, name: str, happens: Callable[[], None]) -> Refusing:
    """Return a table before whose first write of this name something else happens."""

    def apply(writes: Sequence[Write]) -> list[Ended]:
        if table.on and any(write.name == name for write in writes):
            table.on = False
            happens()
        return world.table.apply(writes)

    table = Refusing(world.table, "apply", apply)
    return table


def dies() -> None:
    raise KilledError


def dies_before(world: World, name: str, doing: Callable[[Any], object]) -> None:
    """Let a process die before its first write of this name."""
    with pytest.raises(KilledError):
        doing(world.build(store=before(world, name, dies)))


def deaf(world: World, name: str) -> Refusing:
    """Return a table that takes no writes of this name."""

    def apply(writes: Sequence[Write]) -> list[Ended]:
        results = iter(world.table.apply([write for write in writes if write.name != name]))
        return [Ended(WriteStatus.UNAVAILABLE) if write.name == name else next(results) for write in writes]

    return Refusing(world.table, "apply", apply)


NOW_MS = 1_800_000_000_000
EACH_MINUTE = Recurrence(cron="* * * * *")
DEFINITION = Definition(EACH_MINUTE, JobRequest("ok", {}))
SCHEDULE = Schedule("acme", "s", DEFINITION, NOW_MS, NOW_MS, NOW_MS)
GAP = MissedRange(SCHEDULE.fires_pk, NOW_MS, NOW_MS, FireOutcome.MISSED, "misfired", NOW_MS, NOW_MS, EACH_MINUTE)
