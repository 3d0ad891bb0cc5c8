"""Schedules: fired on time, late, by several timers; edited, paused, resumed, deleted, triggered and backfilled."""

from collections.abc import Callable
from typing import Any, Final

from functions.api.http.times import read, to_timestamp
from tests.simulation.scenarios.base import Scenario
from tests.simulation.scheduler import START_MS
from tests.simulation.world import Nature, World

JOB: Final[dict[str, Any]] = {"type": "sim", "payload": {"do": "ok"}, "maxAttempts": 6}
# As fine as a scenario needs; each fire makes its singles longer.
OFTEN: Final[dict[str, Any]] = {"cron": "*/20 * * * * *", "job": JOB}
HALF: Final = "*/30 * * * * *"
NAME: Final = "/schedules/s"


def at(seconds: float) -> str:
    """Write the time so many seconds after the world's beginning."""
    return to_timestamp(START_MS + round(seconds * 1000)) or ""


def put(world: World, **wanted: Any) -> None:
    """Put the schedule until that is acknowledged."""
    body = OFTEN | wanted
    answer = world.insist("PUT", NAME, {name: value for name, value in body.items() if value is not None})
    assert answer.status in (200, 201), answer.text
    acknowledged(world, read(answer.json["updatedAt"]))


def change(world: World, what: str) -> None:
    """Pause or resume it until that is acknowledged."""
    answer = world.insist("POST", f"{NAME}/{what}", {"reason": "why"} if what == "pause" else None)
    assert answer.status == 200, answer.text
    acknowledged(world, read(answer.json["updatedAt"]))


def delete(world: World) -> None:
    """Delete it until that is acknowledged; what was asked for before is gone, too."""
    answer = world.insist("DELETE", NAME)
    assert answer.status in (204, 404), answer.text
    acknowledged(world, None)


def acknowledged(world: World, version: int | None) -> None:
    """Let the watcher know that a change holds from now on."""
    from tests.simulation.watch_schedules import ScheduleWatcher

    [watcher] = [watcher for watcher in world.monitor.watchers if isinstance(watcher, ScheduleWatcher)]
    watcher.acknowledged(version)


def doing(*steps: Callable[[World], None] | float) -> Callable[[World], None]:
    """Return a play in which one client does one thing after the other; numbers are seconds to wait."""

    def play(world: World) -> None:
        def script() -> None:
            for step in steps:
                if isinstance(step, float | int):
                    world.scheduler.sleep(round(step * 1000))
                else:
                    step(world)

        world.client(1, script)

    return play


def putting(end_s: float | None = 150, **wanted: Any) -> Callable[[World], None]:
    """Return the step that puts the schedule, with an end, so that the world comes to rest."""
    return lambda world: put(world, end=None if end_s is None else at(end_s), **wanted)


def changing(what: str) -> Callable[[World], None]:
    """Return the step that pauses or resumes."""
    return lambda world: change(world, what)


def pausing(until_s: float) -> Callable[[World], None]:
    """Return the step that pauses it until a time."""

    def step(world: World) -> None:
        answer = world.insist("POST", f"{NAME}/pause", {"until": at(until_s)})
        assert answer.status in (200, 400), answer.text
        if answer.status == 200:
            acknowledged(world, read(answer.json["updatedAt"]))

    return step


def _trigger(world: World) -> None:
    answer = world.insist("POST", f"{NAME}/trigger", None, "key")
    assert answer.status in (200, 202), answer.text
    world.monitor.accept(answer, "succeeded")


def _backfill(world: World) -> None:
    answer = world.insist("POST", f"{NAME}/backfill", {"from": at(-60), "to": at(60)})
    assert answer.status == 202, answer.text
    while world.insist("GET", answer.headers["location"]).json["state"] == "running":
        world.scheduler.sleep(10_000)


def _stopped_backfill(world: World) -> None:
    """Pause, resume and cancel a backfill while timers continue it; it may have ended before any of that."""
    body = {"from": at(-2420), "to": at(-20)}
    answer = world.insist("POST", f"{NAME}/backfill", body)
    assert answer.status == 202, answer.text
    path = answer.headers["location"]
    for verb in ("pause", "resume", "cancel"):
        answer = world.insist("POST", f"{path}/{verb}")
        assert answer.status in (200, 409), answer.text
        world.scheduler.sleep(30_000)


def _two_editors(world: World) -> None:
    """Two clients change it at the same moments."""
    doing(putting(60, cron=HALF), 20, putting(60, cron="*/29 * * * * *"), 15, changing("pause"))(world)
    doing(20, putting(60, cron="*/31 * * * * *"), 16, changing("resume"))(world)


def _missed(policy: str) -> Callable[[World], None]:
    misfire = {"policy": policy, "limit": 2, "graceSeconds": 30}
    return doing(putting(350, cron=HALF, misfire=misfire))


def _closed(low_s: int, high_s: int) -> list[str]:
    """Exclude a range of times of day, in seconds after the world's beginning; both whole minutes."""
    return [f"{at(low_s)[11:16]}/{at(high_s)[11:16]}"]


TOO_OLD: Final = {"policy": "catch_up", "limit": 20, "graceSeconds": 30, "maxAgeSeconds": 120}
REMOVED: Final[dict[str, Any]] = {"cron": None, "removeAfterSeconds": 300}


def _overlapping(policy: str) -> Callable[[World], None]:
    job = JOB | {"payload": {"do": "ok", "takes_s": 17}, "leaseSeconds": 9}
    return doing(putting(42, cron="*/12 * * * * *", overlap=policy, job=job))


# When the timer removes a schedule that fires once, after 60 s.
REMOVED_S: Final = 478.95
OUTAGE: Final = Nature(outage_s=(30, 260))
OVERLAPPING: Final = (
    Scenario("overlapping, skipped", _overlapping("skip")),
    Scenario("overlapping, one waits", _overlapping("buffer_one")),
    Scenario("overlapping, the newest runs", _overlapping("cancel_running")),
)
SCENARIOS: Final = (
    Scenario("each five seconds", doing(putting(45, cron="*/5 * * * * *"))),
    Scenario("each minute", doing(putting(310, cron="* * * * *", jitterSeconds=20))),
    Scenario("each half minute, by interval", doing(putting(200, cron=None, every="PT30S"))),
    Scenario("once", doing(putting(None, cron=None, at=at(200)))),
    Scenario("two timers, one schedule", doing(putting(100)), Nature(timers=2, latency_ms=(3, 9))),
    Scenario("a schedule and clocks that differ", doing(putting(100)), Nature(timers=2, skew_ms=5000)),
    Scenario("missed, none runs", _missed("skip"), OUTAGE),
    Scenario("missed, the latest runs", _missed("fire_once"), OUTAGE),
    Scenario("missed, some catch up", _missed("catch_up"), Nature(outage_s=(30, 260), timers=2, latency_ms=(3, 9))),
    Scenario(
        "missed, some too old",
        doing(putting(350, cron=HALF, misfire=TOO_OLD)),
        Nature(outage_s=(30, 260), timers=2, latency_ms=(3, 9)),
    ),
    Scenario(
        "an offset for each fire",
        doing(
            putting(100, jitterSeconds=30, jitterPer="fire"),
            33,
            putting(100, jitterSeconds=30, jitterPer="fire", cron="*/10 * * * * *"),
        ),
        Nature(timers=2, latency_ms=(3, 9)),
    ),
    Scenario(
        "closed at times, edited",
        doing(
            putting(200, exclude=_closed(60, 120)),
            33,
            putting(200, cron=None, every="PT25S", exclude=_closed(120, 180)),
        ),
    ),
    Scenario("each second week", doing(putting(100, everyWeeks=2, anchor=at(0)[:10]))),
    Scenario("ended and removed", doing(putting(None, at=at(100), **REMOVED)), Nature(timers=2, latency_ms=(3, 9))),
    Scenario(
        "kept through an outage, then removed",
        doing(putting(350, cron=HALF, removeAfterSeconds=300)),
        Nature(outage_s=(30, 460), timers=2, latency_ms=(3, 9)),
    ),
    Scenario(
        "ended, and put again as it is removed",
        doing(putting(None, at=at(60), **REMOVED), REMOVED_S, putting(None, at=at(600), **REMOVED)),
        Nature(timers=2, latency_ms=(3, 9)),
    ),
    Scenario("edited ahead of its fires", doing(putting(), 40, putting(cron="*/29 * * * * *"))),
    Scenario("paused and resumed", doing(putting(), 33, changing("pause"), 40, changing("resume"))),
    Scenario("paused until a time", doing(putting(), 33, pausing(80))),
    Scenario("paused until a time, resumed before", doing(putting(), 23, pausing(100), 40, changing("resume"))),
    Scenario("paused until another time", doing(putting(), 23, pausing(70), 20, pausing(90))),
    Scenario("created paused, few timers", doing(putting(350, cron=HALF, paused={"until": at(100)})), OUTAGE),
    Scenario("a maximum of runs", doing(putting(None, maxRuns=4)), Nature(timers=2, latency_ms=(3, 9))),
    Scenario("a maximum of runs, missed", doing(putting(None, cron=HALF, maxRuns=6)), OUTAGE),
    Scenario(
        "a maximum of runs, edited",
        doing(putting(None, maxRuns=5), 33, putting(None, maxRuns=5, cron="*/19 * * * * *"), 20, pausing(110)),
    ),
    Scenario("paused for good", doing(putting(), 33, changing("pause"))),
    Scenario("deleted", doing(putting(), 33, delete)),
    Scenario("deleted and created again", doing(putting(100), 33, delete, putting(100, cron="*/17 * * * * *"))),
    Scenario("two editors", _two_editors, Nature(timers=2, latency_ms=(3, 9))),
    Scenario(
        "edited after an outage", doing(putting(350, cron=HALF), 290, putting(340, cron="*/29 * * * * *")), OUTAGE
    ),
    Scenario("triggered", doing(putting(60), 20, _trigger)),
    Scenario("backfilled", doing(putting(70), 20, changing("pause"), 30, changing("resume"), 30, _backfill)),
    Scenario("backfilled and stopped", doing(putting(40), 20, _stopped_backfill)),
    *OVERLAPPING,
    Scenario(
        "pauses as it fails",
        doing(putting(200, pauseAfterFailures=2, job=JOB | {"payload": {"do": "hopeless"}})),
    ),
)
