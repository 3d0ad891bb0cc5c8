"""Tasks as the API shows them."""

from typing import Any

from pydantic import Field

from functions.api.schemas.profiles import ProfileBackoffReply, backoff_reply
from functions.api.schemas.reply import ALWAYS_WHOLE, Reply
from whendue.declarations.described import DescribedTask
from whendue.declarations.discovery import ModuleFailure


class TaskPolicyReply(Reply):
    """What a task asks for; where a field is null, the defaults decide. Profile and request win over it."""

    max_attempts: int | None = Field(description="Maximum number of attempts, the first one included.")
    backoff: ProfileBackoffReply
    own_backoff: bool = Field(
        description="Whether a function of the task returns the time between two attempts, instead of `backoff`."
    )
    timeout_seconds: int | None = Field(description="Longest time that one attempt may take, in seconds.")
    lease_seconds: int | None = Field(description="Seconds without a heartbeat after which a worker counts as dead.")
    retention_seconds: int | None = Field(description="How long a finished job is kept, in seconds.")


class TaskReply(Reply):
    """A task of the deployment."""

    name: str = Field(description="Name of the task: the `type` of its jobs.")
    module: str = Field(description="Python module that declares it.")
    description: str = Field(description="First line of its documentation; empty if it has none.")
    payload_schema: dict[str, Any] | None = Field(
        description="JSON Schema (2020-12) of its payload; null if its model has none. The model may accept more than "
        "the schema describes, and its validators may refuse more."
    )
    queue: str | None = Field(
        default=None, description="Queue of its jobs, where neither request nor profile names one; null: none."
    )
    policy: TaskPolicyReply


class TaskFailureReply(Reply):
    """A module of tasks that could not be imported: its tasks are not available."""

    module: str = Field(description="Name of the Python module.")
    error_type: str = Field(description="Class of the error.")


class TaskListReply(Reply):
    """The tasks of the deployment, sorted by name."""

    items: list[TaskReply] = Field(description="The tasks.")
    failures: list[TaskFailureReply] = Field(description="The modules that could not be imported, sorted by name.")
    cursor: None = Field(default=None, description=ALWAYS_WHOLE)


def task_reply(described: DescribedTask) -> TaskReply:
    """Show a task."""
    said = described.policy
    return TaskReply(
        name=described.name,
        module=described.module,
        description=described.description,
        payload_schema=None if described.schema is None else dict(described.schema),
        queue=described.queue,
        policy=TaskPolicyReply(
            max_attempts=said.get("max_attempts"),
            backoff=backoff_reply(said),
            own_backoff=described.has_backoff,
            timeout_seconds=said.get("timeout_s"),
            lease_seconds=said.get("lease_s"),
            retention_seconds=said.get("retention_s"),
        ),
    )


def task_failure_reply(failed: ModuleFailure) -> TaskFailureReply:
    """Show a module that could not be imported, without the place and the words of its error."""
    return TaskFailureReply(module=failed.module, error_type=failed.error_type)
