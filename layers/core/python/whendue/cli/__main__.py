"""The command `whendue`, and `python -m whendue.cli`: processes of a deployment by argparse, all else by Typer."""

import sys
from collections.abc import Sequence
from typing import Final

from whendue.cli import PROCESSES

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


if __name__ == "__main__":
    sys.exit(main())
