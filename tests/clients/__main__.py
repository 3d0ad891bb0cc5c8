"""Test the TypeScript client; generate clients from the OpenAPI document, compile them, and submit a job with each."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from functions.api.app import make_resolver
from functions.api.http.openapi import document
from localstack.node_tools import ensure as ensure_node_tools
from localstack.venvs import ensure as ensure_venv
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.server import serving
from tests.builders.world import World
from tests.clients import typescript_package

HERE = Path(__file__).parent
MODULE = {"type": "module", "private": True}


def python_client(folder: Path, schema: Path) -> list[str]:
    """Generate the Python client and compile it; returns the command that submits a job with it.

    Raises:
        CalledProcessError: the generator warns, or what it made does not compile.
    """
    programs = ensure_venv("clients")
    # The generator formats with ruff, which it looks for on the PATH.
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    generate = [str(programs / "openapi-python-client"), "generate", "--fail-on-warning", "--meta", "none"]
    package = folder / "whendue_client"
    subprocess.run([*generate, "--path", schema, "--output-path", package], check=True, env=os.environ | {"PATH": path})
    python = str(programs / "python")
    subprocess.run([python, "-W", "error", "-m", "compileall", "-q", package], check=True)
    shutil.copy(HERE / "submit.py", folder)
    return [python, str(folder / "submit.py")]


def typescript_client(folder: Path, schema: Path) -> list[str]:
    """Generate the TypeScript client and compile it; returns the command that submits a job with it.

    Raises:
        CalledProcessError: it cannot be generated, or does not compile.
    """
    tools = ensure_node_tools()
    (folder / "node_modules").symlink_to(tools)
    (folder / "package.json").write_text(json.dumps(MODULE))
    for name in ("submit.ts", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    # Else every field that has a default must be sent.
    options = ["--default-non-nullable", "false", "-o", str(folder / "schema.d.ts")]
    subprocess.run([tools / ".bin/openapi-typescript", schema, *options], check=True)
    subprocess.run([tools / ".bin/tsc", "--project", folder], check=True)
    return ["node", str(folder / "submit.js")]


def submitted(command: list[str], url: str) -> list[Any]:
    """Run a client; returns what it prints.

    Raises:
        CalledProcessError: it failed.
    """
    done = subprocess.run([*command, url, a_token()], check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    printed: list[Any] = json.loads(done.stdout)
    return printed


def main() -> int:
    """Try all clients; returns the exit code."""
    typescript_package.check()
    world = World()
    world.task("demo.greet", lambda payload, ctx: {"greeting": "Hello!"})
    api = api_of(world)
    with TemporaryDirectory(prefix="whendue-clients-") as name:
        folder = Path(name)
        (schema := folder / "openapi.json").write_text(json.dumps(document(make_resolver())))
        for client in (python_client, typescript_client):
            (own := folder / client.__name__).mkdir()
            command = client(own, schema)
            with serving(api, world) as url:
                job, *rest = submitted(command, url)
            assert rest == ["demo.greet", {"name": "Ada"}, 4, "unknown_task"], rest
            stored = Client(api, a_token()).send("GET", f"/jobs/{job}").json
            assert (stored["type"], stored["payload"]) == ("demo.greet", {"name": "Ada"}), stored
            sys.stdout.write(f"{client.__name__}: submitted job {job}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
