"""Runs pip without letting it build anything: `python localstack/wheels_only.py PIP_RUNNER install ...`.

pip's `--only-binary` does not hold for what is named by an address or a path, nor where a requirements file says
`--no-binary`, nor for a wheel's own requirements by address. A build would run code of foreign packages on the machine
that builds, and make what runs on no other. pip builds, and fetches repositories, in processes of their own; this one
starts none of them.

PIP_RUNNER is pip's `__pip-runner__.py`, by which pip runs under an interpreter that has none (its option `--python`).
"""

import os
import runpy
import sys
from typing import Any

REFUSED = "whendue starts no program that builds a package or fetches a repository"
_REPOSITORIES = frozenset({"bzr", "git", "hg", "svn"})


def _refuse_builds(event: str, details: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen":
        return
    _, command, *_ = details
    program = os.fsdecode(command if isinstance(command, (str, bytes, os.PathLike)) else next(iter(command)))
    # Others are harmless: the keyring's, and those that say what machine this is.
    if program == sys.executable or os.path.basename(program).removesuffix(".exe") in _REPOSITORIES:  # noqa: PTH119
        raise RuntimeError(REFUSED)


def main() -> None:
    """Run pip; it decides about the exit code."""
    sys.addaudithook(_refuse_builds)
    runner = sys.argv[1]
    sys.argv = ["pip", *sys.argv[2:]]
    runpy.run_path(runner, run_name="__main__")


if __name__ == "__main__":
    main()
