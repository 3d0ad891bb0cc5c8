"""Layers and functions."""

import json
import platform
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from localstack.build import Built
from localstack.deploy.clients import Clients, code_of
from localstack.deploy.same import covers
from localstack.topology import Topology, own_workers
from whendue.settings import read_own_queues

# AWS takes 50 MB with the request: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# Emulators take seconds to read the base64 of half of that.
INLINE_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Environment:
    """The addresses in the environment of every function."""

    table: str
    bucket: str
    queues: dict[str, str]
    dead_letter_queues: dict[str, str]
    visibility_s: int
    functions: list[str]

    def variables(self) -> dict[str, str]:
        """Return them as environment variables."""
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
    """Make or update all functions, and the workers of own queues; return their deployed names by name."""
    role = _role(clients, f"{prefix}-function")
    layers = [_layer(clients, f"{prefix}-{name}", path, plan) for name, path in built.layers.items()]
    names = {}
    own = own_workers(plan, read_own_queues(variables.get("WHENDUE_OWN_QUEUES") or "{}"))
    for name, function in (plan.functions | own).items():
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
        _deploy(
            clients,
            settings,
            Code(clients, f"{prefix}-code", built.functions["worker" if name in own else name]),
            function.reserved_concurrency,
        )
    for deployed in names.values():
        _await_active(clients, deployed)
    return names


class Code:
    """A function's zip: sent with the request, or by way of S3 if it is large (several functions may share it).

    Args:
        bucket: made when it is needed.
        path: the zip, its content's hash in its name.
    """

    def __init__(self, clients: Clients, bucket: str, path: Path) -> None:
        """Upload nothing yet."""
        self._s3, self._bucket, self._path = clients.s3, bucket, path
        self._data = path.read_bytes()

    @property
    def sha256(self) -> str:
        """The hash as Lambda shows it."""
        return b64encode(sha256(self._data).digest()).decode()

    def parameters(self) -> dict[str, Any]:
        """Return the arguments of CreateFunction and UpdateFunctionCode."""
        if len(self._data) <= INLINE_BYTES:
            return {"ZipFile": self._data}
        target = {"Bucket": self._bucket, "Key": self._path.name}
        try:
            self._s3.head_object(**target)
        except ClientError:
            self._s3.create_bucket(Bucket=self._bucket)
            self._s3.put_object(**target, Body=self._data)
        return {"S3Bucket": self._bucket, "S3Key": self._path.name}


def _deploy(clients: Clients, settings: Mapping[str, Any], code: Code, concurrency: int | None) -> None:
    """Make a function, or bring it up to date in what has changed."""
    lambdas, name = clients.functions, settings["FunctionName"]
    found = _existing(clients, name)
    if found is None:
        # Emulators run functions on the processor of this machine.
        here = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
        lambdas.create_function(**settings, Code=code.parameters(), Architectures=[here])
    else:
        current = found["Configuration"]
        if current["CodeSha256"] != code.sha256:
            lambdas.update_function_code(FunctionName=name, **code.parameters())
        if not _configured(current, settings):
            _configure(clients, settings)
    reserved = (found or {}).get("Concurrency", {}).get("ReservedConcurrentExecutions")
    if concurrency and reserved != concurrency:
        lambdas.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=concurrency)


def _existing(clients: Clients, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = clients.functions.get_function(FunctionName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return None
    return found


def _configured(current: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Compare settings; variables to the last: one that is no longer wanted must go."""
    variables = (current.get("Environment") or {}).get("Variables") or {}
    arns = [layer["Arn"] for layer in current.get("Layers") or ()]
    return (
        variables == settings["Environment"]["Variables"]
        and arns == settings["Layers"]
        and covers(current, {name: value for name, value in settings.items() if name not in ("Environment", "Layers")})
    )


def _await_active(clients: Clients, name: str) -> None:
    """Wait until a function can be invoked.

    Raises:
        RuntimeError: it never will; the message has the emulator's reason.
    """
    try:
        clients.functions.get_waiter("function_active_v2").wait(FunctionName=name)
        clients.functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    except WaiterError as error:
        current = clients.functions.get_function(FunctionName=name)["Configuration"]
        reasons = (current.get(field) for field in ("StateReason", "LastUpdateStatusReason"))
        said = next(filter(None, reasons), f"state {current.get('State')}")
        raise RuntimeError(f"function {name} cannot start: {said}") from error


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
        return str(clients.iam.get_role(RoleName=name)["Role"]["Arn"])
    except ClientError as error:
        if "NoSuchEntity" not in code_of(error):
            raise
        return str(clients.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])


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
