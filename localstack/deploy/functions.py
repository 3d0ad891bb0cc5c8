"""Layers and functions."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localstack.build import Built
from localstack.deploy.clients import Clients, code_of
from localstack.topology import Topology


@dataclass(frozen=True, slots=True)
class Environment:
    """The addresses that every function is told."""

    table: str
    bucket: str
    queues: dict[str, str]
    dead_letter_queues: dict[str, str]
    visibility_s: int
    functions: list[str]

    def variables(self) -> dict[str, str]:
        """Give them as environment variables."""
        return {
            "WHENDUE_TABLE": self.table,
            "WHENDUE_BUCKET": self.bucket,
            "WHENDUE_QUEUES": json.dumps(self.queues),
            "WHENDUE_DEAD_LETTER_QUEUE": self.dead_letter_queues["dead_letter"],
            "WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE": self.dead_letter_queues["notifications_dead_letter"],
            "WHENDUE_VISIBILITY_S": str(self.visibility_s),
            "WHENDUE_OWN_FUNCTIONS": ",".join(sorted(self.functions)),
            "POWERTOOLS_SERVICE_NAME": "whendue",
        }


def deploy_functions(
    clients: Clients, prefix: str, plan: Topology, built: Built, variables: Mapping[str, str]
) -> dict[str, str]:
    """Make or update all functions; gives their deployed names by name."""
    role = _role(clients, f"{prefix}-function")
    layers = [_layer(clients, f"{prefix}-{name}", path, plan) for name, path in built.layers.items()]
    # Emulators run functions on the processor of this machine.
    here = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    names = {}
    for name, function in plan.functions.items():
        names[name] = f"{prefix}-{name}"
        settings = {
            "FunctionName": names[name],
            "Role": role,
            "Runtime": plan.runtime.python,
            "Handler": function.handler,
            "Timeout": function.timeout_s,
            "MemorySize": function.memory_mb,
            "Environment": {"Variables": dict(variables)},
            "Layers": layers,
        }
        code = built.functions[name].read_bytes()
        try:
            clients.functions.create_function(**settings, Code={"ZipFile": code}, Architectures=[here])
        except ClientError as error:
            if code_of(error) != "ResourceConflictException":
                raise
            clients.functions.update_function_code(FunctionName=names[name], ZipFile=code)
            _configure(clients, settings)
        if function.reserved_concurrency:
            clients.functions.put_function_concurrency(
                FunctionName=names[name], ReservedConcurrentExecutions=function.reserved_concurrency
            )
    for deployed in names.values():
        clients.functions.get_waiter("function_active_v2").wait(FunctionName=deployed)
    return names


def _configure(clients: Clients, settings: Mapping[str, Any]) -> None:
    """Change a function's settings; where that must wait for the change of its code (LocalStack), wait."""
    try:
        clients.functions.update_function_configuration(**settings)
    except ClientError as error:
        if code_of(error) != "ResourceConflictException":
            raise
        clients.functions.get_waiter("function_updated_v2").wait(FunctionName=settings["FunctionName"])
        clients.functions.update_function_configuration(**settings)


def _role(clients: Clients, name: str) -> str:
    """Make the emulator's one role; on AWS each function has its own (infra/terraform)."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    try:
        return str(clients.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
    except ClientError as error:
        if code_of(error) != "EntityAlreadyExists":
            raise
        return str(clients.iam.get_role(RoleName=name)["Role"]["Arn"])


def _layer(clients: Clients, name: str, path: Path, plan: Topology) -> str:
    """Publish a layer, unless its newest version is this very file (its name holds its hash)."""
    versions = clients.functions.list_layer_versions(LayerName=name).get("LayerVersions", [])
    if versions and versions[0].get("Description") == path.stem:
        return str(versions[0]["LayerVersionArn"])
    published = clients.functions.publish_layer_version(
        LayerName=name,
        Description=path.stem,
        Content={"ZipFile": path.read_bytes()},
        CompatibleRuntimes=[plan.runtime.python],
    )
    return str(published["LayerVersionArn"])
