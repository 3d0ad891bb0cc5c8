"""What whendue.toml says of a deployment, as variables of the Terraform module (infra/terraform/variables.tf)."""

from typing import Any, Final

from whendue.project.settings import ProjectSettings
from whendue.settings import QUEUES, WORKER_TIMEOUT_S

# Settings of whendue are those of all functions, the rest is for tasks.
_WHENDUE: Final = "WHENDUE_"


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


def accepted_timeouts(settings: ProjectSettings) -> dict[str, int]:
    """Return the longest timeout that is accepted for jobs of each queue, seconds."""
    shared_s = settings.worker.timeout_s or WORKER_TIMEOUT_S
    own = {name: queue["timeout_s"] for name, queue in settings.own_queues.items() if not queue.get("draining")}
    return dict.fromkeys(QUEUES, shared_s) | own
