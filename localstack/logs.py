"""Show what the emulator and the functions print."""

import subprocess
import sys
from pathlib import Path

from localstack.stack import Stack


def show(stack: Stack, *, follow: bool) -> int:
    """Print the log's end, and follow it until Ctrl-C if asked to; return the exit code."""
    if stack.log is None or not Path(stack.log).exists():
        print("This stack's emulator was not started here; ask it for its logs.", file=sys.stderr)
        return 1
    options = ["-n", "100", "-f"] if follow else ["-n", "1000"]
    try:
        return subprocess.run(["tail", *options, stack.log], check=False).returncode
    except KeyboardInterrupt:
        return 0
