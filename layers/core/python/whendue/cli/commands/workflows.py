"""`whendue workflows`: a workflow with its nodes."""

from typing import Annotated

import typer

from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.output import Column, write_json, write_line, write_list, write_one
from whendue.client import WorkflowNode

app = typer.Typer(name="workflows", no_args_is_help=True, help="Workflows and their nodes.")
COLUMNS: tuple[Column[WorkflowNode], ...] = (
    ("node", lambda node: node.name),
    ("type", lambda node: node.type),
    ("state", lambda node: node.state),
    ("attempt", lambda node: node.attempt),
    ("items", lambda node: node.items),
    ("job", lambda node: node.job),
    ("error", lambda node: node.error and f"{node.error.type}: {node.error.message}"),
)


# A group of one command would be that command for Typer.
@app.callback()
def _group() -> None:
    """Workflows and their nodes."""


@app.command()
def show(
    workflow_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the workflow.")],
    *,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a workflow, its nodes and its critical path."""
    with connect(profile) as client:
        workflow = client.get_workflow(workflow_id)
    if as_json:
        write_json(workflow)
        return
    parts = {
        "id": workflow.id,
        "state": workflow.state,
        "created": workflow.created_at,
        "finished": workflow.finished_at,
        "deadline": workflow.deadline_at,
        "progress": ", ".join(f"{count} {state}" for state, count in workflow.progress.items()),
        "critical path": " > ".join(workflow.critical_path),
        "error": workflow.error and f"{workflow.error.type}: {workflow.error.message}",
    }
    write_one(workflow, parts, as_json=False)
    write_line("")
    write_list(workflow.nodes, COLUMNS, as_json=False)
