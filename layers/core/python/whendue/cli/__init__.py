"""The command `whendue`: parts of a deployment as processes, and everything that people do with one over its API.

Start with `application`, which lists the commands. `processes` has those of an image and imports nothing of Typer, Rich
or httpx; all others are in `commands`, use `whendue.client` alone, and need the extra `cli`.
"""

import sys
from collections.abc import Sequence
from typing import Final

# The commands of an image, and what they do.
PROCESSES: Final = {
    "api": "answer HTTP requests",
    "worker": "run jobs, deliver notifications, handle dead letters",
    "timer": "send due jobs to their queues every minute, and rescue lost ones",
    "migrate": "upgrade the jobs of a table that an earlier version made, while everything runs",
}
_NEEDED: Final = frozenset({"typer", "rich", "httpx"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code (docs/reference/cli.md)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # A worker's image has neither Typer nor httpx, and its cold start does not pay for them.
    if given[:1] and given[0] in PROCESSES:
        from whendue.cli import processes

        return processes.main(given)
    try:
        from whendue.cli.application import run
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        return _without_typer(given, error.name)
    return run(given)


def _without_typer(given: Sequence[str], missing: str) -> int:
    """Answer as the image does, which has the processes alone."""
    from whendue.cli import processes

    if not given or given[0].startswith("-"):
        return processes.main(given)
    sys.stderr.write(f"whendue: the command {given[0]!r} needs {missing}: install whendue[cli]\n")
    return 2
