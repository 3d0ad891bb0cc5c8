"""Which scope a request needs."""

from typing import Final

READ, WRITE, ADMIN, METRICS = "jobs:read", "jobs:write", "admin", "metrics:read"
# What is shown here is of all tenants together.
METRICS_PATH: Final = "/actuator/prometheus"
# What is changed under these paths changes how everybody's jobs run, or who is told of them.
OPERATED: Final = ("/profiles", "/queues", "/pauses", "/subscriptions")


def scope_of(method: str, path: str) -> str:
    """Name the scope: reading needs `jobs:read`, changing jobs `jobs:write`, changing how jobs run `admin`.

    What shows all tenants at once needs `metrics:read`.
    """
    if path == METRICS_PATH:
        return METRICS
    if method in ("GET", "HEAD"):
        return READ
    return ADMIN if any(f"{path}/".startswith(f"{prefix}/") for prefix in OPERATED) else WRITE
