"""whendue: a serverless job scheduler on AWS primitives. What a task's author needs is here, and the client."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whendue.client import AsyncClient, Client
    from whendue.declarations.context import Context
    from whendue.declarations.registry import Cancel, GiveUp, Retry, task

__all__ = ["AsyncClient", "Cancel", "Client", "Context", "GiveUp", "Retry", "task"]


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562): every module of whendue imports this one, and few need more."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in ("AsyncClient", "Client"):
        from whendue import client

        globals()[name] = getattr(client, name)
        return globals()[name]
    from whendue.declarations import context, registry

    value = context.Context if name == "Context" else getattr(registry, name)
    globals()[name] = value
    return value
