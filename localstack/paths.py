"""Where the dev loop keeps what it makes: everything under `.local/`, nothing in the tree."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCAL = ROOT / ".local"
STACK_FILE = LOCAL / "stack.json"
BUILD = LOCAL / "build"
EMULATOR_PYTHON = LOCAL / "emulator-venv/bin/python"
