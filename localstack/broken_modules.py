"""Task modules that could not be imported: which, as the stack says, and why, as an import on this machine says."""

import json
import subprocess
import sys
from urllib.request import urlopen

from localstack.paths import ROOT
from localstack.stack import Stack

UNKNOWN = "`make logs` says why"
IMPORT_S = 30
# In a process of its own: it is a user's code, and may do anything.
IMPORT = """
import sys
from whendue.declarations.discovery import load
failed = load(sys.argv[1])
print(failed.log_line() if failed else "")
"""


def broken_modules(stack: Stack) -> dict[str, str]:
    """Return the task modules whose tasks are off, each with the reason; everything else runs."""
    with urlopen(f"{stack.api_url}/health/ready", timeout=20) as reply:
        tasks = json.load(reply)["components"]["tasks"]
    return {str(module): reason_of(str(module)) for module in tasks.get("details", {}).get("modules", [])}


def reason_of(module: str) -> str:
    """Return why a module cannot be imported: file, line and error; or where to look if it can be here."""
    command = [sys.executable, "-c", IMPORT, module]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=IMPORT_S, check=True)
        failed = json.loads(run.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return UNKNOWN
    return ": ".join(filter(None, (failed["where"], failed["error_type"], failed["detail"])))
