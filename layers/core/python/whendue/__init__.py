"""whendue: a serverless job scheduler on AWS primitives. What a task's author needs is here."""

from whendue.declarations.context import Context
from whendue.declarations.registry import Cancel, GiveUp, Retry, task

__all__ = ["Cancel", "Context", "GiveUp", "Retry", "task"]
