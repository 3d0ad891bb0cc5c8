"""Bulk operations: begun in a request, continued by timers, cancelled, undone, and met by others at the same jobs."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit
from tests.simulation.world import Nature, World

# Two jobs in a piece: the first piece in the request, the others in the timer.
SLOW: Final = {"ratePerSecond": 0.02}
ANY_END: Final = "cancelled succeeded dead"


def _submitted(world: World, count: int, expected: str, do: str = "ok", **wanted: Any) -> list[str]:
    ids = [submit(world, f"key-{number}", expected, do, maxAttempts=6, **wanted) for number in range(count)]
    # Indexes lag: a filter finds what was submitted a moment before, or not.
    world.scheduler.sleep(3000)
    return ids


def _dead(world: World, count: int, expected: str, do: str = "hopeless", **wanted: Any) -> list[str]:
    """Submit jobs, and wait until they are dead."""
    ids = [submit(world, f"key-{number}", "dead", do, **wanted) for number in range(count)]
    for job_id in ids:
        while world.insist("GET", f"/jobs/{job_id}").json["state"] != "dead":
            world.scheduler.sleep(10_000)
        world.monitor.redriven(job_id, expected)
    world.scheduler.sleep(2000)
    return ids


def _begin(world: World, **body: Any) -> str:
    answer = world.insist("POST", "/operations", body)
    assert answer.status == 202, answer.text
    return str(answer.json["id"])


def _begun_once(world: World) -> None:
    """A client without an answer sends it again with the same key: each answer names the same operation."""
    _submitted(world, 3, "cancelled", delaySeconds=1800)
    body = {"action": "cancel", "all": True, **SLOW}
    answers = [world.insist("POST", "/operations", body, "once") for _ in range(2)]
    assert {answer.status for answer in answers} <= {200, 202}, [answer.text for answer in answers]
    ids = {str(answer.json["id"]) for answer in answers}
    listed = {str(item["id"]) for item in world.insist("GET", "/operations").json["items"]}
    if len(ids) != 1 or listed != ids:
        world.monitor.wrong("one key has begun several operations")
    _finish(world, ids.pop())


def _finish(world: World, operation: str) -> None:
    while world.insist("GET", f"/operations/{operation}").json["state"] == "running":
        world.scheduler.sleep(10_000)


def _cancel(world: World, operation: str) -> None:
    answer = world.insist("POST", f"/operations/{operation}/cancel")
    assert answer.status in (200, 409), answer.text


def _play(script: Callable[[World], None]) -> Callable[[World], None]:
    return lambda world: world.client(1, lambda: script(world))


def _cancelled(world: World) -> None:
    """Their due time is far off: none can begin before."""
    _submitted(world, 3, "cancelled", delaySeconds=1800)
    _finish(world, _begin(world, action="cancel", filter={"type": "sim"}, **SLOW))


def _cancelled_while_they_run(world: World) -> None:
    """Some wait, some run, some have ended: each is asked once."""
    _submitted(world, 3, ANY_END, takes_s=20, leaseSeconds=6)
    world.scheduler.sleep(5000)
    _finish(world, _begin(world, action="cancel", all=True))


def _redriven(world: World) -> None:
    """They die again, and are not redriven again."""
    _dead(world, 3, "dead")
    _finish(world, _begin(world, action="redrive", all=True, **SLOW))


def _redriven_by_ids(world: World) -> None:
    ids = _dead(world, 3, "dead")
    _finish(world, _begin(world, action="redrive", ids=[*ids, "no-job"], **SLOW))


def _undone(world: World) -> None:
    """Some have begun again by then; none begins that was undone."""
    _dead(world, 3, "dead succeeded", "flaky", times=1, maxAttempts=1, backoff=QUICK)
    operation = _begin(world, action="redrive", all=True, **SLOW)
    answer = world.insist("POST", f"/operations/{operation}/undo")
    assert answer.status == 202, answer.text
    _finish(world, answer.json["id"])


def _undone_at_the_end(world: World) -> None:
    """The redrive has finished, at a slow rate."""
    ids = _dead(world, 2, "dead succeeded", "flaky", times=1, maxAttempts=1, backoff=QUICK)
    operation = _begin(world, action="redrive", ids=ids, ratePerSecond=0.1)
    _finish(world, operation)
    answer = world.insist("POST", f"/operations/{operation}/undo")
    assert answer.status == 202, answer.text
    _finish(world, answer.json["id"])


def _stopped(world: World) -> None:
    """The cancel of the operation meets a piece, or comes between two."""
    _submitted(world, 4, "cancelled succeeded", delaySeconds=400)
    operation = _begin(world, action="cancel", filter={"state": "scheduled"}, **SLOW)
    world.scheduler.sleep(55_000)
    _cancel(world, operation)


def _moved(world: World) -> None:
    """To a lower priority and an earlier time, while others change one of them."""
    ids = _submitted(world, 3, OK, delaySeconds=900)

    def other() -> None:
        world.ask("PATCH", f"/jobs/{ids[0]}", {"priority": "high"})

    world.client(0, other)
    _finish(world, _begin(world, action="reprioritise", priority="low", all=True, **SLOW))
    _finish(world, _begin(world, action="reschedule", delaySeconds=30, ids=ids))


def _deleted(world: World) -> None:
    """What has ended goes, and nothing else."""
    ids = _submitted(world, 3, OK)
    for job_id in ids:
        while world.insist("GET", f"/jobs/{job_id}").json["state"] != OK:
            world.scheduler.sleep(5000)
        world.monitor.erasing.add(job_id)
    world.scheduler.sleep(2000)
    _finish(world, _begin(world, action="delete", filter={"state": OK}, **SLOW))


def _two_at_once(world: World) -> None:
    """Two operations over the same jobs, and two timers: each changes each job once at most."""

    def second() -> None:
        _finish(world, _begin(world, action="reprioritise", priority="low", all=True, **SLOW))

    _submitted(world, 3, OK, delaySeconds=200)
    world.client(0, second)
    _finish(world, _begin(world, action="reprioritise", priority="high", all=True, **SLOW))


SCENARIOS: Final = (
    Scenario("in bulk, cancelled", _play(_cancelled)),
    Scenario("in bulk, cancelled while they run", _play(_cancelled_while_they_run)),
    Scenario("in bulk, redriven", _play(_redriven)),
    Scenario("in bulk, redriven by ids", _play(_redriven_by_ids), Nature(timers=2)),
    Scenario("in bulk, redriven and undone", _play(_undone)),
    Scenario("in bulk, undone at the end", _play(_undone_at_the_end)),
    Scenario("in bulk, begun once", _play(_begun_once)),
    Scenario("in bulk, stopped", _play(_stopped), Nature(skew_ms=5000)),
    Scenario("in bulk, moved", _play(_moved)),
    Scenario("in bulk, deleted", _play(_deleted)),
    Scenario("in bulk, two at once", _play(_two_at_once), Nature(timers=2)),
)
