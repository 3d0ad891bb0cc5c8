"""whendue: a serverless job scheduler on AWS primitives. What a task's author needs is here, and the client."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from whendue.client import AsyncClient, Client
    from whendue.declarations.calls.signatures import chain, chord, group, previous
    from whendue.declarations.calls.task_object import Task
    from whendue.declarations.context import Context
    from whendue.declarations.registry import Cancel, GiveUp, Retry, task

__all__ = [
    "AsyncClient",
    "Cancel",
    "Client",
    "Context",
    "GiveUp",
    "Retry",
    "Task",
    "chain",
    "chord",
    "group",
    "previous",
    "task",
]
_CALLS: Final = "whendue.declarations.calls"
# Name -> the module that has it.
_MODULES: Final = {
    **dict.fromkeys(("AsyncClient", "Client"), "whendue.client"),
    **dict.fromkeys(("chain", "chord", "group", "previous"), f"{_CALLS}.signatures"),
    **dict.fromkeys(("Cancel", "GiveUp", "Retry", "task"), "whendue.declarations.registry"),
    "Context": "whendue.declarations.context",
    "Task": f"{_CALLS}.task_object",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562): every module of whendue imports this one, and few need more."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(_MODULES[name]), name)
    return globals()[name]
