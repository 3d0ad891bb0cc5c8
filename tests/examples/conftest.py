"""A whendue in memory behind HTTP on loopback, with the examples' tasks; its workers are threads, or called by hand."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

import pytest

from localstack.paths import ROOT
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.server import serving
from tests.builders.world import RealTime, World
from whendue.containers.health import Liveness
from whendue.containers.worker import Options, Worker
from whendue.declarations.definitions import TaskDefinition
from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, TASKS, USER_TASKS, discover
from whendue.settings import ALL_QUEUES

PACKAGES = ("examples", USER_TASKS)
SILENT_S = 60


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sequence[TaskDefinition]]:
    """The tasks of examples/ and of the demonstration, found as a user's are; other tests find their own again."""
    before = _user_modules()
    # What is declared while the registry is another one would be missing for the tests that come after.
    shipped = discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS)
    assert [shipped.get(name) for name in shipped.all_names()]
    monkeypatch.setattr(TASKS, "_tasks", {})
    found = discover(*PACKAGES)
    assert found.failures == []
    yield [found.get(name) for name in found.names()]
    _user_modules()
    sys.modules.update(before)


def _user_modules() -> dict[str, ModuleType]:
    """Forget the modules of users' tasks, so that they are imported, and declare, once more; return what they were."""
    names = [name for name in sys.modules if name.startswith(tuple(f"{package}." for package in PACKAGES))]
    return {name: sys.modules.pop(name) for name in names}


def with_tasks(world: World, tasks: Sequence[TaskDefinition]) -> World:
    for definition in tasks:
        world.registry.add(definition)
    return world


@pytest.fixture
def world(tasks: Sequence[TaskDefinition]) -> World:
    """A world whose clock moves when told."""
    return with_tasks(World(), tasks)


@pytest.fixture
def client(world: World) -> Client:
    return Client(api_of(world), a_token())


@pytest.fixture
def real_time(tasks: Sequence[TaskDefinition]) -> RealTime:
    """A world on threads and the real clock."""
    made = RealTime()
    with_tasks(made, tasks)
    return made


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    """Start a container's workers; they are drained in the end."""
    started: list[Worker] = []

    def make(world: RealTime, options: Options | None = None) -> Worker:
        wanted = options or Options(ALL_QUEUES, threads=20, wait_s=1, grace_s=20)
        started.append(Worker(world.app, wanted, Liveness(world.system.now_ms, SILENT_S)))
        started[-1].start()
        return started[-1]

    yield make
    for worker in started:
        worker.drain()
        assert worker.join()


@pytest.fixture
def run_against() -> Callable[[World, str], str]:
    """Run an example that is a program, against a world's API; return what it prints."""

    def run(world: World, name: str) -> str:
        with serving(api_of(world), world) as url:
            given = {"API": url, "TOKEN": a_token(), "PATH": os.environ["PATH"]}
            command = [sys.executable, str(ROOT / f"examples/{name}.py")]
            done = subprocess.run(command, check=False, capture_output=True, text=True, env=given, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
