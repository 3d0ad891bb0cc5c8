"""Pauses: before a claim, while jobs run, fail, lose messages and workers; resumed, or ended by themselves."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import QUICK, Scenario, submit
from tests.simulation.world import Nature, World

QUEUE, QUEUE_AGAIN = ("POST", "/queues/normal/pause"), ("POST", "/queues/normal/resume")
TENANT, TENANT_AGAIN = ("POST", "/pauses"), ("DELETE", "/pauses/tenant")
TYPE, TYPE_AGAIN = ("POST", "/pauses"), ("DELETE", "/pauses/types/sim")
WHY: Final = {"reason": "a test"}


def _pause(world: World, request: tuple[str, str] = QUEUE, **wanted: Any) -> None:
    answer = world.insist(*request, WHY | wanted)
    assert answer.status == 200, answer.text


def _resume(world: World, request: tuple[str, str] = QUEUE_AGAIN) -> None:
    answer = world.insist(*request)
    assert answer.status == 204, answer.text


def _before_the_claim(
    pause: tuple[str, str] = QUEUE,
    resume: tuple[str, str] = QUEUE_AGAIN,
    *,
    delay_s: float = 0,
    lasts_s: float = 100,
) -> Callable[[World], None]:
    """The job comes due in the pause: its message is dropped, or never sent."""

    def play(world: World) -> None:
        def script() -> None:
            _pause(world, pause)
            submit(world, "a", delaySeconds=delay_s)
            world.scheduler.sleep(round(1000 * (lasts_s + delay_s)))
            _resume(world, resume)

        world.client(1, script)

    return play


def _while_it_waits(world: World) -> None:
    """Its message is on its way already."""

    def script() -> None:
        submit(world, "a", delaySeconds=40)
        _pause(world)
        world.scheduler.sleep(60_000)
        _resume(world)

    world.client(1, script)


def _while_it_runs(world: World) -> None:
    """What runs finishes, and is not hurried."""

    def script() -> None:
        submit(world, "a", takes_s=20, leaseSeconds=6, maxAttempts=6)
        world.scheduler.sleep(5000)
        _pause(world)
        world.scheduler.sleep(100_000)
        _resume(world)

    world.client(1, script)


def _before_its_retry(world: World) -> None:
    """It fails while its queue is paused: the next attempt waits for the resume."""

    def script() -> None:
        submit(world, "a", do="flaky", takes_s=8, maxAttempts=6, backoff=QUICK)
        world.scheduler.sleep(2000)
        _pause(world)
        world.scheduler.sleep(100_000)
        _resume(world)

    world.client(1, script)


def _while_its_worker_dies(world: World) -> None:
    """Its second message comes while it is paused: nobody takes it over before the resume."""

    def script() -> None:
        submit(world, "a", do="poisonous", takes_s=4, leaseSeconds=5)
        world.scheduler.sleep(2000)
        _pause(world, TENANT)
        world.scheduler.sleep(200_000)
        _resume(world, TENANT_AGAIN)

    world.client(1, script)


def _while_a_cancelled_one_dies(world: World) -> None:
    """A cancelled job whose worker died ends without running again, pause or not."""

    def script() -> None:
        job_id = submit(world, "a", "cancelled dead", do="poison", takes_s=8)
        world.scheduler.sleep(2000)
        _pause(world, TYPE, type="sim")
        world.insist("POST", f"/jobs/{job_id}/cancel")
        world.scheduler.sleep(300_000)
        _resume(world, TYPE_AGAIN)

    world.client(1, script)


def _and_cancelled(world: World) -> None:
    """A cancel in a pause is a cancel."""

    def script() -> None:
        _pause(world)
        job_id = submit(world, "a", "cancelled succeeded")
        answer = world.insist("POST", f"/jobs/{job_id}/cancel")
        if answer.status == 200 and answer.json["state"] == "cancelled":
            world.monitor.cancelled(job_id)
        world.scheduler.sleep(70_000)
        _resume(world)

    world.client(1, script)


def _until_a_time(world: World) -> None:
    """Nobody has to resume."""

    def script() -> None:
        _pause(world, expiresAt="2027-01-15T08:01:40Z")
        submit(world, "a")
        submit(world, "b", delaySeconds=30)

    world.client(1, script)


def _twice(world: World) -> None:
    """Each pause costs at most one message."""

    def script() -> None:
        submit(world, "a", delaySeconds=50)
        for _ in range(2):
            _pause(world)
            world.scheduler.sleep(90_000)
            _resume(world)
            world.scheduler.sleep(10_000)

    world.client(1, script)


def _of_its_type_while_others_run(world: World) -> None:
    """A queue's worker claims the one and lets go of the other, in one batch."""

    def script() -> None:
        _pause(world, TYPE, type="sim")
        submit(world, "a", delaySeconds=20)
        submit(world, "b", type="other", delaySeconds=20)
        world.scheduler.sleep(100_000)
        _resume(world, TYPE_AGAIN)

    world.client(1, script)


def _a_neighbour_of_lost_ones(world: World) -> None:
    """Healing goes on beside a pause: the other queue's lost message comes back in time."""

    def script() -> None:
        _pause(world)
        submit(world, "a")
        submit(world, "b", priority="low")
        world.scheduler.sleep(300_000)
        _resume(world)

    world.client(1, script)


SCENARIOS: Final = (
    Scenario("paused before its claim", _before_the_claim()),
    Scenario("paused before its alarm", _before_the_claim(delay_s=200)),
    Scenario("paused while it waits", _while_it_waits),
    Scenario("paused while it runs", _while_it_runs),
    Scenario("paused before its retry", _before_its_retry),
    Scenario("paused, its message lost", _before_the_claim(), Nature(vanishing=1)),
    Scenario("paused until a time", _until_a_time),
    Scenario("paused twice", _twice),
    Scenario("paused and cancelled", _and_cancelled),
    Scenario("tenant paused", _before_the_claim(TENANT, TENANT_AGAIN)),
    Scenario("tenant paused before its alarm", _before_the_claim(TENANT, TENANT_AGAIN, delay_s=200)),
    Scenario("tenant paused, for long", _before_the_claim(TENANT, TENANT_AGAIN, lasts_s=400)),
    Scenario("paused, for longer than messages hide", _before_the_claim(lasts_s=200), Nature(visibility_s=70)),
    Scenario("tenant paused while its worker dies", _while_its_worker_dies, Nature(visibility_s=70)),
    Scenario("type paused while a cancelled one dies", _while_a_cancelled_one_dies, Nature(visibility_s=70)),
    Scenario("type paused while others run", _of_its_type_while_others_run),
    Scenario("paused beside lost messages", _a_neighbour_of_lost_ones, Nature(vanishing=2)),
)
