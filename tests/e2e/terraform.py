"""Stacks of the suite made by infra/terraform: WHENDUE_E2E_TERRAFORM names the program that applies a module.

It is called as `PROGRAM --apply ENDPOINT --state FILE MODULE --carry FILE... -- ARGUMENTS` and prints outputs as JSON;
as `PROGRAM MODULE --carry FILE...` it checks and plans, and needs no network.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localstack import token
from localstack.build import build
from localstack.deploy.clients import Clients
from localstack.paths import BUILD, ROOT
from localstack.stack import REGION, Stack

PROGRAM = os.environ.get("WHENDUE_E2E_TERRAFORM")
MODULE = ROOT / "infra/terraform"
ARGUMENTS = ["-var-file=env/emulator.tfvars"]
OWN_QUEUES = "WHENDUE_OWN_QUEUES"


def deploy(
    endpoint_url: str,
    name: str,
    directory: Path,
    *,
    secret: str,
    environment: Mapping[str, str],
    visibility_s: int | None = None,
    schedule_timer: bool = True,
    extra_tasks: Path | None = None,
    observability: bool = False,
) -> Stack:
    """Deploy a stack by Terraform; the secret of its tokens goes into the parameter store.

    Raises:
        RuntimeError: it could not be applied; the message is Terraform's.
    """
    ssm = Clients(endpoint_url).client("ssm")
    for parameter in ("secret", "jwt-secret"):
        ssm.put_parameter(Name=f"/{name}/{parameter}", Value=secret, Type="SecureString", Overwrite=True)
    built = build("local", extra_tasks)
    manifest = built.save(BUILD / "e2e.json")
    variables = {
        "name": name,
        "region": REGION,
        # An emulator runs functions on the processor of this machine.
        "architecture": {"aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "build_manifest": os.path.relpath(manifest, MODULE),
        "timer": {"by": "rule", "enabled": schedule_timer},
        "visibility_s": visibility_s,
        "jwt": {"issuer": token.ISSUER, "audience": token.AUDIENCE},
        # The module has a variable for them, by which it makes their workers, too.
        "environment": {name: value for name, value in environment.items() if name != OWN_QUEUES},
        "own_queues": json.loads(environment.get(OWN_QUEUES) or "{}"),
        "observability": observability,
    }
    file = directory / f"{name}.tfvars.json"
    file.write_text(json.dumps(variables))
    carried = [manifest, *built.layers.values(), *built.functions.values()]
    outputs = _apply(endpoint_url, directory / f"{name}.tfstate", carried, [*ARGUMENTS, f"-var-file={file}"])
    return Stack(**outputs, dashboard_url=f"{outputs['api_url']}/", aws_endpoint_url=endpoint_url)


def plan(module: Path, carried: list[Path]) -> str:
    """Check the format of a module, validate and plan it; return what the program prints.

    Args:
        module: the root module, in a repository of its own.
        carried: files of the repository that Git ignores, and that the module reads.

    Raises:
        RuntimeError: it cannot be planned; the message is Terraform's.
    """
    command = [str(PROGRAM), str(module)]
    for path in carried:
        command += ["--carry", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=module.parent)
    if done.returncode:
        raise RuntimeError(f"{PROGRAM} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _apply(endpoint_url: str, state: Path, carried: list[Path], arguments: list[str]) -> dict[str, Any]:
    command = [str(PROGRAM), "--apply", endpoint_url, "--state", str(state), str(MODULE)]
    for path in carried:
        command += ["--carry", str(path.relative_to(ROOT))]
    done = subprocess.run([*command, "--", *arguments], check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{PROGRAM} failed:\n{done.stderr}")
    wanted = {"api_url", "region", "table", "bucket", "queues", "dead_letter_queue", "functions"}
    return {name: output["value"] for name, output in json.loads(done.stdout).items() if name in wanted}
