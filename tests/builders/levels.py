"""The levels of the architecture, from the bottom up."""

# A package may import packages of lower levels. Single modules stand in a level by themselves.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors", "quotas", "version"),
    ("support",),
    ("outbound", "settings", "table", "tracing"),
    ("jobs",),
    ("bulkhead", "declarations"),
    ("engine",),
    ("adapters", "aws_errors", "metrics", "operations", "references"),
    ("mail", "notifications"),
    ("channels", "pauses", "profiles"),
    ("submission",),
    ("schedules", "workflows"),
    ("limits", "tasks", "timer"),
    ("inspection", "worker"),
    ("bootstrap",),
    ("metrics_export",),
    ("containers",),
    ("cli",),
)
