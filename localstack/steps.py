"""What takes long says so: a line on standard error for each step, if a command of a person asks for it.

Tests and programs that deploy a stack themselves print nothing.
"""

import sys

_shown = False


def show() -> None:
    """Write each step from now on."""
    global _shown  # noqa: PLW0603 - of the process, as its standard error
    _shown = True


def step(text: str) -> None:
    """Say what begins now, as in "Starting the emulator"."""
    if _shown:
        sys.stderr.write(f"{text}...\n")
        sys.stderr.flush()
