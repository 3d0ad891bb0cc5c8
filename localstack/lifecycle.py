"""Bring the dev stack up and down."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from localstack import emulator, token
from localstack.build import Target, wanted_target
from localstack.deploy import deploy, mail
from localstack.deploy.clients import Clients
from localstack.paths import LOCAL, STACK_FILE
from localstack.stack import Stack, load
from whendue.errors import ConfigurationError
from whendue.resources import TaskSettings

WARM_WORKERS = 3
LOCALSTACK_URL = "http://127.0.0.1:4566"


def up(kind: str = "ministack") -> Stack:
    """Bring the stack up, or up to date if it is running; returns when its API answers.

    Args:
        kind: `ministack`, started here; or `localstack`, which must be running already (localstack/docker-compose.yml).

    Raises:
        RuntimeError: the emulator or the API does not answer.
    """
    if kind == "localstack":
        url = os.environ.get("AWS_ENDPOINT_URL", LOCALSTACK_URL)
        return _deploy(url, api_flavor="rest", target=wanted_target("container"))
    known = load()
    if known and known.emulator_pid:
        there = emulator.Emulator(known.aws_endpoint_url, known.emulator_pid, LOCAL)
        if there.alive() and answers(f"{known.aws_endpoint_url}/_ministack/health"):
            return _deploy(there.endpoint_url, there)
    started = emulator.start()
    try:
        return _deploy(started.endpoint_url, started)
    except BaseException:
        emulator.stop(started)
        raise


def down() -> bool:
    """Stop what `up` started; says whether there was anything."""
    known = load()
    STACK_FILE.unlink(missing_ok=True)
    if known is None or known.emulator_pid is None:
        return known is not None
    emulator.stop(emulator.Emulator(known.aws_endpoint_url, known.emulator_pid, LOCAL))
    return True


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Run a stack for the length of a block; Ctrl-C and SIGTERM end it, too."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    known = load()
    was_there = known is not None and answers(f"{known.api_url}/health")
    stack = up()
    try:
        yield stack
    finally:
        if not was_there:
            down()


def answers(url: str) -> bool:
    """Say whether a URL answers with a success."""
    try:
        with urlopen(url, timeout=20):
            return True
    except (HTTPError, URLError, OSError):
        return False


def warm(stack: Stack) -> None:
    """Start what the first jobs need, side by side, so that they do not wait for the emulator's cold starts."""
    functions = Clients(stack.aws_endpoint_url).functions
    wanted = [stack.functions["timer"], *[stack.functions["worker"]] * WARM_WORKERS]
    with ThreadPoolExecutor(len(wanted)) as pool:
        list(pool.map(lambda name: functions.invoke(FunctionName=name, Payload=b'{"Records": []}'), wanted))


def _deploy(
    endpoint_url: str,
    ours: emulator.Emulator | None = None,
    *,
    api_flavor: str | None = None,
    target: Target = "local",
) -> Stack:
    # What the shell says of whendue's settings holds for its functions, too: WHENDUE_HTTP_ALLOW=... make up
    asked = {name: value for name, value in os.environ.items() if name.startswith("WHENDUE_")}
    signing = token.environment(token.secret(), token.deployment_secret())
    environment = mail.SETTINGS | signing | asked
    _check(asked)
    # Workers in containers beside this stack read it there (infra/docker/whendue.env): they derive the same ids.
    parameter = {"Name": "/whendue/secret", "Value": environment["WHENDUE_SECRET"], "Type": "SecureString"}
    Clients(endpoint_url).client("ssm").put_parameter(**parameter, Overwrite=True)
    stack = deploy(endpoint_url, environment=environment, api_flavor=api_flavor, target=target)
    if not answers(f"{stack.api_url}/health/ready"):
        raise RuntimeError(f"the API does not answer at {stack.api_url}/health/ready; see `make logs`")
    warm(stack)
    if ours:
        stack = stack.on(ours.pid, ours.log)
    stack.save()
    return stack


def _check(asked: dict[str, str]) -> None:
    """Refuse settings of the shell that no function would start with."""
    try:
        # The deploy names the functions itself.
        TaskSettings.from_env(asked | {"WHENDUE_OWN_FUNCTIONS": "whendue"})
    except ConfigurationError as error:
        raise RuntimeError(f"{error} (docs/configuration.md)") from None
