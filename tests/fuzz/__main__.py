"""Fuzz the API over HTTP from its own OpenAPI document, by schemathesis: no server error, no undocumented answer.

Two passes over every operation with a token that may do everything but `operator`: one with whatever the document
allows and does not allow, one with names and ids that are there, so that requests reach what lies behind the checks.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from io import StringIO
from logging import StreamHandler
from pathlib import Path
from typing import Any, Final

from functions import log as functions_log
from functions.api.app import make_resolver
from functions.api.http.openapi import document
from localstack.venvs import ensure
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.notified import add_shipped_channels
from tests.builders.server import serving
from tests.builders.world import World
from whendue.declarations.resources import TaskSettings, provide

SCOPES: Final = "jobs:read jobs:write admin metrics:read"
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
NAMES: Final = ["ok", "bad", "demo.greet"]


def seeded(world: World) -> tuple[Any, dict[str, str]]:
    """Make an API with something of everything; return it and what its paths' parameters may be."""
    world.task("demo.greet", lambda payload, ctx: payload.model_dump())
    add_shipped_channels(world.registry)
    api = api_of(world)
    client = Client(api, a_token(scopes=SCOPES))
    job = client.submit("bad", maxAttempts=1)["id"]
    workflow = client.send("POST", "/workflows", {"chain": [{"type": "ok"}, {"type": "bad"}]}).json["id"]
    world.pass_time(120)
    hook = {"channel": "webhook", "config": {"url": "https://hooks.example/x"}, "events": ["dead"]}
    for path, body in {
        "/profiles/calm": {"maxAttempts": 2},
        "/schedules/calm": {"every": "PT1H", "job": {"type": "ok"}},
        "/subscriptions/calm": hook,
    }.items():
        made = client.send("PUT", path, body)
        assert made.status == HTTPStatus.CREATED, made.text
    world.pass_time(8000)
    return api, {"job_id": job, "workflow_id": workflow, "name": "calm", "type": "ok", "version": "1"}


def known_tasks(schema: Any) -> Any:
    """Let a task's name be one that is there wherever a request says one."""
    if isinstance(schema, list):
        return [known_tasks(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("title") == "Type" and schema.get("pattern"):
        return {"type": "string", "enum": NAMES}
    return {name: known_tasks(item) for name, item in schema.items()}


def run(url: str, schema: Path, config: Path, *options: str) -> int:
    """Run schemathesis once; return its exit status."""
    command = [
        str(ensure("fuzz") / "schemathesis"),
        f"--config-file={config}",
        "run",
        str(schema),
        f"--url={url}",
        f"--header=Authorization: Bearer {a_token(scopes=SCOPES)}",
        f"--checks={','.join(CHECKS)}",
        "--workers=2",
        "--no-shrink",
        "--continue-on-failure",
        "--generation-database=none",
        "--warnings=off",
        *options,
    ]
    return subprocess.run(command, check=False, cwd=schema.parent).returncode


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Fuzz, with the seed and the number of examples that the environment names."""
    seed, examples = environ.get("SEED") or "1", int(environ.get("EXAMPLES") or 10)
    # A line for each of thousands of requests helps nobody.
    handler = functions_log._logger().registered_handler
    assert isinstance(handler, StreamHandler)
    before = handler.setStream(log := StringIO())
    provide("settings", TaskSettings)
    world = World()
    api, parameters = seeded(world)
    known = document(make_resolver())
    with tempfile.TemporaryDirectory() as folder, serving(api, world) as url:
        odd, real = Path(folder) / "openapi.json", Path(folder) / "real.json"
        odd.write_text(json.dumps(known))
        real.write_text(json.dumps(known_tasks(known)))
        (none := Path(folder) / "none.toml").write_text("")
        (named := Path(folder) / "named.toml").write_text(
            "[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in parameters.items())
        )
        phases = "--phases=examples,coverage,fuzzing"
        exit_codes = [
            run(url, odd, none, phases, f"--seed={seed}", f"--max-examples={examples}"),
            run(url, real, named, phases, f"--seed={seed}", f"--max-examples={4 * examples}", "--mode=positive"),
        ]
    handler.setStream(before)
    for line in log.getvalue().splitlines():
        if '"ERROR"' in line:
            print(line)  # noqa: T201 - type and place of what was not expected
    return max(exit_codes)


if __name__ == "__main__":
    sys.exit(main())
