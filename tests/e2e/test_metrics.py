"""What operators see of a run: a real Prometheus' numbers are those of the run, and so is every line in EMF."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from localstack.emulator import Emulator
from tests.builders.emf import SCHEMA, metrics_of
from tests.builders.monitoring import RULES, queries
from tests.builders.waiting import eventually
from tests.e2e.prometheus import scraping
from tests.e2e.stage import Stage

QUICK = {"baseSeconds": 1, "factor": 1, "jitter": "none"}
JOBS: list[dict[str, Any]] = [
    *[{"type": "demo.greet", "payload": {"name": str(n)}} for n in range(30)],
    *[{"type": "demo.flaky", "payload": {"failures": 1}, "retries": 2, "backoff": QUICK} for _ in range(4)],
    *[{"type": "demo.broken", "payload": {"reason": "always"}, "retries": 1, "backoff": QUICK} for _ in range(3)],
]
ATTEMPTS = 30 + 4 * 2 + 3 * 2
# What the run produced. One more job kills its worker: what that one had counted, its attempt, is lost with it, and
# nothing else; whoever takes over counts its own.
PRODUCED = {
    "sum(whendue_jobs_submitted_total)": len(JOBS) + 1,
    "sum(whendue_jobs_ended_total)": len(JOBS) + 1,
    'sum(whendue_jobs_ended_total{state="succeeded"})': 34 + 1,
    'whendue_jobs_ended_total{type="demo.broken", state="dead", queue="normal"}': 3,
    'sum(whendue_jobs_ended_total{state="dead"})': 3,
    "sum(whendue_retries_total)": 4 + 3,
    "sum(whendue_attempts_total)": ATTEMPTS + 1,
    'sum(whendue_attempts_failed_total{error="other"})': 4 + 3 * 2,
    "sum(whendue_attempts_failed_total)": 4 + 3 * 2,
    "sum(whendue_execution_seconds_count)": ATTEMPTS + 1,
    'sum(whendue_lateness_seconds_bucket{le="+Inf"})': ATTEMPTS + 1,
}


def test_prometheus_has_the_numbers_of_the_run(
    stage_named: Callable[..., Stage], emulated: Emulator, tmp_path: Path
) -> None:
    """Counters of many processes, scraped with the shipped configuration; one worker is killed on the way."""
    stage = stage_named("metrics", schedule_timer=True)
    with scraping(stage, tmp_path) as prometheus, stage.http() as http:
        http.ended(http.batch(JOBS))
        # It runs when everything else has been counted, and takes nobody's counts along.
        eventually(lambda: prometheus.number("sum(whendue_attempts_total)"), lambda n: n == ATTEMPTS, every_s=3)
        killer = http.submit("e2e.noted", {"path": str(tmp_path / "noted"), "dies": True})
        [ended] = http.ended([killer])
        assert ended["state"] == "succeeded"

        def all_there() -> dict[str, float | None]:
            # What an API process has held back goes with its next request.
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: http.client.get("/health"), range(4)))
            return {query: prometheus.number(query) for query in PRODUCED}

        eventually(all_there, lambda got: got == PRODUCED, every_s=3)
        for title, query in queries().items():
            prometheus.ask(query)
            assert "whendue_" in query or query.startswith("up"), title
        assert prometheus.number('up{job="whendue"}') == 1
        assert prometheus.number("sum(whendue_queue_messages)") == 0
        assert set(eventually(prometheus.alerts)) == {rule["alert"] for rule in RULES}
    insist_on_emf(stage.home.printed(emulated))


def insist_on_emf(printed: Sequence[str]) -> None:
    """Hold every line with metrics against AWS's schema."""
    lines = [_object(line) for line in printed if '"_aws"' in line]
    assert lines
    for line in lines:
        SCHEMA.validate(line)
    counted = {name for line in lines for name in metrics_of(line)}
    wanted = {"attempts", "attempts_failed", "retries", "jobs_succeeded", "jobs_dead"}
    assert counted >= wanted | {"execution_seconds", "lateness_seconds"}


def _object(line: str) -> dict[str, Any]:
    """Return the JSON object that a line ends with: the emulator puts its own words before it."""
    read: dict[str, Any] = json.loads(line[line.index("{") :])
    return read
