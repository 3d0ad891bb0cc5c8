"""`whendue tasks`: what can be submitted."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.output import Column, note, write_block, write_list, write_one
from whendue.client import Task

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

app = typer.Typer(name="tasks", no_args_is_help=True, help="The tasks that jobs can be submitted of.")
COLUMNS: tuple[Column[Task], ...] = (
    ("name", lambda task: task.name),
    ("description", lambda task: task.description),
    ("attempts", lambda task: task.policy.max_attempts),
    ("timeout s", lambda task: task.policy.timeout_seconds),
    ("module", lambda task: task.module),
)


@app.command("list")
def list_(*, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """List the tasks, those that whendue ships included; a note names each module that could not be imported."""
    with connect(profile) as client:
        page = next(client.list_tasks().pages())
    write_list(page.items, COLUMNS, as_json=as_json)
    for lost in page.failures:
        note(f"{lost.module} could not be imported ({lost.error_type}), its tasks are off")


def _said(part: "DataclassInstance") -> dict[str, Any] | None:
    """Return what a part of a task says; None for nothing."""
    return {name: value for name, value in asdict(part).items() if value is not None} or None


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the task.")],
    *,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a task: its policy, where it says something, and the JSON Schema of its payload."""
    with connect(profile) as client:
        found = client.get_task(name)
    parts = {
        "name": found.name,
        "description": found.description,
        "module": found.module,
        "max attempts": found.policy.max_attempts,
        "queue": found.queue,
        "unique": found.unique and _said(found.unique),
        "backoff": "its own function" if found.policy.own_backoff else _said(found.policy.backoff),
        "timeout s": found.policy.timeout_seconds,
        "lease s": found.policy.lease_seconds,
        "retention s": found.policy.retention_seconds,
    }
    write_one(found, parts, as_json=as_json)
    if not as_json and found.payload_schema is not None:
        write_block("payload", found.payload_schema)
