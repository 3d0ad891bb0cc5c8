"""Which scope a request needs."""

from typing import Final

from whendue.adapters.auth import ADMIN, METRICS, OPERATOR, READ, WRITE, Identity

# What is shown here is of all tenants together.
METRICS_PATH: Final = "/actuator/prometheus"
# What is changed under these paths changes how one's own tenant's jobs run, or which notifications are sent of them.
ADMINISTERED: Final = ("/profiles", "/pauses", "/subscriptions")
# What is changed under these paths changes how the jobs of all tenants run.
OPERATED: Final = ("/queues",)
# What is shown under these paths is of all tenants, each by its name.
SHOWN_TO_OPERATORS: Final = ("/dead-letters/by-tenant",)
# What operators see of all tenants under these paths, each tenant sees of itself.
SEEN_BY_OPERATORS: Final = (*OPERATED, "/usage")
# What only reads, and has a body.
READ_BY_POST: Final = ("/unique/holder",)


def scope_of(method: str, path: str) -> str:
    """Name the scope: reading needs `jobs:read`, changing jobs `jobs:write`, changing how one's own jobs run `admin`.

    What changes other tenants' jobs, or shows each of them, needs `operator`, what shows all tenants at once
    `metrics:read`.
    """
    if path == METRICS_PATH:
        return METRICS
    if _is_under(path, SHOWN_TO_OPERATORS):
        return OPERATOR
    if method in ("GET", "HEAD") or path in READ_BY_POST:
        return READ
    if _is_under(path, OPERATED):
        return OPERATOR
    return ADMIN if _is_under(path, ADMINISTERED) else WRITE


def insist(identity: Identity, method: str, path: str) -> None:
    """Insist on the scope that a request needs; what operators change, or see of all tenants, they may read.

    Raises:
        ForbiddenError: the token does not have it.
    """
    if not (_is_under(path, SEEN_BY_OPERATORS) and identity.may(OPERATOR)):
        identity.need(scope_of(method, path))


def _is_under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(f"{path}/".startswith(f"{prefix}/") for prefix in prefixes)
