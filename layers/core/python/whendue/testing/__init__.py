"""For the tests of those who use whendue: one attempt of a task, or a whole whendue in memory.

Start with `app`; `plugin` is what pytest loads. Imports `project` and below, no package imports it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from whendue.testing.app import WhendueApp
    from whendue.testing.attempts import AttemptOptions, AttemptOutcome, run_attempt, run_task
    from whendue.testing.job_record import JobRecord
    from whendue.testing.runs import Run

__all__ = ["AttemptOptions", "AttemptOutcome", "JobRecord", "Run", "WhendueApp", "run_attempt", "run_task"]

_MODULES: Final = {
    "AttemptOptions": "attempts",
    "AttemptOutcome": "attempts",
    "JobRecord": "job_record",
    "Run": "runs",
    "WhendueApp": "app",
    "run_attempt": "attempts",
    "run_task": "attempts",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562): pytest imports this package in every project that has installed it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return globals()[name]
