"""Profiles that are edited while jobs run under them, by one client and by several."""

from typing import Any, Final

from tests.builders.gateway import Answer
from tests.simulation.scenarios.base import QUICK, Scenario, submit
from tests.simulation.world import Nature, World

PATH: Final = "/profiles/mine"
VERSIONS: Final[tuple[dict[str, Any], ...]] = (
    {"maxAttempts": 6, "backoff": QUICK, "timeoutSeconds": 20, "neverRetry": ["KeyError"]},
    {"maxAttempts": 7, "backoff": QUICK | {"baseSeconds": 3}, "leaseSeconds": 20, "priority": "high"},
    {"retries": 9, "timeoutSeconds": 25},
)


def put(world: World, body: dict[str, Any], **headers: str) -> Answer:
    """Put the profile; what was acknowledged must stay. A lock that was lost with a reply is looked up."""
    answer = world.insist("PUT", PATH, body, **headers)
    if answer.status == 412:
        answer = world.insist("GET", PATH)
    kept = world.insist("GET", f"{PATH}/versions/{answer.json['version']}")
    if kept.json != answer.json:
        world.monitor.wrong("an acknowledged version is not what was put")
    return answer


def match(answer: Answer) -> dict[str, str]:
    """Lock on the version of an answer."""
    return {"If-Match": answer.headers["etag"]}


def _edited_while_jobs_are_retried(world: World) -> None:
    """One follows, one keeps what it was accepted under."""

    def script() -> None:
        first = put(world, VERSIONS[0])
        for key, follow in (("keeps", False), ("follows", True)):
            submit(world, key, do="flaky", times=2, profile="mine", followProfile=follow, timeoutSeconds=15)
        second = put(world, VERSIONS[1], **match(first))
        submit(world, "later", do="flaky", times=1, profile="mine")
        world.scheduler.sleep(2500)
        put(world, VERSIONS[2], **match(second))

    world.client(1, script)


def _made_final(world: World) -> None:
    """An edit says that the error is never retried: the follower's next failure is its last."""

    def script() -> None:
        put(world, VERSIONS[0] | {"follow": True, "neverRetry": []})
        job_id = submit(world, "follows", "dead", do="bad", profile="mine")
        put(world, VERSIONS[0] | {"follow": True, "neverRetry": ["RuntimeError"], "maxAttempts": 50})
        while (job := world.insist("GET", f"/jobs/{job_id}").json)["state"] != "dead":
            world.scheduler.sleep(5000)
        # The first version gives it six attempts, the second one ends it with the next.
        if job["attempt"] > VERSIONS[0]["maxAttempts"]:
            world.monitor.wrong(f"an error that is never retried was retried {job['attempt']} times")

    world.client(1, script)


def _last_writer_wins(world: World) -> None:
    """Two edit without a lock: both versions are kept, in some order."""
    for number, body in enumerate(VERSIONS[:2]):
        world.client(1, lambda body=body, number=number: _put_and_submit(world, body, f"key-{number}"))  # type: ignore[misc]


def _put_and_submit(world: World, body: dict[str, Any], key: str) -> None:
    put(world, body)
    submit(world, key, do="flaky", profile="mine")


def _counted_up(world: World) -> None:
    """Two read, add one and put under a lock: nobody's addition is lost, nobody's counts for two."""
    versions: set[int] = set()
    world.client(1, lambda: _add_up(world, versions))
    world.client(1, lambda: _add_up(world, versions))


def _add_up(world: World, versions: set[int]) -> None:
    done = 0
    while done < 2:
        now = world.insist("GET", PATH)
        lock = match(now) if now.status == 200 else {"If-None-Match": "*"}
        number = 1 + (now.json["timeoutSeconds"] if now.status == 200 else 0)
        answer = world.insist("PUT", PATH, {"timeoutSeconds": number}, **lock)
        if answer.status == 412:
            continue
        if answer.json["version"] != number or number in versions:
            world.monitor.wrong("an addition was lost, or is two clients'")
        versions.add(number)
        done += 1


def _deleted_and_made_again(world: World) -> None:
    """Jobs accepted before go on; a job that names what is gone is refused; numbers go on, too."""

    def script() -> None:
        made = put(world, VERSIONS[0])
        for follow in (False, True):
            submit(world, f"follow-{follow}", do="flaky", times=2, profile="mine", followProfile=follow)
        gone = world.insist("DELETE", PATH)
        assert gone.status in (204, 404), gone.text
        refused = world.insist("POST", "/jobs", {"type": "sim", "profile": "mine"})
        if refused.status != 422 or refused.code != "unknown_profile":
            world.monitor.wrong("a job was accepted under a deleted profile")
        world.scheduler.sleep(3000)
        again = put(world, VERSIONS[1])
        if again.json["version"] <= made.json["version"] + 1:
            world.monitor.wrong("a version that was deleted came back")
        submit(world, "again", profile="mine")

    world.client(1, script)


SCENARIOS: Final = (
    Scenario("a profile edited while jobs are retried", _edited_while_jobs_are_retried),
    Scenario("a profile makes an error final", _made_final),
    Scenario("two edit a profile, the last one wins", _last_writer_wins, Nature(latency_ms=(3, 9))),
    Scenario("two count up in a profile", _counted_up, Nature(latency_ms=(3, 9))),
    Scenario("a profile deleted and made again", _deleted_and_made_again),
)
