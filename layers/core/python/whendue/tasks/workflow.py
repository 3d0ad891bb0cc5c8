"""The task `workflow`: a graph of jobs. A worker makes the jobs and waits for them, it does not call this task."""

from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from whendue.declarations.registry import task
from whendue.workflows.graph import Graph, check, from_value


class WorkflowPayload(BaseModel):
    """A graph in its one form as JSON, see `whendue.workflows.graph`; `POST /workflows` makes it.

    Args:
        nodes: the jobs, dependencies before dependents.
        deadline_s: how long the whole may take, seconds.
    """

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    nodes: list[dict[str, Any]]
    deadline_s: int | None = None
    _graph: Graph = PrivateAttr()

    @model_validator(mode="after")
    def _is_a_graph(self) -> "WorkflowPayload":
        try:
            self._graph = from_value(self.model_dump())
            check(self._graph)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ValueError("the nodes do not have the form that POST /workflows stores") from None
        return self

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self._graph


@task("workflow", expands="workflow")
def workflow(payload: WorkflowPayload) -> None:
    """Run nothing: the jobs of the graph do.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError
