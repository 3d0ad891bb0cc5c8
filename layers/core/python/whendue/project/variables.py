"""What whendue.toml says of a deployment, as variables of the Terraform module (infra/terraform/variables.tf)."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from whendue.project.settings import ProjectSettings
from whendue.quotas import WORKER_RESERVE_S
from whendue.settings import ALL_QUEUES, NOTIFICATIONS, QUEUES, WORKER_TIMEOUT_S, read_own_queues

# Settings of whendue are those of all functions, the rest is for tasks.
_WHENDUE: Final = "WHENDUE_"
# Accounts have twelve digits; no region has a shorter name.
_QUEUE: Final = "https://sqs.us-east-1.amazonaws.com/000000000000/{name}-{queue}"
_FUNCTIONS: Final = ("api", "dead_letter", "notifier", "timer", "worker")


def variables(settings: ProjectSettings) -> dict[str, Any]:
    """Return the variables, each of them, with None or nothing for what whendue.toml does not set."""
    environment, worker = settings.environment, settings.worker
    return {
        "name": settings.project.name,
        "environment": {name: value for name, value in environment.items() if name.startswith(_WHENDUE)},
        "task_environment": {name: value for name, value in environment.items() if not name.startswith(_WHENDUE)},
        "secrets": {name: source.model_dump(exclude_none=True) for name, source in settings.secrets.items()},
        "worker_memory_mb": worker.memory_mb,
        "worker_timeout_s": worker.timeout_s,
        "worker_reserved_concurrency": worker.reserved_concurrency,
        "queue_settings": {
            name: queue.model_dump(exclude_none=True)
            for name, queue in settings.queues.items()
            if name not in settings.own_queues
        },
        "own_queues": settings.own_queues,
        "worker_statements": [each.model_dump(exclude_none=True) for each in settings.permissions.statements],
        # By name, as the module takes them: a root may add policies whose ARNs are not known yet.
        "worker_policy_arns": {arn: arn for arn in settings.permissions.policy_arns},
        "vpc": settings.vpc.model_dump() if settings.vpc else None,
    }


def own_variables(settings: ProjectSettings) -> dict[str, str]:
    """Return whendue's variables of the worker function, as short as they can be.

    `infra/terraform/functions.tf` measures those of each function, with all that its root sets.
    """
    name, own_queues = settings.project.name, settings.own_queues
    urls = {queue: _QUEUE.format(name=name, queue=queue) for queue in (*ALL_QUEUES, *own_queues)}
    functions = (*_FUNCTIONS, *(f"worker-{queue}" for queue in own_queues))
    all_set = {queue: asdict(own) for queue, own in read_own_queues(json.dumps(own_queues)).items()}
    return ({"WHENDUE_OWN_QUEUES": json_text(all_set)} if own_queues else {}) | {
        "POWERTOOLS_SERVICE_NAME": "whendue",
        "WHENDUE_BUCKET": f"{name}-payloads-000000000000",
        "WHENDUE_DEAD_LETTER_QUEUE": _QUEUE.format(name=name, queue="dead_letter"),
        "WHENDUE_MAX_TIMEOUT_S": str((settings.worker.timeout_s or WORKER_TIMEOUT_S) - WORKER_RESERVE_S),
        "WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE": _QUEUE.format(name=name, queue=f"{NOTIFICATIONS}_dead_letter"),
        "WHENDUE_OWN_FUNCTIONS": ",".join(f"{name}-{function}" for function in functions),
        "WHENDUE_QUEUES": json_text(urls),
        "WHENDUE_SECRET_PARAMETER": f"/{name}/secret",
        "WHENDUE_SHARDS": "8",
        "WHENDUE_TABLE": f"{name}-jobs",
        "WHENDUE_TASKS": ",".join(settings.project.tasks),
        "WHENDUE_VISIBILITY_S": "5400",
    }


def json_text(value: Mapping[str, Any]) -> str:
    """Return JSON as short as it can be."""
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))


def accepted_timeouts(settings: ProjectSettings) -> dict[str, int]:
    """Return the longest timeout that is accepted for jobs of each queue, seconds."""
    shared_s = settings.worker.timeout_s or WORKER_TIMEOUT_S
    own = {name: queue["timeout_s"] for name, queue in settings.own_queues.items() if not queue.get("draining")}
    return dict.fromkeys(QUEUES, shared_s) | own
