"""Unique jobs: submits that meet, replace each other and put each other off, with workers, cancels and redrives."""

from typing import Any, Final

from tests.simulation.scenarios.base import OK, QUICK, Scenario
from tests.simulation.scenarios.schedules import at, put
from tests.simulation.world import Nature, World

# One that is replaced is cancelled; after a fault a later one may come too late to replace it.
REPLACED_OR_NOT: Final = "cancelled succeeded"
PENDING: Final[dict[str, Any]] = {"key": "k", "scope": "pending"}


def _submit(world: World, key: str, expected: str, unique: dict[str, Any], do: str = "ok", **wanted: Any) -> str | None:
    """Submit a job until it is accepted or meets a conflict."""
    payload = {"do": do} | {name: wanted.pop(name) for name in ("takes_s", "times") if name in wanted}
    body = {"type": "sim", "payload": payload, "unique": unique, **wanted}
    answer = world.insist("POST", "/jobs", body, key)
    if answer.status == 409:
        assert answer.json["code"] == "unique_conflict", answer.text
        return None
    assert answer.status in (200, 202), answer.text
    return world.monitor.accept(answer, expected)


def _clients(world: World, count: int, every_s: float, expected: str, unique: dict[str, Any], **wanted: Any) -> None:
    for number in range(count):

        def script(number: int = number) -> None:
            _submit(world, f"key-{number}", expected, unique, **dict(wanted))

        world.client(1 + number * every_s, script)


def _together(world: World) -> None:
    """Three at once: whoever is first is the answer of all."""
    _clients(world, 3, 0, OK, {"key": "k"}, maxAttempts=6)


def _large(world: World) -> None:
    """Their payloads are items of their own, written before."""
    _clients(world, 2, 0.1, OK, {"byPayload": []}, maxAttempts=6, tags={"a": "b" * 60})


def _replaced(world: World) -> None:
    """The second replaces the first, unless that has begun."""
    _clients(world, 3, 4, REPLACED_OR_NOT, PENDING | {"onConflict": "replace"}, delaySeconds=6, maxAttempts=6)


def _replaced_while_it_runs(world: World) -> None:
    """A claim and a replacement meet: one of the two happens."""
    unique = {"key": "k", "onConflict": "replace"}
    _clients(world, 3, 5, REPLACED_OR_NOT, unique, delaySeconds=5, takes_s=3, maxAttempts=6)


def _postponed(world: World) -> None:
    """Each puts off the one before, up to the longest wait."""
    unique = PENDING | {"onConflict": "postpone", "maxWaitSeconds": 10}
    _clients(world, 4, 3, REPLACED_OR_NOT, unique, delaySeconds=5, maxAttempts=6)


def _throttled(world: World) -> None:
    """By the clock of one process the time is over, by that of another it is not."""
    _clients(world, 4, 4, OK, {"key": "k", "scope": "for_seconds", "forSeconds": 8}, maxAttempts=6)


def _dead(world: World) -> None:
    """A dead job holds its key until it is redriven and succeeds."""

    def script() -> None:
        unique = {"key": "k", "scope": "until_success"}
        job_id = _submit(world, "a", "dead succeeded", unique, do="flaky", times=1, maxAttempts=1, backoff=QUICK)
        world.scheduler.sleep(30_000)
        _submit(world, "b", "dead succeeded", unique, maxAttempts=6)
        answer = world.ask("POST", f"/jobs/{job_id}/redrive")
        if job_id and answer is not None and answer.status in (200, 202):
            world.monitor.redriven(job_id, "dead succeeded")

    world.client(1, script)


def _cancelled(world: World) -> None:
    """A cancel releases the key, and a redrive does not take it back."""

    def script() -> None:
        job_id = _submit(world, "a", REPLACED_OR_NOT, {"key": "k"}, delaySeconds=60, maxAttempts=6)
        world.insist("POST", f"/jobs/{job_id}/cancel")
        _submit(world, "b", OK, {"key": "k"}, delaySeconds=60, maxAttempts=6)
        answer = world.ask("POST", f"/jobs/{job_id}/redrive")
        if job_id and answer is not None and answer.status in (200, 202):
            world.monitor.redriven(job_id, OK)

    world.client(1, script)


def _ended(world: World, job_id: str | None, states: str) -> None:
    """Wait until a job has ended so."""
    while world.insist("GET", f"/jobs/{job_id}").json["state"] not in states.split():
        world.scheduler.sleep(10_000)


def _followed(world: World, first: str | None, unique: dict[str, Any], key: str = "b") -> None:
    """Submit once more: the key is free, whoever released it."""
    second = _submit(world, key, OK, unique, maxAttempts=6)
    if second is None or second == first:
        world.monitor.wrong("an ended job still holds its unique key")


def _lost(world: World) -> None:
    """Each of its workers dies of it, and its end releases the key."""

    def script() -> None:
        unique = {"key": "k"}
        first = _submit(world, "a", "dead", unique, do="poison", leaseSeconds=5)
        _ended(world, first, "dead")
        _followed(world, first, unique)

    world.client(1, script)


def _expired(world: World) -> None:
    """It never begins, and holds nothing once that is known."""

    def script() -> None:
        unique = {"key": "k", "scope": "until_success"}
        world.insist("POST", "/pauses", {"reason": "a test"})
        first = _submit(world, "a", "expired", unique, expiresSeconds=30)
        world.scheduler.sleep(200_000)
        world.insist("DELETE", "/pauses/tenant")
        _ended(world, first, "expired")
        _followed(world, first, unique)

    world.client(1, script)


def _expired_and_not_found(world: World) -> None:
    """By the clock of the one who submits it has expired, by that of a worker it may begin yet: one of the two happens.

    They are let go at its expiry, when a message of it is on its way.
    """

    def script() -> None:
        unique = {"key": "k"}
        world.insist("POST", "/pauses", {"reason": "a test"})
        first = _submit(world, "a", "expired succeeded", unique, delaySeconds=20, expiresSeconds=10, maxAttempts=6)
        world.scheduler.sleep(24_000)
        world.insist("DELETE", "/pauses/tenant")
        for number in range(4):
            _submit(world, f"b{number}", "expired succeeded", unique, maxAttempts=6)
            world.scheduler.sleep(2000)
        world.scheduler.sleep(15_000)
        # Whichever it was, the key is free.
        if _submit(world, "c", OK, unique, maxAttempts=6) == first:
            world.monitor.wrong("a submit is answered with a job that can never run")

    world.client(1, script)


def _erased(world: World) -> None:
    """A job that is gone holds nothing, although the key still names it."""

    def script() -> None:
        unique = {"key": "k", "scope": "for_seconds", "forSeconds": 3000}
        first = _submit(world, "a", OK, unique, maxAttempts=6)
        _ended(world, first, "succeeded dead")
        again = _submit(world, "b", OK, unique, maxAttempts=6)
        if again != first:
            world.monitor.wrong("a job does not hold its unique key for its time")
        world.monitor.erasing.add(str(first))
        while world.insist("DELETE", f"/jobs/{first}").status not in (204, 404):
            world.scheduler.sleep(10_000)
        _followed(world, first, unique, "c")

    world.client(1, script)


def _cancelled_as_it_runs(world: World) -> None:
    """It holds its key until it has really ended: its worker decides when."""

    def script() -> None:
        unique = {"key": "k"}
        first = _submit(world, "a", "cancelled succeeded dead", unique, takes_s=15, leaseSeconds=6, maxAttempts=6)
        world.scheduler.sleep(4000)
        world.insist("POST", f"/jobs/{first}/cancel")
        _ended(world, first, "cancelled succeeded dead")
        _followed(world, first, unique)

    world.client(1, script)


def _scheduled(world: World) -> None:
    """A fire whose key is held is skipped, whichever timer decides it; the others run."""
    unique = {"key": "k"}
    job = {"type": "sim", "payload": {"do": "ok"}, "maxAttempts": 6, "unique": unique}

    def script() -> None:
        _submit(world, "a", OK, unique, delaySeconds=250, maxAttempts=6)
        put(world, cron="0 */3 * * * *", job=job, end=at(600))

    world.client(1, script)


SCENARIOS: Final = (
    Scenario("unique, submitted at once", _together),
    Scenario("unique, by the whole payload", _large),
    Scenario("unique, replaced", _replaced),
    Scenario("unique, replaced as it begins", _replaced_while_it_runs),
    Scenario("unique, postponed", _postponed),
    Scenario("unique, throttled by clocks that differ", _throttled, Nature(skew_ms=5000)),
    Scenario("unique, dead and redriven", _dead),
    Scenario("unique, cancelled and redriven", _cancelled),
    Scenario("unique, and its workers die", _lost),
    Scenario("unique, and expired", _expired),
    Scenario("unique, and not yet found expired", _expired_and_not_found, Nature(skew_ms=5000)),
    Scenario("unique, and erased", _erased),
    Scenario("unique, cancelled as it runs", _cancelled_as_it_runs),
    Scenario("unique, fires of a schedule", _scheduled),
)
