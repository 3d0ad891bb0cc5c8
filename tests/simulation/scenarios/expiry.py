"""Jobs that expire: in queues, in pauses, behind limits and dependencies; and those that begin just in time."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit, submitting
from tests.simulation.scenarios.notifications import subscribe
from tests.simulation.scenarios.schedules import at, put
from tests.simulation.world import Nature, World

# After a fault it may be too late: for its first attempt, for another one, or for whoever takes it over.
ANY_END: Final = "succeeded expired dead"
PAUSE: Final = ("POST", "/pauses")
RESUME: Final = ("DELETE", "/pauses/tenant")


def _in_time(world: World) -> None:
    world.client(1, submitting(world, "a", ANY_END, delaySeconds=20, expiresSeconds=5))


def _at_the_margin(world: World) -> None:
    """By the clock of one process it has expired, by that of another it has not."""
    for number in range(3):
        wanted: dict[str, Any] = {"delaySeconds": 20, "expiresSeconds": 1 + 2 * number}
        world.client(1 + number / 10, submitting(world, f"key-{number}", ANY_END, **wanted))


def _promoted(world: World) -> None:
    world.client(1, submitting(world, "a", ANY_END, delaySeconds=240, expiresSeconds=20))


def _paused(then: Callable[[World, str], None] | None = None, **wanted: Any) -> Callable[[World], None]:
    """Return a scenario in which a job expires while its tenant is paused."""

    def play(world: World) -> None:
        def script() -> None:
            world.insist(*PAUSE, {"reason": "a test"})
            job_id = submit(world, "a", "expired", **wanted)
            world.scheduler.sleep(200_000)
            world.insist(*RESUME)
            if then:
                then(world, job_id)

        world.client(1, script)

    return play


def _redriven(world: World, job_id: str) -> None:
    """An expired job that is redriven runs: its expiry is gone."""
    while world.insist("GET", f"/jobs/{job_id}").json["state"] != "expired":
        world.scheduler.sleep(10_000)
    world.monitor.redriven(job_id, OK)
    world.insist("POST", f"/jobs/{job_id}/redrive")


def _notified(world: World) -> None:
    def script() -> None:
        subscribe(world)
        world.insist(*PAUSE, {"reason": "a test"})
        submit(world, "a", "expired", expiresSeconds=30)
        world.scheduler.sleep(200_000)
        world.insist(*RESUME)

    world.client(1, script)


def _retried(world: World) -> None:
    """The first retry is in time, the second is not."""
    wanted: dict[str, Any] = {"backoff": QUICK, "maxAttempts": 6, "expiresSeconds": 5}
    world.client(1, submitting(world, "a", "dead expired", do="bad", **wanted))


def _retry_found_late(world: World) -> None:
    """Its retry is planned in time, and held by a pause until it is too late; unless the pause itself comes late."""

    def script() -> None:
        backoff = {"baseSeconds": 20, "factor": 1, "jitter": "none"}
        submit(world, "a", ANY_END, do="flaky", times=1, backoff=backoff, expiresSeconds=40)
        world.scheduler.sleep(10_000)
        world.insist(*PAUSE, {"reason": "a test"})
        world.scheduler.sleep(200_000)
        world.insist(*RESUME)

    world.client(1, script)


def _worker_dies(world: World) -> None:
    """It begins in time, and its worker dies: nobody takes it over."""
    world.client(1, submitting(world, "a", "dead expired", do="poison", leaseSeconds=5, expiresSeconds=4))


def _long(world: World) -> None:
    """It goes on for long after its expiry."""
    wanted: dict[str, Any] = {"takes_s": 20, "leaseSeconds": 6, "expiresSeconds": 4, "maxAttempts": 6}
    world.client(1, submitting(world, "a", ANY_END, **wanted))


def _behind_a_limit(world: World) -> None:
    """Those that wait for the slot expire there, and the last one, which does not, gets it."""
    limited: dict[str, Any] = {"limits": {"concurrency": 1, "key": "k"}}
    world.client(1, submitting(world, "first", takes_s=25, timeoutSeconds=60, maxAttempts=6, **limited))
    for number in range(2):
        script = submitting(world, f"key-{number}", ANY_END, expiresSeconds=10, **limited)
        world.client(2 + number / 10, script)
    world.client(3, submitting(world, "last", maxAttempts=6, **limited))


def _behind_others(world: World) -> None:
    """It expires before the job that it waits for has ended; what depends on it ends as with a dead one."""

    def script() -> None:
        first = submit(world, "first", delaySeconds=300)
        wanted: dict[str, Any] = {"expiresAt": "2027-01-15T08:02:00Z", "dependsOn": [first]}
        second = submit(world, "second", "expired", **wanted)
        submit(world, "default", "cancelled", dependsOn=[second])
        submit(world, "failure", dependsOn=[{"job": second, "on": "failure"}])

    world.client(1, script)


def _released(world: World) -> None:
    """Its seconds begin with the end of the job that it waits for."""

    def script() -> None:
        first = submit(world, "first", takes_s=10, maxAttempts=6)
        submit(world, "second", ANY_END, dependsOn=[first], expiresSeconds=5, maxAttempts=6)

    world.client(1, script)


def _cancelled(world: World) -> None:
    """A cancel and the expiry meet: one of the two happens."""

    def script() -> None:
        job_id = submit(world, "a", "cancelled expired succeeded", delaySeconds=20, expiresSeconds=1)
        world.scheduler.sleep(20_500)
        answer = world.ask("POST", f"/jobs/{job_id}/cancel")
        if answer is not None and answer.status == 200 and answer.json["state"] == "cancelled":
            world.monitor.cancelled(job_id)

    world.client(1, script)


def _fires(world: World) -> None:
    """Fires of a paused tenant, of which one runs after the resume: the others expire at the next one."""

    def script() -> None:
        world.insist(*PAUSE, {"reason": "a test"})
        put(world, cron="*/30 * * * * *", end=at(150), expires="next_fire")
        world.scheduler.sleep(250_000)
        world.insist(*RESUME)

    world.client(1, script)


SKEWED: Final = Nature(skew_ms=5000)
SCENARIOS: Final = (
    Scenario("expires, but begins in time", _in_time),
    Scenario("expires by some clocks", _at_the_margin, SKEWED),
    Scenario("expires, promoted by the timer", _promoted),
    Scenario("expires in a pause", _paused(expiresSeconds=30)),
    Scenario("expires in a pause, by clocks that differ", _paused(expiresSeconds=30), SKEWED),
    Scenario("expires, then redriven", _paused(_redriven, expiresSeconds=30)),
    Scenario("expires, with a subscription", _notified),
    Scenario("expires between attempts", _retried),
    Scenario("expires before a retry that was planned", _retry_found_late),
    Scenario("expires after its worker died", _worker_dies),
    Scenario("expires while it runs", _long),
    Scenario("expires behind a limit", _behind_a_limit),
    Scenario("expires behind others", _behind_others),
    Scenario("expires once it is released", _released),
    Scenario("expires as it is cancelled", _cancelled),
    Scenario("expires at the next fire", _fires),
)
