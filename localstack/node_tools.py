"""Programs that run on Node.js: installed from `api/package-lock.json` at first use, below `.local/`."""

import shutil
import subprocess
import sys
from pathlib import Path

from localstack.once import exclusive
from localstack.paths import LOCAL, ROOT

FILES = (".npmrc", "package.json", "package-lock.json")


def ensure() -> Path:
    """Install the tools of `api/package-lock.json`, unless they are there and current.

    Returns:
        their folder `node_modules`; programs are in its `.bin`.

    Raises:
        SystemExit: npm is not installed.
    """
    folder, source = LOCAL / "api-tools", ROOT / "api"
    stamp, lock = folder / "installed.json", (source / "package-lock.json").read_text()
    if not shutil.which("npm"):
        sys.exit("npm is not installed: install Node.js 20 or newer")
    with exclusive("api-tools"):
        if not stamp.exists() or stamp.read_text() != lock:
            print(f"Installing {folder.relative_to(ROOT)} (once)...", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in FILES:
                shutil.copy(source / name, folder / name)
            # Nothing here has to be compiled, so no package gets to run its own scripts.
            subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True)
            stamp.write_text(lock)
    return folder / "node_modules"


if __name__ == "__main__":
    print(ensure())
