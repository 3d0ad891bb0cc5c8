"""GET /tasks: what can be submitted, whether the API imports the tasks or reads their manifest."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.declarations.described import DescribedTask
from whendue.declarations.discovery import ModuleFailure
from whendue.declarations.registry import Registry, task
from whendue.errors import NotAllowedError
from whendue.manifest.described_tasks import manifest_of
from whendue.manifest.model import Manifest
from whendue.quotas import MANIFEST_BYTES, SCHEMA_BYTES


class Order(BaseModel):
    """An order."""

    number: int = Field(alias="orderNumber", ge=1)

    @field_validator("number")
    @classmethod
    def _is_no_thirteen(cls, value: int) -> int:
        if value == 13:
            raise ValueError("is unlucky")
        return value


def remind(payload: Order) -> int:
    """Remind of an order."""
    return payload.number


def forbid(payload: Order, tenant: str) -> None:
    if payload.number == 7:
        raise NotAllowedError(f"{tenant} has no seven")


def declare(world: World) -> None:
    task("order.remind", registry=world.registry, max_attempts=3, queue="low", base_s=2, check=forbid)(remind)


def described(world: World) -> World:
    """Return the API's side of a world: it has the same stores, and the manifest of the tasks alone."""
    api, registry = World(clock=world.clock), Registry()
    manifest_of(world.registry, ["tests"]).register(registry)
    api.table, api.queues, api.blobs, api.registry = world.table, world.queues, world.blobs, registry
    api.app = api.build()
    return api


@pytest.fixture(params=["imported", "described"])
def client(world: World, request: pytest.FixtureRequest) -> Client:
    """An API of either kind."""
    declare(world)
    return Client(api_of(described(world) if request.param == "described" else world), a_token())


def test_a_task_is_shown_with_its_policy_and_its_schema(client: Client) -> None:
    """All that a caller needs to submit it."""
    shown = client.send("GET", "/tasks/order.remind")
    assert shown.status == 200
    assert shown.json == {
        "name": "order.remind",
        # Of a task that a test declares, it is the one that runs the tests.
        "module": shown.json["module"],
        "description": "Remind of an order.",
        "payloadSchema": Order.model_json_schema(),
        "queue": "low",
        "unique": None,
        "policy": {
            "maxAttempts": 3,
            "backoff": {"baseSeconds": 2.0, "factor": None, "capSeconds": None, "jitter": None},
            "ownBackoff": False,
            "timeoutSeconds": None,
            "leaseSeconds": None,
            "retentionSeconds": None,
        },
    }
    listed = client.send("GET", "/tasks").json
    assert shown.json in listed["items"]
    assert [each["name"] for each in listed["items"]] == ["bad", "ok", "order.remind", "workflow"]
    assert (listed["failures"], listed["cursor"]) == ([], None)


def test_a_task_that_nobody_knows_is_not_found(client: Client) -> None:
    """Nor those of deliveries, which no user submits."""
    for name in ("none", "notify.webhook"):
        answer = client.send("GET", f"/tasks/{name}")
        assert (answer.status, answer.code) == (404, "task_not_found")


def test_modules_that_could_not_be_imported_are_named(world: World, client: Client) -> None:
    """With the class of their error; where it was is in the log."""
    broken = Client(api_of(world), a_token())
    world.registry.failed(ModuleFailure("tasks.bad", "KeyError", "/var/task/tasks/bad.py:1"))
    world.registry.lose("bad.one", "its module tasks.bad could not be imported")
    assert broken.send("GET", "/tasks").json["failures"] == [{"module": "tasks.bad", "errorType": "KeyError"}]
    answer = broken.send("GET", "/tasks/bad.one")
    assert (answer.status, answer.code) == (404, "task_not_found")
    assert "tasks.bad" in answer.json["detail"]


def test_reading_tasks_needs_the_scope_of_reading(world: World) -> None:
    """As with jobs."""
    for path in ("/tasks", "/tasks/ok"):
        writer = Client(api_of(world), a_token(scopes="jobs:write"))
        assert writer.send("GET", path).code == "forbidden"


def test_the_tasks_of_the_largest_manifest_can_be_listed(world: World) -> None:
    """An answer has a bound of its own (docs/reference/quotas.md), and is escaped within it."""
    fields = {f"field_{number}": {"type": "integer", "title": f"Field {number}"} for number in range(900)}
    schema = {"type": "object", "properties": fields}
    size = len(json.dumps(schema, separators=(",", ":")))
    tasks = [
        DescribedTask(f"t.{number}", "tasks.large", schema=schema)
        for number in range(int(MANIFEST_BYTES / size / 1.01))
    ]
    manifest = Manifest(["tasks"], tasks)
    assert size < SCHEMA_BYTES
    assert len(manifest.to_json()) > 0.9 * MANIFEST_BYTES
    manifest.register(world.registry)
    assert Client(api_of(world), a_token()).send("GET", "/tasks").status == 200


# --- a job of a task that the API does not import -----------------------------------------------------------------


@pytest.fixture
def submitted(world: World) -> Callable[[Any], Any]:
    """Submit to an API with a manifest; the worker, which imports the task, runs the job."""
    declare(world)
    client = Client(api_of(described(world)), a_token())

    def submit(payload: Any) -> Any:
        answer = client.send("POST", "/jobs", {"type": "order.remind", "payload": payload})
        if answer.status == 202:
            world.work()
        return answer

    return submit


def test_a_payload_that_does_not_fit_the_schema_is_refused_at_submit(submitted: Callable[[Any], Any]) -> None:
    """As if the task were imported: with its place, and no value."""
    answer = submitted({"orderNumber": "no-number"})
    assert (answer.status, answer.code) == (422, "invalid_payload")
    assert [each["where"] for each in answer.json["errors"]] == ["orderNumber"]
    assert "no-number" not in answer.text


@pytest.mark.parametrize(
    ("number", "state"),
    [(5, "succeeded"), ("5", "succeeded"), (13, "dead"), (7, "dead")],
    ids=["fits", "is converted", "is refused by a validator", "is refused by the check"],
)
def test_the_model_and_the_check_decide_in_the_worker(
    client_of: Callable[..., Client], submitted: Callable[[Any], Any], number: object, state: str
) -> None:
    """No attempt can mend the payload: the job ends at once, as `invalid_payload`."""
    submitted({"orderNumber": number})
    client = client_of()
    [job] = client.send("GET", "/jobs").json["items"]
    shown = client.send("GET", f"/jobs/{job['id']}").json
    errors = [attempt["error"]["type"] for attempt in shown["attempts"] if attempt["error"]]
    assert (shown["state"], errors) == (state, [] if state == "succeeded" else ["invalid_payload"])


def test_a_check_that_fails_instead_of_refusing_is_tried_again(world: World) -> None:
    """It may have asked a service that does not answer now."""
    answers = iter([ConnectionError("down"), None])

    def check(payload: Order, tenant: str) -> None:
        if error := next(answers):
            raise error

    task("order.checked", registry=world.registry, check=check)(remind)
    client = Client(api_of(described(world)), a_token())
    job = client.send("POST", "/jobs", {"type": "order.checked", "payload": {"orderNumber": 1}}).json["id"]
    world.work()
    assert client.send("GET", f"/jobs/{job}").json["attempts"][0]["error"]["type"] == "ConnectionError"
    world.pass_time(120)
    assert client.send("GET", f"/jobs/{job}").json["state"] == "succeeded"


def test_the_tasks_policy_is_known_at_submit(world: World) -> None:
    """The worker finds it in the job."""
    declare(world)
    client = Client(api_of(described(world)), a_token())
    job = client.send("POST", "/jobs", {"type": "order.remind", "payload": {"orderNumber": 1}}).json["id"]
    effective = client.send("GET", f"/jobs/{job}").json["effective"]
    assert effective["maxAttempts"] == {"value": 3, "source": "task"}


def test_a_refusal_in_the_worker_says_where_the_payload_does_not_fit(world: World) -> None:
    """Nothing else does, where submit knows the schema alone. Not where in whendue; and never the value."""
    declare(world)
    client = Client(api_of(described(world)), a_token())
    job = client.send("POST", "/jobs", {"type": "order.remind", "payload": {"orderNumber": 13}}).json
    world.work()
    error = client.send("GET", f"/jobs/{job['id']}").json["error"]
    assert error["message"] == ("the payload does not fit the task order.remind: orderNumber: Value error, is unlucky")
    assert (error["type"], error["where"]) == ("invalid_payload", "")


def test_a_task_of_a_broken_module_is_not_found_with_the_modules_name(world: World) -> None:
    """As a submit of it says."""
    world.registry.failed(ModuleFailure("tasks.broken", "KeyError", "tasks/broken.py:3"))
    answer = Client(api_of(world), a_token()).send("GET", "/tasks/broken.one")
    assert (answer.status, answer.code) == (404, "task_not_found")
    assert "it may be in a module that could not be imported: tasks.broken" in answer.json["detail"]


def test_openapi_has_the_schema_of_each_task(client: Client) -> None:
    """Definitions are components, too: tools of OpenAPI look for them there."""
    schemas = client.send("GET", "/openapi.json").json["components"]["schemas"]
    order = schemas["Payload.order.remind"]
    assert "orderNumber" in order["properties"]
    assert {"$ref": "#/components/schemas/Payload.order.remind"} in schemas["JobBody"]["properties"]["payload"]["anyOf"]
    assert "$defs" not in order


def test_openapi_shows_no_task_without_a_token(world: World) -> None:
    """Names of tasks and fields are the deployment's own business; and a bad token is no token."""
    declare(world)
    api = api_of(world)
    public = Client(api, None).send("GET", "/openapi.json")
    assert public.status == 200
    assert not [name for name in public.json["components"]["schemas"] if name.startswith("Payload.")]
    for token in ("nonsense", a_token(scopes="jobs:write")):
        assert Client(api, token).send("GET", "/openapi.json").json == public.json


class Node(BaseModel):
    """A payload that refers to itself, and to another model."""

    below: "list[Node]" = []
    order: Order | None = None


def test_references_of_a_schema_lead_to_components(world: World) -> None:
    """Each of them; an example that looks like one is left as it is."""
    task("tree.walk", registry=world.registry)(walk)
    schemas = Client(api_of(world), a_token()).send("GET", "/openapi.json").json["components"]["schemas"]
    tree = {name: schema for name, schema in schemas.items() if name.startswith("Payload.tree.walk")}
    assert {"Payload.tree.walk", "Payload.tree.walk.Node", "Payload.tree.walk.Order"} <= set(tree)
    text = json.dumps(tree)
    assert "#/$defs/" not in text
    assert "#/components/schemas/Payload.tree.walk.Node" in text


def test_a_definition_called_as_another_task_is_a_component_of_its_own(world: World) -> None:
    """And so is that task."""
    task("tree.walk", registry=world.registry)(walk)
    task("tree.walk.Node", registry=world.registry)(remind)
    schemas = Client(api_of(world), a_token()).send("GET", "/openapi.json").json["components"]["schemas"]
    assert "orderNumber" in schemas["Payload.tree.walk.Node"]["properties"]
    assert "below" in schemas["Payload.tree.walk.Node_2"]["properties"]
    assert "#/components/schemas/Payload.tree.walk.Node_2" in json.dumps(schemas["Payload.tree.walk"])


def walk(payload: Node) -> None:
    """Walk a tree."""
