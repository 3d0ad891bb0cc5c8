"""The command `whendue` of this checkout: a script that needs nothing installed and runs from any folder."""

from pathlib import Path

from localstack.paths import LOCAL, ROOT

_SCRIPT = """#!/bin/sh
# Written by make up: the command of this checkout, for the stack that is up unless the environment names another.
here=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
if [ -z "$WHENDUE_URL" ] && [ -z "$WHENDUE_PROFILE" ]; then
  WHENDUE_URL=$("$here/.local/venv/bin/python" -c \
    'import json, sys; print(json.load(open(sys.argv[1]))["api_url"])' "$here/.local/stack.json" 2>/dev/null)
  [ -z "$WHENDUE_URL" ] || export WHENDUE_URL
fi
PYTHONPATH="$here/layers/core/python${PYTHONPATH:+:$PYTHONPATH}" exec "$here/.local/venv/bin/python" -m whendue.cli "$@"
"""


def write_command(local: Path = LOCAL) -> str:
    """Write the script below `.local`; return where it is, from the checkout's root."""
    path = local / "bin/whendue"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_SCRIPT)
    path.chmod(0o755)
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
