"""Bring the dev stack up and down."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from localstack import emulator, sign_in_link, token
from localstack.build import Target, wanted_target
from localstack.deploy import deploy, mail
from localstack.deploy.clients import Clients
from localstack.paths import LOCAL, STACK_FILE
from localstack.stack import Stack, load
from localstack.steps import step
from whendue.declarations.resources import TaskSettings
from whendue.errors import ConfigurationError
from whendue.support.secret import Secret

WARM_WORKERS = 3
LOCALSTACK_URL = "http://127.0.0.1:4566"
REASON_CHARS = 500
# The part of an HTTP API's event that is read.
HEALTH = {
    "rawPath": "/health",
    "headers": {},
    "requestContext": {"stage": "$default", "http": {"method": "GET", "path": "/health"}},
}


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
        running = emulator.Emulator(known.aws_endpoint_url, known.emulator_pid, LOCAL)
        if running.alive() and answers(f"{known.aws_endpoint_url}/_ministack/health"):
            return _deploy(running.endpoint_url, running)
    step("Starting the emulator")
    started = emulator.start()
    try:
        return _deploy(started.endpoint_url, started)
    except BaseException:
        emulator.stop(started)
        raise


def down() -> bool:
    """Stop what `up` started; says whether anything was running."""
    known = load()
    STACK_FILE.unlink(missing_ok=True)
    if known is None or known.emulator_pid is None:
        return known is not None
    step("Stopping the emulator and its functions")
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


def dashboard_link(stack: Stack, tenant: str = "demo", scopes: str = token.SCOPES, subject: str = token.SUBJECT) -> str:
    """Return a one-time link to the dashboard, which signs in as a tenant."""
    signed = token.make(tenant, scopes, subject=subject)
    made = sign_in_link.make_code(Clients(stack.aws_endpoint_url), stack.table, signed)
    return sign_in_link.link(stack.dashboard_url, made)


def answers(url: str) -> bool:
    """Return whether a URL answers with a success."""
    try:
        with urlopen(url, timeout=20):
            return True
    except (HTTPError, URLError, OSError):
        return False


def warm(stack: Stack) -> None:
    """Start every function, side by side, so that the first jobs do not wait for the emulator's cold starts.

    Raises:
        RuntimeError: some cannot start; the message has each one's reason.
    """
    functions = Clients(stack.aws_endpoint_url).functions
    wanted = {name: WARM_WORKERS if name == "worker" else 1 for name in stack.functions}

    def reason(name: str) -> str | None:
        event = HEALTH if name == "api" else {"Records": []}
        reply = functions.invoke(FunctionName=stack.functions[name], Payload=json.dumps(event).encode())
        return _reason(reply) if "FunctionError" in reply else None

    with ThreadPoolExecutor(sum(wanted.values())) as pool:
        asked = [(name, pool.submit(reason, name)) for name, number in wanted.items() for _ in range(number)]
        failed = {name for name, future in asked if future.result()}
    # Alone it says more: of several that start at once, emulators have the reason of one.
    found = {name: said for name in wanted if name in failed and (said := reason(name))}
    if found:
        lines = "\n".join(f"  {stack.functions[name]}: {said}" for name, said in found.items())
        raise RuntimeError(f"functions cannot start:\n{lines}")


def _reason(reply: Mapping[str, Any]) -> str:
    """Return the error in a function's reply to a failed invocation."""
    text = reply["Payload"].read().decode(errors="replace")
    try:
        said = json.loads(text)
        return f"{said['errorType']}: {said['errorMessage']}"[:REASON_CHARS]
    except (ValueError, KeyError, TypeError):
        return text[:REASON_CHARS] or str(reply["FunctionError"])


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
    environment = mail.SETTINGS | sign_in_link.SETTINGS | signing | asked
    _check(environment)
    _store_secrets(endpoint_url, environment)
    stack = deploy(endpoint_url, environment=environment, api_flavor=api_flavor, target=target)
    step("Starting each function once")
    warm(stack)
    if not answers(f"{stack.api_url}/health/ready"):
        raise RuntimeError(f"the API does not answer at {stack.api_url}/health/ready; see `make logs`")
    if ours:
        stack = stack.on(ours.pid, ours.log)
    stack.save()
    return stack


def _store_secrets(endpoint_url: str, environment: Mapping[str, str]) -> None:
    """Containers beside this stack read them there (infra/docker/whendue.env): the same ids, the same tokens."""
    ssm = Clients(endpoint_url).client("ssm")
    wanted = {
        "/whendue/secret": environment["WHENDUE_SECRET"],
        "/whendue/jwt-secret": environment["WHENDUE_JWT_SECRET"],
    }
    found = ssm.get_parameters(Names=[*wanted], WithDecryption=True)["Parameters"]
    stored = {parameter["Name"]: parameter["Value"] for parameter in found}
    for name, value in wanted.items():
        if stored.get(name) != value:
            ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


def _check(environment: dict[str, str]) -> None:
    """Refuse settings that no function would start with, before a running stack gets them."""
    try:
        # The deploy names the functions itself.
        TaskSettings.from_env(environment | {"WHENDUE_OWN_FUNCTIONS": "whendue"})
        Secret.read(environment["WHENDUE_SECRET"])
    except ConfigurationError as error:
        raise RuntimeError(f"{error} (docs/reference/configuration.md)") from None
