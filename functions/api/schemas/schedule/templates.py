"""Jobs and workflows to be, shown as they would be asked for again."""

from typing import Any

from functions.api.schemas.job_replies import limits_reply
from functions.api.schemas.shared.policy import shown_queue
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import WORKFLOW
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.workflows.graph import Graph, Node, from_value


def target_of(request: JobRequest) -> tuple[str, dict[str, Any]]:
    """Show what a schedule runs: `job` or `workflow`, and its body."""
    if request.type == WORKFLOW:
        return "workflow", _workflow(request)
    return "job", _job(request)


def _job(request: JobRequest) -> dict[str, Any]:
    policy = request.policy
    backoff = {"baseSeconds": "base_s", "factor": "factor", "capSeconds": "cap_s", "jitter": "jitter"}
    rest = {
        "maxAttempts": "max_attempts",
        "timeoutSeconds": "timeout_s",
        "leaseSeconds": "lease_s",
        "retentionSeconds": "retention_s",
    }
    shown = {
        "type": request.type,
        "payload": request.payload,
        **shown_queue(request.queue),
        "profile": request.profile,
        "expiresSeconds": request.expires_s,
        "backoff": {name: policy[field] for name, field in backoff.items() if field in policy} or None,
        "followProfile": request.follow,
        "neverRetry": list(policy["never_retry"]) if "never_retry" in policy else None,
        "group": request.group,
        "limits": _limits(request.limit),
        "unique": _unique(request.unique),
        "tags": dict(request.tags) or None,
        "notify": request.notify.split() or None,
    } | {name: policy.get(field) for name, field in rest.items()}
    return {name: value for name, value in shown.items() if value is not None or name == "payload"}


def _limits(limit: Limit | None) -> dict[str, Any] | None:
    shown = limits_reply(limit)
    return shown.model_dump(by_alias=True, exclude_none=True) if shown else None


def _unique(unique: UniqueRequest | None) -> dict[str, Any] | None:
    if unique is None:
        return None
    shown = {
        "key": unique.key,
        "byPayload": None if unique.by_payload is None else list(unique.by_payload),
        "scope": unique.scope,
        "forSeconds": unique.for_s,
        "onConflict": unique.on_conflict,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _workflow(request: JobRequest) -> dict[str, Any]:
    """Show a workflow by its nodes, whatever short form it was asked for in."""
    graph = from_value(request.payload)
    shown = {
        "nodes": {node.name: _node(graph, node, request) for node in graph.nodes},
        "deadlineSeconds": graph.deadline_s,
        **shown_queue(request.queue),
        "profile": request.profile,
        "tags": dict(request.tags) or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _node(graph: Graph, node: Node, whole: JobRequest) -> dict[str, Any]:
    edges = [
        graph.nodes[link.node].name if link.on == "success" else {"node": graph.nodes[link.node].name, "on": link.on}
        for link in node.dependencies
    ]
    more = {
        "dependsOn": edges or None,
        "onDependencyFailure": None if node.on_dependency_failure == "cancel" else node.on_dependency_failure,
        "delaySeconds": node.request.delay_s,
        "forEach": node.for_each,
        # Without them it would get the workflow's.
        "tags": dict(node.request.tags) if whole.tags else None,
    }
    return _job(node.request) | {name: value for name, value in more.items() if value is not None}
