"""localstack.lifecycle: `make up` on a running stack deploys what has changed, and nothing else.

How long that takes is not asserted; what would take long is counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from localstack import emulator, lifecycle, steps
from localstack.deploy.clients import Clients
from localstack.emulator import Emulator
from localstack.paths import BUILD
from localstack.stack import Stack, load

# What operations that change nothing begin with.
READS = ("Describe", "Get", "Head", "List")
# Each function is started once, the worker as often as it is warmed.
STARTS = 4 + lifecycle.WARM_WORKERS


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run an emulator."""
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def up(emulated: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Stack]:
    """Return `make up`, on this emulator; what is remembered of the stack is in a folder of the test's."""
    remembered = tmp_path / "stack.json"
    monkeypatch.setattr(emulator, "start", lambda: emulated)
    monkeypatch.setattr(lifecycle, "LOCAL", emulated.directory)
    monkeypatch.setattr(lifecycle, "load", lambda: load(remembered))
    save = Stack.save
    monkeypatch.setattr(Stack, "save", lambda stack: save(stack, remembered))
    return lifecycle.up


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of this process to the emulator."""
    made: list[str] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation: str, arguments: Any) -> Any:
        made.append(operation)
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return made


def unpacked(emulated: Emulator) -> set[str]:
    """Return the folders into which the emulator has unpacked functions and layers."""
    return {path.name for path in (emulated.directory / "tmp").glob("ministack-lambda-*")}


def zips() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in BUILD.glob("*.zip")}


def writes(calls: list[str]) -> Counter[str]:
    return Counter(operation for operation in calls if not operation.startswith(READS))


@pytest.mark.thorough
def test_up_on_a_running_stack_makes_and_unpacks_nothing(
    up: Callable[[], Stack], emulated: Emulator, calls: list[str]
) -> None:
    """Not a function, layer, queue, table, parameter or sender, and no zip; the first one has made them all."""
    first = up()
    assert writes(calls) >= Counter(CreateFunction=5, PublishLayerVersion=2, CreateTable=1, CreateQueue=7)
    folders, built = unpacked(emulated), zips()
    assert folders
    assert built
    calls.clear()
    assert up() == first
    assert writes(calls) == Counter(Invoke=STARTS), "that they start is what `make up` promises"
    assert unpacked(emulated) == folders
    assert zips() == built


def test_up_and_down_say_what_they_are_doing_if_a_person_asked(
    up: Callable[[], Stack], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each step has a line on standard error before it begins; a program that deploys a stack writes none."""
    monkeypatch.setattr(steps, "_shown", False)
    up()
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(steps, "_shown", True)
    up()
    monkeypatch.setattr(emulator, "stop", lambda _: None)
    monkeypatch.setattr(lifecycle, "STACK_FILE", tmp_path / "stack.json")
    assert lifecycle.down()
    said = capfd.readouterr().err.splitlines()
    beginnings = ("Building", "Deploying table", "Deploying functions", "Starting each", "Stopping the emulator")
    wanted = [next((line for line in said if line.startswith(words)), None) for words in beginnings]
    assert [line for line in said if line.endswith("...")] == wanted


@pytest.mark.thorough
def test_up_brings_back_what_has_gone_and_makes_nothing_else(
    up: Callable[[], Stack], emulated: Emulator, calls: list[str]
) -> None:
    """Else a deploy that never writes would pass the test above."""
    stack, clients = up(), Clients(emulated.endpoint_url)
    clients.client("ssm").put_parameter(Name="/whendue/secret", Value="other", Type="SecureString", Overwrite=True)
    clients.client("ses").delete_identity(Identity="whendue@example.com")
    clients.functions.update_function_configuration(FunctionName=stack.functions["timer"], Timeout=7)
    calls.clear()
    up()
    made = writes(calls) - Counter(Invoke=STARTS)
    assert made == Counter(PutParameter=1, VerifyEmailIdentity=1, UpdateFunctionConfiguration=1)
