"""What cannot be read, or worked out, beside what can: the definition, an item raises, and nobody else notices."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import QUICK, Scenario, submitting
from tests.simulation.scenarios.schedules import doing, putting
from tests.simulation.scheduler import START_MS
from tests.simulation.world import Nature, World
from whendue.jobs.due_index import schedules_partition
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import Definition, Schedule, schedule_key, to_item
from whendue.submission.request import JobRequest
from whendue.table.keys import Key, cursors_key

# Another tenant; the watcher of schedules looks away.
OTHER: Final = "broken"


def _raising() -> dict[str, Any]:
    """Return a schedule whose recurrence an older version took: it raises wherever its fires are worked out."""
    definition = Definition(Recurrence(cron="0 0 4-99 * * *"), JobRequest("sim", {"do": "ok"}))
    schedule = Schedule(OTHER, "raises", definition, START_MS, START_MS, START_MS)
    return to_item(schedule) | {"due_pk": schedules_partition(0), "check_at": START_MS}


def _unreadable(key: Key, partition: str) -> dict[str, Any]:
    """Return an item that is nothing of ours, with a place in the due index before everything else."""
    pk, sk = key
    return {"pk": pk, "sk": sk, "due_pk": partition, "check_at": START_MS - 600_000, "due_at": START_MS}


def beside(play: Callable[[World], None]) -> Callable[[World], None]:
    """Return a play beside which one of everything is broken."""

    def broken(world: World) -> None:
        world.store.put_back(_raising())
        world.store.put_back(_unreadable(schedule_key(OTHER, "unreadable"), schedules_partition(0)))
        world.store.put_back(_unreadable(Key(f"SCHEDULE#{OTHER}#s", "backfill#odd"), schedules_partition(0)))
        for number in range(3):
            world.store.put_back(_unreadable(Key(f"JOB#odd-{number}", "odd"), "live#normal#0"))
        pk, sk = cursors_key("rescue", "normal")
        world.store.put_back({"pk": pk, "sk": sk, "at_0": 5})
        play(world)

    return broken


def _promoted(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=240))


def _retried_later(world: World) -> None:
    backoff = QUICK | {"baseSeconds": 200, "capSeconds": 300, "factor": 1}
    world.client(1, submitting(world, "a", do="flaky", times=1, maxAttempts=6, backoff=backoff))


SCENARIOS: Final = (
    Scenario("broken ones beside a schedule", beside(doing(putting(45)))),
    Scenario(
        "broken ones beside a schedule, two timers", beside(doing(putting(45))), Nature(timers=2, latency_ms=(3, 9))
    ),
    Scenario("broken ones beside a delayed job", beside(_promoted)),
    Scenario("broken ones beside a retried job", beside(_retried_later)),
)
