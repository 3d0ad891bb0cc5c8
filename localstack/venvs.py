"""Virtual environments of tools that must not share ours: made from their locks at first use, below `.local/`."""

import shutil
import subprocess
import sys
from pathlib import Path

from localstack.once import exclusive
from localstack.paths import LOCAL, ROOT


def ensure(name: str, python: str = sys.executable) -> Path:
    """Make an environment from `requirements/<name>.txt`, unless it is there and current.

    Args:
        name: the lock's name.
        python: the interpreter that it is made with.

    Returns:
        the folder of its programs.
    """
    lock = ROOT / f"requirements/{name}.txt"
    venv = LOCAL / f"{name}-venv"
    stamp = venv / "lock.txt"
    with exclusive(f"{name}-venv"):
        if not stamp.exists() or stamp.read_text() != lock.read_text():
            print(f"Installing {venv.relative_to(LOCAL.parent)} (once)...", file=sys.stderr, flush=True)
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([python, "-m", "venv", str(venv)], check=True)
            pip = [str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
            stamp.write_text(lock.read_text())
    return venv / "bin"


if __name__ == "__main__":
    print(ensure(sys.argv[1]))
