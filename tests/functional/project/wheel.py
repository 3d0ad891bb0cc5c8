"""The wheel, built as a release builds it, without a trace in the tree."""

import subprocess
import sys
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

from localstack.paths import ROOT

SOURCES = ("functions", "infra", "layers", "localstack", "requirements")
FILES = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py")


def build_wheel(folder: Path) -> Path:
    """Build the source distribution, and of it the wheel; return its path."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name in SOURCES:
        copytree(ROOT / name, tree / name, ignore=ignore_patterns("__pycache__", "*.egg-info", ".terraform"))
    for name in FILES:
        copy(ROOT / name, tree / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(tree)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel
