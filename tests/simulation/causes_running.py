"""What `explain` says of a job that runs or has ended, and what then happens: a row for each cause."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.causes_waiting import after
from tests.simulation.explaining import HEALS_MS, PROMPT_MS, Asked, Row
from tests.simulation.scenarios.base import submit
from tests.simulation.scenarios.dependencies import _job, batch, node, start
from tests.simulation.scheduler import START_MS
from tests.simulation.world import World
from whendue.inspection.causes import Cause
from whendue.quotas import REDRIVE_AGE_S
from whendue.table.keys import job_key, kind_of
from whendue.table.writes import Write

Then = Callable[[Asked], None]
NO_RETRY: Final[dict[str, Any]] = {"maxAttempts": 1}


def _it_goes_on(asked: Asked) -> None:
    [run] = asked.runs()
    assert (run.attempt, run.over_ms) == (1, None)
    assert asked.reason["text"] == "Attempt 1 is running."
    assert asked.at("leaseUntil") > asked.at_ms
    asked.must_end("succeeded", asked.at_ms + 30_000)
    assert len(asked.runs()) == 1


def _another_takes_over(asked: Asked) -> None:
    assert asked.at("leaseUntil") < asked.at_ms
    assert asked.runs()[0].process.dead
    asked.starts(asked.at_ms, asked.at_ms + HEALS_MS, after=1)


def _asked_to_stop(world: World) -> str:
    job_id = submit(world, "job", "cancelled", takes_s=200)
    world.scheduler.sleep(3000)
    assert world.insist("POST", f"/jobs/{job_id}/cancel").json["cancelRequested"]
    return job_id


def _it_stops(asked: Asked) -> None:
    asked.must_end("cancelled", asked.at_ms + 60_000)


# --- ended --------------------------------------------------------------------------------------------------------


def _kept_so_long(asked: Asked) -> None:
    asked.sleep_until(asked.at("keptUntil") - 1000)
    assert asked.state() == "succeeded"
    asked.sleep_until(asked.at("keptUntil") + 1000)
    assert asked.state() == "gone"
    assert len(asked.runs()) == 1


def _for_good(asked: Asked) -> None:
    assert asked.shown == asked.state()
    assert asked.facts["message"] in asked.reason["text"]
    asked.never_runs()


def _after(attempts: int) -> Then:
    def then(asked: Asked) -> None:
        assert (asked.facts["attempts"], len(asked.runs())) == (attempts, attempts)
        _for_good(asked)

    return then


def _after_three_losses(asked: Asked) -> None:
    assert (asked.facts["lost"], len(asked.runs())) == (3, 3)
    _for_good(asked)


def _without_payload(world: World) -> str:
    job_id = submit(world, "job", "dead", bulk="x" * 1000, delaySeconds=20)
    for key, _ in world.store.live():
        if key.pk == f"JOB#{job_id}" and kind_of(key.sk) == "payload":
            del world.store.rows[key]
    # The message carries it for what is due at once; what the timer sends does not.
    for queue in world.queue.messages.values():
        queue.clear()
    world.scheduler.sleep(HEALS_MS)
    return job_id


def flow(seconds: float, nodes: dict[str, Any], **more: Any) -> Callable[[World], str]:
    """Start a workflow, and ask so much later."""

    def before(world: World) -> str:
        flow_id = start(world, nodes, "dead", **more)
        world.scheduler.sleep(round(1000 * seconds))
        return flow_id

    return before


EACH: Final[dict[str, Any]] = {
    "fetch": node(do="list"),
    "each": node("fetch", do="bad", bulk={"$item": "@"}) | {"forEach": {"$from": "fetch"}, **NO_RETRY},
}


def _each(world: World) -> str:
    flow_id = start(world, EACH, "dead")
    world.scheduler.sleep(20_000)
    nodes = world.insist("GET", f"/workflows/{flow_id}").json["nodes"]
    return str(next(node["job"] for node in nodes if node["name"] == "each"))


def _cancelled(world: World) -> str:
    job_id = submit(world, "job", "cancelled", delaySeconds=30)
    assert world.insist("POST", f"/jobs/{job_id}/cancel").json["state"] == "cancelled"
    return job_id


def _expired(world: World) -> str:
    assert world.insist("POST", "/pauses", {"reason": "a test"}).status == 200
    job_id = submit(world, "job", "expired", expiresSeconds=10)
    world.scheduler.sleep(20_000)
    assert world.insist("DELETE", "/pauses/tenant").status == 204
    while world.insist("GET", f"/jobs/{job_id}").json["state"] != "expired":
        world.scheduler.sleep(1000)
    return job_id


def _not_at_all(asked: Asked) -> None:
    asked.never_runs()
    assert asked.runs() == []


def _of_a_failed_one(world: World) -> str:
    dependent = batch(world, [_job("top", do="bad", **NO_RETRY), _job("dependent", "top")], ["dead", "cancelled"])[1]
    world.scheduler.sleep(5000)
    return dependent


def _again_with_all_attempts(asked: Asked) -> None:
    asked.world.monitor.redriven(asked.id, "dead")
    assert f"POST /jobs/{asked.id}/redrive" in asked.reason["text"]
    at_ms, before = asked.world.scheduler.now_ms, len(asked.runs())
    assert asked.world.insist("POST", f"/jobs/{asked.id}/redrive").status == 200
    assert asked.starts(at_ms, at_ms + 2 * PROMPT_MS, after=before).attempt == 1
    asked.must_end("dead", at_ms + HEALS_MS)
    assert len(asked.runs()) == 2 * before


def _old(world: World) -> str:
    """End now what was submitted long ago."""
    job_id = submit(world, "job", "dead", do="bad", **NO_RETRY)
    world.scheduler.sleep(5000)
    world.store.apply([Write("age", job_key(job_id), (), {"created_at": START_MS - REDRIVE_AGE_S * 1000})])
    return job_id


def _submitted_anew(asked: Asked) -> None:
    assert asked.world.insist("POST", f"/jobs/{asked.id}/redrive").status == 409
    again = submit(asked.world, "again", "dead", do="bad", **NO_RETRY)
    asked.world.scheduler.sleep(5000)
    assert asked.state(again) == "dead"


def _fan_out_is_pending(world: World) -> str:
    dependency, dependent = batch(
        world, [_job("top", do="bad", takes_s=5, **NO_RETRY), _job("dependent", "top")], ["dead", "cancelled"]
    )
    world.scheduler.sleep(8000)
    assert world.insist("GET", f"/jobs/{dependent}").json["state"] == "waiting"
    return dependency


def _dependents_are_released(asked: Asked) -> None:
    asked.sleep_until(asked.at_ms + HEALS_MS)
    [dependent] = [known.job_id for known in asked.world.monitor.accepted.values() if known.job_id != asked.id]
    assert asked.state(dependent) == "cancelled"
    assert Cause.FAN_OUT_PENDING not in asked.now()


def failed(error: str, before: Callable[[World], str], then: Then = _for_good, known: str | None = None) -> Row:
    """Make the row of an error."""
    return Row(Cause.FAILED, "dead", before, then, error=error, what=error, known=known)


QUICK: Final = {"baseSeconds": 1, "factor": 1, "capSeconds": 1, "jitter": "none"}
ROWS: Final = (
    Row(Cause.RUNNING, "running", after(3, takes_s=20), _it_goes_on),
    Row(Cause.LEASE_EXPIRED, "running", after(15, do="poisonous", takes_s=4, leaseSeconds=5), _another_takes_over),
    Row(Cause.CANCEL_REQUESTED, "running", _asked_to_stop, _it_stops),
    Row(Cause.FINISHED, "succeeded", after(3, retentionSeconds=100), _kept_so_long),
    failed("RuntimeError", after(9, expected="dead", do="bad", maxAttempts=3, backoff=QUICK), _after(3)),
    failed("GiveUp", after(3, expected="dead", do="hopeless"), _after(1)),
    failed("timeout", after(9, expected="dead", takes_s=20, timeoutSeconds=2, **NO_RETRY), _after(1)),
    failed("worker_lost", after(1500, expected="dead", do="poison", leaseSeconds=5), _after_three_losses),
    failed("payload_missing", _without_payload, known="a live job has lost its payload"),
    failed("workflow_failed", flow(20, {"a": node(do="bad", **NO_RETRY)})),
    failed("items_failed", _each),
    failed(
        "deadline_exceeded",
        flow(
            HEALS_MS / 1000,
            {"a": node(do="bad", **NO_RETRY), "b": node("a", onDependencyFailure="hold")},
            deadlineSeconds=60,
        ),
    ),
    Row(Cause.CANCELLED, "cancelled", _cancelled, _not_at_all),
    Row(Cause.CANCELLED_FOR, "cancelled", _of_a_failed_one, _not_at_all, error="dependency_failed"),
    Row(
        Cause.REDRIVABLE,
        "dead",
        after(9, expected="dead", do="bad", maxAttempts=2, backoff=QUICK),
        _again_with_all_attempts,
    ),
    Row(Cause.EXPIRED, "expired", _expired, _not_at_all),
    Row(Cause.TOO_OLD, "dead", _old, _submitted_anew),
    Row(Cause.FAN_OUT_PENDING, "dead", _fan_out_is_pending, _dependents_are_released, dies_at_s=6),
    Row(Cause.REDRIVABLE, "dead", _fan_out_is_pending, _again_with_all_attempts, dies_at_s=6, what="its end untold"),
)
