"""A schedule that fires each five seconds beside the other tests: its two minutes pass while they run."""

from tests.e2e.stage import Stage

TENANT = NAME = "five-seconds"
PATH = f"/schedules/{NAME}"
EVERY_S = 5


def begin(stage: Stage) -> None:
    """Create it on the stack."""
    job = {"type": "e2e.nominal", "payload": {}}
    with stage.http(tenant=TENANT) as http:
        http.client.put(PATH, json={"cron": f"*/{EVERY_S} * * * * *", "job": job}).raise_for_status()
