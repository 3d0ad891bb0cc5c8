"""The environment in which a worker or timer of one's own finds the stack that is up."""

import shlex
from pathlib import Path

from localstack.deploy.clients import Clients
from localstack.paths import LOCAL
from localstack.stack import REGION, Stack
from whendue.manifest.model import NAME, SETTING


def environment_of(stack: Stack) -> dict[str, str]:
    """Return the worker function's environment for a local process, with the emulator's address."""
    functions = Clients(stack.aws_endpoint_url).functions
    variables = functions.get_function_configuration(FunctionName=stack.functions["worker"])["Environment"]["Variables"]
    return {**variables, **of_emulator(stack.aws_endpoint_url)}


def with_tasks(environment: dict[str, str], folder: Path = LOCAL) -> dict[str, str]:
    """Return an environment in which direct mode knows this repository's tasks: by their manifest, importing none.

    Args:
        environment: of a process.
        folder: where the manifest is written.
    """
    # `whendue dev`, which has tasks of its own, needs nothing of the build.
    from localstack.build import manifest_of_tasks

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    path.write_bytes(manifest_of_tasks())
    return environment | {SETTING: str(path)}


def of_emulator(endpoint_url: str) -> dict[str, str]:
    """Return the variables that lead a process's AWS clients to an emulator."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def for_a_shell(environment: dict[str, str]) -> str:
    """Write an environment as lines that a shell takes by `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items()))
