"""Validation of workflows: one whose nodes would be refused one by one is refused as a whole."""

from typing import Any

from whendue.errors import InvalidRequestError, InvalidWorkflowError, PayloadTooLargeError
from whendue.quotas import WORKFLOW_ERRORS
from whendue.submission.plan import JobPlanner
from whendue.workflows.graph import from_value


def check_workflow(prepare: JobPlanner, tenant: str, payload: Any) -> None:
    """Check every node of a workflow as if it were submitted.

    Args:
        prepare: what checks single jobs.
        tenant: whose workflow it is.
        payload: the workflow's payload.

    Raises:
        InvalidWorkflowError: some nodes would be refused; it names the fields.
        WhendueError: the payload is no workflow, or a profile cannot be read.
    """
    graph = from_value(payload)
    profiles = prepare.profiles(tenant, {node.request.profile for node in graph.nodes})
    problems: list[tuple[str, str]] = []
    for node in graph.nodes:
        try:
            prepare.check(tenant, node.request, profiles[node.request.profile])
        except (InvalidRequestError, PayloadTooLargeError) as error:
            fields: Any = error.details.get("errors") or [{"where": "", "problem": str(error)}]
            problems += [(f"nodes.{node.name}.{field['where']}".rstrip("."), field["problem"]) for field in fields]
    if problems:
        raise InvalidWorkflowError(*problems[:WORKFLOW_ERRORS])
