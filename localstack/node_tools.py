"""Programs that run on Node.js: installed from a `package-lock.json` at first use, below `.local/`."""

import shutil
import subprocess
import sys
from pathlib import Path

from localstack.once import exclusive
from localstack.paths import LOCAL, ROOT

FILES = (".npmrc", "package.json", "package-lock.json")


def ensure(name: str = "api-tools", source: Path = ROOT / "api") -> Path:
    """Install the packages of a `package-lock.json`, unless they are there and current.

    Args:
        name: of the folder below `.local/`.
        source: folder of the `package-lock.json`. Default: the linters of the OpenAPI document, and a generator.

    Returns:
        their folder `node_modules`; programs are in its `.bin`.

    Raises:
        SystemExit: npm is not installed.
    """
    folder = LOCAL / name
    stamp, lock = folder / "installed.json", (source / "package-lock.json").read_text()
    if not shutil.which("npm"):
        sys.exit("npm is not installed: install Node.js 20 or newer")
    with exclusive(name):
        if not stamp.exists() or stamp.read_text() != lock:
            print(f"Installing {folder.relative_to(ROOT)} (once)...", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for file in FILES:
                shutil.copy(source / file, folder / file)
            # Nothing here has to be compiled, so no package gets to run its own scripts.
            subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True)
            stamp.write_text(lock)
    return folder / "node_modules"


if __name__ == "__main__":
    print(ensure())
