"""The program of `whendue build`: `python -m localstack.project_build` reads a project as JSON, and writes JSON.

It is described by `whendue.project.build`, which starts it. What it warns of is on standard error.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from localstack.build import MANIFEST, Built, build_project
from localstack.layer_zips import unzipped_bytes
from localstack.project_files import Project


def main() -> int:
    """Build the project on standard input; return the exit code."""
    try:
        built = build_project(_project(json.load(sys.stdin)))
        described = _described(built)
    except subprocess.CalledProcessError as error:
        described = {"error": f"pip could not install whendue's own requirements (exit code {error.returncode})"}
    except (RuntimeError, OSError) as error:
        described = {"error": str(error)}
    print(json.dumps(described))
    return 1 if "error" in described else 0


def _project(request: dict[str, Any]) -> Project:
    lists = {name: tuple(request[name]) for name in ("exclude", "aws_services")}
    return Project(**request | lists | {"folder": Path(request["folder"])})


def _described(built: Built) -> dict[str, Any]:
    zips = [*built.layers.values(), *built.functions.values()]
    worker = [*built.layers.values(), built.functions["worker"]]
    return {
        "manifest": str(built.save(MANIFEST)),
        "zips": {path.name: path.stat().st_size for path in zips},
        "unzipped_bytes": sum(unzipped_bytes(path) for path in worker),
    }


if __name__ == "__main__":
    sys.exit(main())
