"""Record what the code at hand leaves behind, under its version."""

import json
from typing import Any, Final

from tests.simulation.explore import play
from tests.simulation.faults import Plan
from tests.simulation.recorded import FOLDER
from tests.simulation.scenarios.base import QUICK, Scenario, submit, submitting
from tests.simulation.world import Nature, World
from whendue.version import VERSION

RECORDED_S: Final = 12


def _busy(world: World) -> None:
    """A job in each state that lasts: delayed, far off, tried before, running, with a payload of its own, finished."""
    world.client(1, submitting(world, "delayed", delaySeconds=30, tags={"team": "a"}, priority="high"))
    world.client(1, submitting(world, "far-off", delaySeconds=400))
    backoff = {"baseSeconds": 40, "factor": 1, "jitter": "none"}
    world.client(1, submitting(world, "tried", do="flaky", times=1, maxAttempts=6, backoff=backoff))
    world.client(1, submitting(world, "running", takes_s=60, leaseSeconds=20, timeoutSeconds=300, maxAttempts=6))
    world.client(1, submitting(world, "bulky", do="bulky", bulk="p" * 500, delaySeconds=20, maxAttempts=6))
    world.client(1, submitting(world, "done"))

    def cancelling() -> None:
        job_id = submit(world, "asked-to-stop", "cancelled", takes_s=60, leaseSeconds=20, backoff=QUICK)
        world.scheduler.sleep(5000)
        world.insist("POST", f"/jobs/{job_id}/cancel")

    world.client(1, cancelling)


def record() -> dict[str, Any]:
    """Run a busy world for a while, and return what is in its table and queues at that moment."""
    world = play(Scenario("busy", _busy, Nature(worker_ms=300_000), RECORDED_S, settles=False), Plan())
    assert not world.monitor.violations, world.monitor.violations
    messages = [
        {"queue": name, "body": message.body, "delay_s": max(0, message.visible_at - world.scheduler.now_ms) // 1000}
        for name, queue in world.queue.messages.items()
        for message in queue
    ]
    expected = {job_id: sorted(known.expected) for job_id, known in world.monitor.accepted.items()}
    return {"items": [item for _, item in world.store.live()], "messages": messages, "expected": expected}


if __name__ == "__main__":
    (FOLDER / f"{VERSION}.json").write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n")
