"""Usage of a real stack: what its processes consume is divided among the jobs, priced, and shown over HTTP."""

from collections.abc import Callable
from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Stage

JOBS = 20


def test_usage_of_a_run_is_shown_with_its_cost(stage_named: Callable[..., Stage]) -> None:
    """The price list is deployed with the product, and a process writes its first usage at once."""
    stage = stage_named("usage", schedule_timer=False)
    with stage.http() as http:
        http.ended(http.batch([{"type": "demo.greet", "payload": {"name": str(n)}} for n in range(JOBS)]))

        def greetings() -> dict[str, Any]:
            answer = http.client.get("/usage")
            assert answer.status_code == 200
            return next((each for each in answer.json()["types"] if each["type"] == "demo.greet"), {})

        used = eventually(greetings, lambda got: got.get("ended", 0) > 0, every_s=1)
        assert 0 < used["ended"] <= JOBS
        assert used["writeUnits"] > 0
        assert used["cost"] > 0
        assert used["costPerMillion"] > 0
