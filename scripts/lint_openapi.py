"""Lint the OpenAPI document with Redocly's recommended rules and Spectral's `oas` rules: `make openapi`.

A warning fails it as an error does. The rules are in `api/redocly.yaml` and `api/.spectral.yaml`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from functions.api.app import make_resolver
from functions.api.http.openapi import document
from localstack.node_tools import ensure
from localstack.paths import ROOT

# Redocly reports its use and looks for newer versions unless that is turned off: https://redocly.com/docs/cli/usage-data
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}
RULES = ROOT / "api"


def commands(tools: Path, schema: Path) -> list[list[str]]:
    """Return the commands of the linters.

    Args:
        tools: the folder of the linters.
        schema: the document.
    """
    redocly, spectral = str(tools / "redocly"), str(tools / "spectral")
    # Redocly has no option that makes warnings fail; its report counts them.
    return [
        [redocly, "lint", f"--config={RULES / 'redocly.yaml'}", "--format=json", str(schema)],
        [
            spectral,
            "lint",
            f"--ruleset={RULES / '.spectral.yaml'}",
            "--fail-severity=hint",
            "--format=json",
            str(schema),
        ],
    ]


def problems(report: str) -> list[str]:
    """Return what a linter found, one line for each problem, from its report in JSON.

    Raises:
        ValueError: the report is none.
    """
    # Behind it a linter may print something for people.
    found, _ = json.JSONDecoder().raw_decode(report)
    if isinstance(found, dict):
        return [
            f"{problem['ruleId']}: {problem['message']} ({problem['location'][0].get('pointer')})"
            for problem in found["problems"]
        ]
    return [f"{error['code']}: {error['message']} ({'/'.join(map(str, error['path']))})" for error in found]


def main() -> int:
    """Lint the document; returns the exit code."""
    tools, found = ensure() / ".bin", list[str]()
    with TemporaryDirectory(prefix="whendue-openapi-") as folder:
        (schema := Path(folder) / "openapi.json").write_text(json.dumps(document(make_resolver())))
        for command in commands(tools, schema):
            # A command of our own.
            done = subprocess.run(  # noqa: S603
                command, check=False, stdout=subprocess.PIPE, text=True, env=os.environ | QUIET
            )
            lines = problems(done.stdout)
            found += lines or ([f"{command[0]} failed"] if done.returncode else [])
    sys.stdout.write("\n".join([*found, f"OpenAPI document: {len(found)} problem(s)", ""]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
