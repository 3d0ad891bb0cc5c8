"""A module that could not be imported: what callers, load balancers and stored jobs see of it."""

from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.declarations.discovery import ModuleFailure


def broken(world: World) -> None:
    world.registry.failed(ModuleFailure("functions.worker.tasks.bad", "ImportError", "bad.py:1"))


def test_a_broken_module_is_named_at_submit_and_at_health_which_stays_200(world: World, client: Client) -> None:
    """No load balancer is to take the API away: other tasks run."""
    broken(world)
    answer = client.send("POST", "/jobs", {"type": "order.remind"})
    assert (answer.status, answer.code) == (422, "unknown_task")
    assert "functions.worker.tasks.bad" in answer.json["detail"]
    for path in ("/health/ready", "/actuator/health"):
        health = client.send("GET", path)
        assert (health.status, health.json["status"]) == (200, "UP")
        assert health.json["components"]["tasks"] == {
            "status": "DEGRADED",
            "details": {"modules": ["functions.worker.tasks.bad"], "count": 1},
        }
    client.submit()


def test_stored_jobs_of_a_broken_module_wait_for_the_deploy_that_mends_it(world: World, client: Client) -> None:
    """Each attempt fails, and the next one comes after its backoff; and their type can be paused."""
    job = client.submit("ok")
    definition = world.registry.remove("ok")
    broken(world)
    world.work()
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert (shown["state"], shown["attempts"][0]["error"]["type"]) == ("scheduled", "unknown_task")
    assert client.send("POST", "/pauses", {"type": "ok", "reason": "until the deploy"}).status == 200
    client.send("DELETE", "/pauses/types/ok")
    world.registry.add(definition)
    world.pass_time(60)
    assert client.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"


def test_a_stored_workflow_of_a_broken_module_is_made_when_it_is_mended(world: World, client: Client) -> None:
    """It has not even begun: nothing of it can have failed for good."""
    flow = client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}).json["id"]
    definition = world.registry.remove("ok")
    broken(world)
    world.work()
    assert client.send("GET", f"/workflows/{flow}").json["state"] == "scheduled"
    world.registry.add(definition)
    world.pass_time(60)
    assert client.send("GET", f"/workflows/{flow}").json["state"] == "succeeded"
