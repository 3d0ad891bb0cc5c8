"""One job, or a few: run, delayed, retried, killed, cancelled, rescheduled, redriven."""

from typing import Any, Final

from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit, submitting
from tests.simulation.world import Nature, World


def _now(world: World) -> None:
    world.client(1, submitting(world, "a"))


def _delayed(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=30))


def _promoted(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=240))


def _retried(world: World) -> None:
    world.client(1, submitting(world, "a", do="flaky", times=2, maxAttempts=6, backoff=QUICK))


def _retried_later(world: World) -> None:
    backoff = {"baseSeconds": 200, "factor": 1, "jitter": "none"}
    world.client(1, submitting(world, "a", do="flaky", times=1, maxAttempts=6, backoff=backoff))


def _retried_at_the_margin(world: World) -> None:
    """Its next check comes a few seconds after the failure: writer and timer must agree on who sends."""
    backoff = {"baseSeconds": 125, "factor": 1, "jitter": "none"}
    world.client(1, submitting(world, "a", do="flaky", times=1, maxAttempts=6, backoff=backoff))


def _very_long(world: World) -> None:
    """It is still running when rescue looks at it."""
    world.client(1, submitting(world, "a", takes_s=150, leaseSeconds=20, timeoutSeconds=600, maxAttempts=6))


def _three_delayed(world: World) -> None:
    for number in range(3):
        world.client(1 + number, submitting(world, f"key-{number}", delaySeconds=20))


def _exhausted(world: World) -> None:
    world.client(1, submitting(world, "a", "dead", do="bad", maxAttempts=2, backoff=QUICK))


def _patient(world: World) -> None:
    world.client(1, submitting(world, "a", "dead", do="later", maxAttempts=2, backoff=QUICK))


def _poison(world: World) -> None:
    world.client(1, submitting(world, "a", "dead", do="poison", leaseSeconds=5))


def _poison_among_others(world: World) -> None:
    def script() -> None:
        jobs = [
            {"type": "sim", "payload": {"do": do}, "idempotencyKey": do, "leaseSeconds": 5} for do in ("poison", "ok")
        ]
        while True:
            answer = world.insist("POST", "/jobs/batch", {"jobs": jobs})
            items = answer.json["items"]
            if all(item["status"] in (200, 202) for item in items):
                break
        for item, expected in zip(items, ("dead", OK), strict=True):
            world.monitor.accept(type(answer)(item["status"], {}, _json(item["job"])), expected)

    world.client(1, script)


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def _long(world: World) -> None:
    world.client(1, submitting(world, "a", takes_s=20, leaseSeconds=6, maxAttempts=6))


def _stuck(world: World) -> None:
    world.client(1, submitting(world, "a", "dead", do="stuck", takes_s=40, timeoutSeconds=5, maxAttempts=1))


def _stuck_again(world: World) -> None:
    """The task does not stop when it is interrupted: nobody else may run it before its lease is over."""
    wanted = {"takes_s": 25, "timeoutSeconds": 5, "leaseSeconds": 9, "maxAttempts": 2, "backoff": QUICK}
    world.client(1, submitting(world, "a", "dead", do="stuck", **wanted))


def _tidies_up(world: World) -> None:
    """A task that stops soon after its interrupt has stopped: the next attempt need not wait for its lease."""
    wanted = {"takes_s": 40, "timeoutSeconds": 5, "leaseSeconds": 60, "maxAttempts": 2, "backoff": QUICK}
    world.client(1, submitting(world, "a", "dead", do="tidy", **wanted))


def _ends_at_its_heartbeat(world: World) -> None:
    """Its last moment is that of its heartbeat, and of its message's."""
    world.client(1, submitting(world, "a", takes_s=20, leaseSeconds=60, maxAttempts=6))


def _promoted_by_two_ticks(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=190))
    world.client(1, submitting(world, "b", delaySeconds=260))


def _cancelled_early(world: World) -> None:
    def script() -> None:
        job_id = submit(world, "a", "cancelled succeeded", delaySeconds=20)
        answer = world.insist("POST", f"/jobs/{job_id}/cancel")
        if answer.status == 200 and answer.json["state"] == "cancelled":
            world.monitor.cancelled(job_id)

    world.client(1, script)


def _cancelled_while_running(world: World) -> None:
    def script() -> None:
        job_id = submit(world, "a", "cancelled succeeded", takes_s=20, leaseSeconds=6, maxAttempts=6)
        world.scheduler.sleep(5000)
        world.insist("POST", f"/jobs/{job_id}/cancel")

    world.client(1, script)


def _cancelled_and_fails(world: World) -> None:
    """A failure after the cancel is no reason to try again."""

    def script() -> None:
        job_id = submit(world, "a", "cancelled succeeded dead", do="spoilt", takes_s=20, leaseSeconds=6, backoff=QUICK)
        world.scheduler.sleep(5000)
        world.insist("POST", f"/jobs/{job_id}/cancel")

    world.client(1, script)


def _careless(world: World) -> None:
    """The task goes on for longer than its lease; it keeps its job all the same."""

    def script() -> None:
        wanted = {"takes_s": 200, "leaseSeconds": 20, "timeoutSeconds": 600, "maxAttempts": 6}
        job_id = submit(world, "a", "succeeded cancelled", do="careless", **wanted)
        world.scheduler.sleep(100_000)
        world.insist("POST", f"/jobs/{job_id}/cancel")

    world.client(1, script)


def _rescheduled(world: World) -> None:
    def script() -> None:
        job_id = submit(world, "a", delaySeconds=20)
        world.insist("PATCH", f"/jobs/{job_id}", {"dueAt": "2027-01-15T08:05:00Z", "priority": "high"})
        world.insist("PATCH", f"/jobs/{job_id}", {"dueAt": "2027-01-15T08:00:30Z"})

    world.client(1, script)


def _cancelled_and_rescheduled(world: World) -> None:
    """By two clients at once: each decides on a job that the other is about to change."""
    job_ids: list[str] = []

    def rescheduling() -> None:
        job_ids.append(submit(world, "a", "cancelled succeeded", delaySeconds=200))
        world.scheduler.sleep(5000)
        world.insist("PATCH", f"/jobs/{job_ids[0]}", {"dueAt": "2027-01-15T08:04:00Z", "priority": "high"})

    def cancelling() -> None:
        while not job_ids:
            world.scheduler.sleep(1000)
        # Asked once: what arrives late must not meet a job that another has changed.
        world.ask("POST", f"/jobs/{job_ids[0]}/cancel")

    world.client(1, rescheduling)
    world.client(5.99, cancelling)


def _redriven(world: World) -> None:
    def script() -> None:
        job_id = submit(world, "a", "dead", do="bad", maxAttempts=1)
        while world.insist("GET", f"/jobs/{job_id}").json["state"] != "dead":
            world.scheduler.sleep(10_000)
        world.monitor.redriven(job_id, "dead")
        world.insist("POST", f"/jobs/{job_id}/redrive")

    world.client(1, script)


def _redriven_after_a_cancel(world: World) -> None:
    """The cancel that ended it does not end it again."""

    def script() -> None:
        job_id = submit(world, "a", "cancelled succeeded", takes_s=20, leaseSeconds=6, maxAttempts=6)
        world.scheduler.sleep(5000)
        world.insist("POST", f"/jobs/{job_id}/cancel")
        while (state := world.insist("GET", f"/jobs/{job_id}").json["state"]) not in ("cancelled", "succeeded"):
            world.scheduler.sleep(10_000)
        if state == "cancelled":
            world.monitor.redriven(job_id, OK)
            world.insist("POST", f"/jobs/{job_id}/redrive")

    world.client(1, script)


def _redriven_in_bulk(world: World) -> None:
    def script() -> None:
        ids = [submit(world, key, "dead", do="hopeless") for key in ("a", "b")]
        for job_id in ids:
            while world.insist("GET", f"/jobs/{job_id}").json["state"] != "dead":
                world.scheduler.sleep(10_000)
            world.monitor.redriven(job_id, "dead")
        world.scheduler.sleep(1000)
        world.insist("POST", "/dead-letters/redrive", {"ratePerSecond": 0.1})

    world.client(1, script)


def _bulky(world: World) -> None:
    world.client(1, submitting(world, "a", do="bulky", bulk="p" * 2000, maxAttempts=9, backoff=QUICK))


def _blob(world: World) -> None:
    world.client(1, submitting(world, "a", do="huge", bulk="p" * 300_000, maxAttempts=9, backoff=QUICK))


def _given_up_on(world: World) -> None:
    """SQS gives up on the message before the application does."""
    world.client(1, submitting(world, "a", "dead succeeded", do="poisonous", times=2, leaseSeconds=5))


def _given_up_on_early(world: World) -> None:
    """SQS gives up on messages that came early, by the clock of the function that is told."""
    backoff = {"baseSeconds": 30, "factor": 1, "jitter": "none"}
    for number in range(3):
        script = submitting(world, f"key-{number}", "dead succeeded", do="flaky", delaySeconds=20, backoff=backoff)
        world.client(1 + number, script)


def _given_up_on_while_it_runs(world: World) -> None:
    """Its message is lost sight of; whoever runs it goes on."""
    wanted: dict[str, Any] = {"takes_s": 150, "leaseSeconds": 20, "timeoutSeconds": 600, "maxAttempts": 6}
    world.client(1, submitting(world, "a", "dead succeeded", **wanted))


def _same_key(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=5))
    world.client(1, submitting(world, "a", delaySeconds=5))


def _batch(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=8))
    world.client(1, submitting(world, "b", do="flaky", maxAttempts=6, backoff=QUICK, delaySeconds=8))
    world.client(1, submitting(world, "c", do="once", delaySeconds=8, maxAttempts=6))


def _two_timers(world: World) -> None:
    world.client(1, submitting(world, "a", delaySeconds=190))
    world.client(1, submitting(world, "b", delaySeconds=190))


# A message comes again after 110 s, so that what is late by 100 s arrives before it.
GIVING_UP: Final = Nature(max_receive_count=1, visibility_s=110)
GIVING_UP_EARLY: Final = Nature(max_receive_count=1, visibility_s=110, skew_ms=5000)
GIVING_UP_ON_THE_RUNNING: Final = Nature(max_receive_count=1, visibility_s=70, worker_ms=300_000)
SCENARIOS: Final = (
    Scenario("now", _now, Nature(punctual=True)),
    Scenario("delayed in its queue", _delayed, Nature(punctual=True)),
    Scenario("promoted by the timer", _promoted, Nature(punctual=True)),
    Scenario("promoted by two ticks", _promoted_by_two_ticks, Nature(punctual=True)),
    Scenario("retried", _retried, Nature(punctual=True)),
    Scenario("retried much later", _retried_later, Nature(punctual=True)),
    Scenario("exhausted", _exhausted),
    Scenario("asks for patience", _patient),
    Scenario("poison", _poison),
    Scenario("poison among others", _poison_among_others),
    Scenario("long, kept by heartbeats", _long),
    Scenario("retried at the margin of its alarm", _retried_at_the_margin, Nature(punctual=True)),
    Scenario("very long", _very_long, Nature(worker_ms=300_000, visibility_s=70, punctual=True)),
    Scenario("its message lost three times", _now, Nature(vanishing=3)),
    Scenario("clocks that differ", _three_delayed, Nature(skew_ms=5000)),
    Scenario("stuck", _stuck),
    Scenario("stuck, tried again", _stuck_again),
    Scenario("interrupted, tidies up", _tidies_up),
    Scenario("ends at its heartbeat", _ends_at_its_heartbeat, Nature(visibility_s=50)),
    Scenario("cancelled before it runs", _cancelled_early),
    Scenario("cancelled while it runs", _cancelled_while_running),
    Scenario("cancelled, then fails", _cancelled_and_fails, Nature(punctual=True)),
    Scenario("cancelled, and does not care", _careless, Nature(worker_ms=300_000, visibility_s=70)),
    Scenario("rescheduled twice", _rescheduled, Nature(punctual=True)),
    Scenario("cancelled by one, rescheduled by another", _cancelled_and_rescheduled),
    Scenario("redriven", _redriven),
    Scenario("redriven after a cancel", _redriven_after_a_cancel),
    Scenario("redriven in bulk", _redriven_in_bulk),
    Scenario("payload and result in items", _bulky),
    Scenario("payload and result in blobs", _blob),
    Scenario("given up on by SQS", _given_up_on, Nature(max_receive_count=1, visibility_s=70)),
    Scenario("poison, given up on by SQS", _poison, GIVING_UP),
    Scenario("given up on before it is due", _given_up_on_early, GIVING_UP_EARLY),
    Scenario("given up on while it runs", _given_up_on_while_it_runs, GIVING_UP_ON_THE_RUNNING),
    Scenario("two clients, one key", _same_key),
    Scenario("a batch of three", _batch),
    Scenario("two timers at once", _two_timers, Nature(timers=2, latency_ms=(3, 9), punctual=True)),
)
