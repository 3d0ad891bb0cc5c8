"""What `explain` says of a job that is not running yet, and what then happens: a row for each cause."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.explaining import HEALS_MS, PROMPT_MS, TICK_MS, Asked, Row
from tests.simulation.scenarios.base import submit
from tests.simulation.scenarios.dependencies import _job, batch, node, start
from tests.simulation.scenarios.schedules import at, put
from tests.simulation.scheduler import START_MS
from tests.simulation.world import Nature, World
from whendue.inspection.causes import Cause
from whendue.quotas import BACKLOG_MESSAGES
from whendue.settings import OwnQueue

Before = Callable[[World], str]
# One worker, so that a second job is due before anybody has looked at it.
LONELY: Final = Nature(workers=1)
ONE: Final[dict[str, Any]] = {"limits": {"concurrency": 1, "key": "k"}}
SLOW: Final[dict[str, Any]] = {"limits": {"ratePerSecond": 0.1, "key": "k"}}
WHY: Final = {"reason": "a test"}


def after(seconds: float, **wanted: Any) -> Before:
    """Submit a job, and ask so much later."""

    def before(world: World) -> str:
        job_id = submit(world, "job", **wanted)
        world.scheduler.sleep(round(seconds * 1000))
        return job_id

    return before


def second(first: dict[str, Any], then: dict[str, Any], seconds: float = 1) -> Before:
    """Submit a job, a moment later another one, and ask of this so much later."""

    def before(world: World) -> str:
        submit(world, "first", **first)
        world.scheduler.sleep(500)
        job_id = submit(world, "second", **then)
        world.scheduler.sleep(round(seconds * 1000))
        return job_id

    return before


def first_of(asked: Asked) -> Any:
    """Return the execution of the job that was submitted first."""
    return asked.world.monitor.runs[0]


# --- before it is due ---------------------------------------------------------------------------------------------


def _at_its_due_time(asked: Asked) -> None:
    asked.starts(asked.at("dueAt"), asked.at("dueAt") + PROMPT_MS)


def _sent_when_it_says(asked: Asked) -> None:
    asked.sleep_until(asked.at("promotedAt") - 1)
    assert asked.world.monitor.bodies == []
    assert Cause.NOT_PROMOTED in asked.now()
    asked.sleep_until(asked.at("promotedAt") + TICK_MS)
    assert len(asked.world.monitor.bodies) == 1
    assert Cause.NOT_PROMOTED not in asked.now()


def _tried_again(asked: Asked) -> None:
    assert asked.facts["attempt"] == 1
    assert asked.starts(asked.at("nextAttemptAt"), asked.at("nextAttemptAt") + PROMPT_MS, after=1).attempt == 2


def _ticks_again(asked: Asked) -> None:
    assert asked.at("lastTickAt") < START_MS + TICK_MS
    # The first tick after the outage; it was due before.
    asked.starts(START_MS + 540_000, START_MS + 540_000 + PROMPT_MS)
    assert not {Cause.TIMER_SILENT} & set(asked.now())


# --- a queue that the deployment no longer has ---------------------------------------------------------------------

# Taken away after half a minute, and put back.
REMOVED: Final = Nature(own_queues={"own": OwnQueue(timeout_s=60)}, absent_s=(30, 400))


def _goes_on_when_it_is_back(asked: Asked) -> None:
    assert asked.facts == {"queue": "own"}
    back_ms = START_MS + 400_000
    asked.starts(back_ms, back_ms + TICK_MS + PROMPT_MS)


# --- pauses -------------------------------------------------------------------------------------------------------


def paused(path: str, **more: Any) -> Before:
    """Pause, then submit."""

    def before(world: World) -> str:
        assert world.insist("POST", path, WHY | more).status == 200
        return submit(world, "job")

    return before


def _until_a_resume(resume: tuple[str, str]) -> Callable[[Asked], None]:
    def then(asked: Asked) -> None:
        assert asked.facts["pausedUntil"] is None
        asked.never_runs(200_000)
        at_ms = asked.world.scheduler.now_ms
        assert asked.world.insist(*resume).status == 204
        # A process may know the pause for two seconds more.
        asked.starts(at_ms, at_ms + HEALS_MS)
        assert Cause.PAUSED not in asked.now()

    return then


def _until_its_end(asked: Asked) -> None:
    asked.starts(asked.at("pausedUntil"), asked.at("pausedUntil") + HEALS_MS)


def _expiring(**wanted: Any) -> Before:
    """Pause, submit, and wait a little."""

    def before(world: World) -> str:
        assert world.insist("POST", "/pauses", WHY).status == 200
        job_id = submit(world, "job", "expired", **wanted)
        world.scheduler.sleep(5000)
        return job_id

    return before


def _ends_at_its_expiry(asked: Asked) -> None:
    asked.sleep_until(asked.at("expiresAt"))
    asked.must_end("expired", asked.at("expiresAt") + HEALS_MS)
    assert asked.world.insist("DELETE", "/pauses/tenant").status == 204
    asked.never_runs()


# --- unique keys --------------------------------------------------------------------------------------------------

UNIQUE: Final[dict[str, Any]] = {"delaySeconds": 20, "unique": {"key": "k"}}


def _again(asked: Asked, **more: Any) -> Any:
    body = {"type": "sim", "payload": {"do": "ok"}, "delaySeconds": 5, "unique": {"key": "k"} | more}
    return asked.world.insist("POST", "/jobs", body, "again").json


def _is_the_answer(asked: Asked) -> None:
    assert _again(asked)["id"] == asked.id
    asked.starts(asked.at_ms, asked.at_ms + HEALS_MS)
    assert Cause.HOLDS_UNIQUE_KEY not in asked.now()


# --- limits -------------------------------------------------------------------------------------------------------


def _once_the_other_ends(asked: Asked) -> None:
    asked.sleep_until(asked.at_ms + 60_000)
    over_ms = first_of(asked).over_ms
    assert over_ms is not None
    asked.starts(over_ms, over_ms + PROMPT_MS)


def _once_the_other_ends_or_it_looks(asked: Asked) -> None:
    assert asked.at("nextCheckAt") > asked.at_ms
    _once_the_other_ends(asked)


def _ten_seconds_after_the_other(asked: Asked) -> None:
    began_ms = first_of(asked).began_ms
    asked.starts(began_ms + 10_000 - PROMPT_MS, began_ms + 10_000 + PROMPT_MS)


def _when_its_turn_is(asked: Asked) -> None:
    asked.starts(asked.at("nextCheckAt"), asked.at("nextCheckAt") + PROMPT_MS)
    _ten_seconds_after_the_other(asked)


def _overlapping(world: World) -> str:
    """Two fires, of which the second comes due while the first one runs and no worker is free to look at it."""
    job = {"type": "sim", "payload": {"do": "ok", "takes_s": 25}}
    put(world, cron="*/20 * * * * *", overlap="skip", job=job, start=at(75), end=at(105))
    world.scheduler.sleep(90_000)
    if world.nature.workers > 1:
        submit(world, "filler", takes_s=12)
    world.scheduler.sleep(10_000)
    fires = world.insist("GET", "/schedules/s/fires").json["items"]
    return str(max(fires, key=lambda fire: fire["nominalAt"])["job"]["id"])


def _skipped(asked: Asked) -> None:
    """A worker is free before the first is over."""
    assert (asked.facts["schedule"], asked.facts["policy"]) == ("s", "skip")
    asked.must_end("cancelled", asked.at_ms + 4000)
    assert first_of(asked).over_ms is None
    assert asked.runs() == []


def _not_skipped(asked: Asked) -> None:
    """The first is over before a worker is free."""
    _once_the_other_ends(asked)


# --- others -------------------------------------------------------------------------------------------------------


def _child(world: World) -> str:
    dependency = submit(world, "dependency", takes_s=5)
    return submit(world, "dependent", dependsOn=[dependency])


def _after_its_parents(asked: Asked) -> None:
    assert (asked.facts["left"], len(asked.facts["jobs"])) == (1, 1)
    asked.sleep_until(asked.at_ms + 30_000)
    [dependency] = asked.runs(asked.facts["jobs"][0])
    assert dependency.ended_ms is not None
    asked.starts(dependency.ended_ms, dependency.ended_ms + PROMPT_MS)


def _held(world: World) -> str:
    jobs = [_job("top", do="reborn", maxAttempts=1), _job("held", "top", onDependencyFailure="hold")]
    held = batch(world, jobs, ["succeeded dead", "succeeded"])[1]
    world.scheduler.sleep(10_000)
    return held


def _after_a_redrive(asked: Asked) -> None:
    asked.never_runs(300_000)
    [dependency] = asked.facts["jobs"]
    asked.world.monitor.redriven(dependency, "succeeded dead")
    at_ms = asked.world.scheduler.now_ms
    assert asked.world.insist("POST", f"/jobs/{dependency}/redrive").status == 200
    asked.starts(at_ms, at_ms + 2 * PROMPT_MS)


def _flow(world: World) -> str:
    flow = start(world, {"first": node(takes_s=5), "second": node("first")}, "succeeded cancelled")
    world.scheduler.sleep(2000)
    return flow


def _after_its_members(asked: Asked) -> None:
    assert (asked.facts["members"], asked.facts["left"]) == (2, 2)
    asked.must_end("succeeded", asked.at_ms + 30_000)
    assert [run.outcome for run in asked.world.monitor.runs] == ["ok", "ok"]


def _flow_cancelled(world: World) -> str:
    flow = _flow(world)
    world.insist("POST", f"/workflows/{flow}/cancel")
    return flow


def _its_parts_are_cancelled(asked: Asked) -> None:
    asked.must_end("cancelled", asked.at_ms + HEALS_MS)
    nodes = asked.world.insist("GET", f"/workflows/{asked.id}").json["nodes"]
    assert "cancelled" in {node["state"] for node in nodes}
    assert len(asked.world.monitor.runs) == 1


# --- due ----------------------------------------------------------------------------------------------------------


def _behind_many(world: World) -> str:
    """Many are before it, each of a batch's ten takes five seconds, and one worker takes ten at a time."""
    body = {"type": "sim", "payload": {"takes_s": 5}}
    answer = world.insist("POST", "/jobs/batch", {"jobs": [body] * (BACKLOG_MESSAGES + 150)})
    for item in answer.json["items"]:
        world.monitor.accepted.pop(item["job"]["id"], None)
    return submit(world, "last")


def _after_the_others(asked: Asked) -> None:
    assert not {Cause.OVERDUE, Cause.RESCUED} & set(asked.codes), "late is not lost"
    asked.sleep_until(asked.at_ms + HEALS_MS)
    before = [run for run in asked.world.monitor.runs if run.job_id != asked.id]
    assert len(before) == BACKLOG_MESSAGES + 150
    assert all(run.began_ms <= asked.runs()[0].began_ms for run in before)


def _at_the_next_tick(asked: Asked) -> None:
    assert asked.facts["overdueS"] == (asked.at_ms - START_MS - 1000) // 1000
    asked.starts(asked.at_ms, asked.at_ms + TICK_MS + PROMPT_MS)


def _at_the_tick_after_its_alarm(asked: Asked) -> None:
    assert asked.facts["rescues"] == 1
    asked.starts(asked.at("nextCheckAt"), asked.at("nextCheckAt") + TICK_MS + PROMPT_MS)


ROWS: Final = (
    Row(Cause.NOT_DUE, "scheduled", after(0, delaySeconds=40), _at_its_due_time),
    Row(Cause.NOT_DUE, "scheduled", after(0, delaySeconds=400), _at_its_due_time, what="far off"),
    Row(Cause.NOT_PROMOTED, "scheduled", after(0, delaySeconds=400), _sent_when_it_says),
    Row(
        Cause.RETRY_BACKOFF,
        "scheduled",
        after(5, do="flaky", backoff={"baseSeconds": 30, "factor": 1, "capSeconds": 30, "jitter": "none"}),
        _tried_again,
    ),
    Row(
        Cause.TIMER_SILENT,
        "scheduled",
        after(300, delaySeconds=400),
        _ticks_again,
        Nature(counts=True, outage_s=(50, 500)),
    ),
    Row(Cause.QUEUE_REMOVED, "queued", after(100, queue="own", delaySeconds=60), _goes_on_when_it_is_back, REMOVED),
    Row(
        Cause.PAUSED,
        "queued",
        paused("/queues/normal/pause"),
        _until_a_resume(("POST", "/queues/normal/resume")),
        what="a queue",
    ),
    Row(Cause.PAUSED, "queued", paused("/pauses"), _until_a_resume(("DELETE", "/pauses/tenant")), what="a tenant"),
    Row(
        Cause.PAUSED,
        "queued",
        paused("/pauses", type="sim"),
        _until_a_resume(("DELETE", "/pauses/types/sim")),
        what="a type",
    ),
    Row(
        Cause.PAUSED, "queued", paused("/pauses", expiresAt="2027-01-15T08:01:40Z"), _until_its_end, what="until a time"
    ),
    Row(Cause.EXPIRES, "queued", _expiring(expiresSeconds=200), _ends_at_its_expiry),
    Row(Cause.EXPIRES, "queued", _expiring(expiresSeconds=4), _ends_at_its_expiry, what="and has"),
    Row(Cause.HOLDS_UNIQUE_KEY, "scheduled", after(0, **UNIQUE), _is_the_answer),
    Row(
        Cause.LIMITED,
        "queued",
        second({"takes_s": 20, **ONE}, ONE),
        _once_the_other_ends,
        LONELY,
        what="no worker has looked yet",
    ),
    Row(
        Cause.LIMITED,
        "scheduled",
        second({"takes_s": 20, **ONE}, ONE),
        _once_the_other_ends_or_it_looks,
        what="a worker has looked",
    ),
    Row(
        Cause.LIMITED,
        "queued",
        second({"takes_s": 5, **SLOW}, SLOW),
        _ten_seconds_after_the_other,
        LONELY,
        what="by a rate, no worker has looked yet",
    ),
    Row(Cause.LIMITED, "scheduled", second(SLOW, SLOW), _when_its_turn_is, what="by a rate, a worker has looked"),
    Row(Cause.OVERLAPS, "queued", _overlapping, _skipped),
    Row(Cause.OVERLAPS, "queued", _overlapping, _not_skipped, LONELY, what="until it is over"),
    Row(Cause.WAITING_FOR_DEPENDENCIES, "waiting", _child, _after_its_parents),
    Row(Cause.HELD, "waiting", _held, _after_a_redrive),
    Row(Cause.WAITING_FOR_MEMBERS, "waiting", _flow, _after_its_members),
    Row(Cause.CANCEL_REQUESTED, "waiting", _flow_cancelled, _its_parts_are_cancelled, what="a workflow"),
    Row(Cause.BACKLOG, "queued", _behind_many, _after_the_others, LONELY),
    Row(Cause.OVERDUE, "queued", after(70), _at_the_next_tick, Nature(vanishing=1)),
    Row(Cause.RESCUED, "queued", after(130), _at_the_tick_after_its_alarm, Nature(vanishing=2)),
    Row(Cause.QUEUED, "queued", second({"takes_s": 20}, {}), _once_the_other_ends, LONELY),
)
