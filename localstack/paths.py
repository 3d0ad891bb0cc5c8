"""Where the dev loop keeps what it makes: everything under `.local/`, nothing in the tree."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
# `whendue dev` runs these programs from the installed package, for a project that is elsewhere.
LOCAL = Path(os.environ.get("DEV_STACK_LOCAL") or ROOT / ".local")
STACK_FILE = LOCAL / "stack.json"
# `whendue build --output` chooses another folder.
BUILD = Path(os.environ.get("DEV_STACK_BUILD") or LOCAL / "build")
EMULATOR_PYTHON = LOCAL / "emulator-venv/bin/python"
