"""Tasks: list and read what workers run. `POST /tasks/schedule` is among the jobs."""

from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, shown
from functions.api.schemas.tasks import TaskListReply, TaskReply, task_failure_reply, task_reply
from whendue.declarations.registry import Registry
from whendue.errors import TaskNotFoundError, UnknownTaskError
from whendue.manifest.described_tasks import described_task, described_tasks
from whendue.quotas import TYPE_BYTES

router = APIGatewayHttpRouter()
TaskName = Annotated[
    str,
    Path(description="Name of the task.", pattern=r"^[A-Za-z0-9._-]+$", max_length=TYPE_BYTES, examples=["email.send"]),
]


@router.get("/tasks", tags=["tasks"], summary="List tasks", operation_id="listTasks")
def list_tasks() -> TaskListReply:
    """Return the tasks that can be submitted, those that whendue ships included, sorted by name.

    Tasks of modules that could not be imported are missing; `failures` names the modules.
    """
    app, _ = caller(router)
    return TaskListReply(
        items=shown(app, described_tasks(app.registry), task_reply, attrgetter("name")),
        failures=shown(app, app.registry.failures, task_failure_reply, attrgetter("module")),
    )


@router.get("/tasks/<name>", tags=["tasks"], summary="Get a task", operation_id="getTask")
def read(name: TaskName) -> TaskReply:
    """Return a task: its policy, and the JSON Schema of its payload."""
    app, _ = caller(router)
    described = described_task(app.registry, name)
    if described is None:
        raise TaskNotFoundError(_missing(app.registry, name))
    return task_reply(described)


def _missing(registry: Registry, name: str) -> str:
    try:
        registry.find(name)
    except UnknownTaskError as error:
        # It names the modules that could not be imported, as at submit.
        return str(error)
    return f"no task has the name {name!r}"
