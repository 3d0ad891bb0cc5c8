"""The TypeScript client as its users get it: generated, packed, installed, type-checked, and tested on the real API."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from functions.api.app import Api
from localstack.node_tools import ensure as ensure_node_tools
from localstack.paths import ROOT
from tests.builders.api import a_token, api_of
from tests.builders.notified import add_shipped_channels
from tests.builders.server import serving
from tests.builders.world import MINUTE_MS, RealTime
from whendue.containers.health import Liveness
from whendue.containers.worker import Options, Worker
from whendue.declarations.registry import USER_TASKS, discover
from whendue.declarations.resources import RESOURCES, TaskSettings
from whendue.settings import ALL_QUEUES

PACKAGE = ROOT / "clients/typescript"
# What a user compiles and runs against the package.
USED = ("tsconfig.json", "tsconfig.test.json", "test", "examples")
SILENT_S = 60
# Far more than its tests take: what hangs is to end.
TIMEOUT_S = 300


def check() -> None:
    """Check the package; the example and the tests run against what `npm pack` packs.

    Raises:
        SystemExit: the generated types are not current, or something else is packed than a user needs.
        CalledProcessError: it does not compile, or a test fails.
    """
    tools = ensure_node_tools("typescript-client", PACKAGE)
    with TemporaryDirectory(prefix="whendue-typescript-") as name:
        folder = Path(name)
        _check_types(tools, folder)
        archive = _packed(tools, folder)
        built = _compiled(tools, folder / "user", archive)
        _test(built)
        _run_example(built)
    sys.stdout.write("typescript_package: packed, tested and tried\n")


def _check_types(tools: Path, folder: Path) -> None:
    """Compare the generated types with a fresh generation, by the package's own command."""
    (package := folder / "clients/typescript/src").mkdir(parents=True)
    (folder / "api").mkdir()
    shutil.copy(ROOT / "api/openapi.json", folder / "api")
    shutil.copy(PACKAGE / "package.json", package.parent)
    (package.parent / "node_modules").symlink_to(tools)
    _run(["npm", "run", "generate", "--silent"], package.parent)
    if (package / "schema.ts").read_text() != (PACKAGE / "src/schema.ts").read_text():
        sys.exit(
            "clients/typescript/src/schema.ts is not current: run `npm ci && npm run generate` in clients/typescript"
        )


def _packed(tools: Path, folder: Path) -> Path:
    """Pack a copy of the package, since nothing is built in the tree."""
    copy = folder / "package"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "build"))
    (copy / "node_modules").symlink_to(tools)
    _run(["npm", "pack", "--silent", "--pack-destination", str(folder)], copy)
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as opened:
        packed = {member.name.removeprefix("package/") for member in opened.getmembers()}
    modules = {path.stem for path in (PACKAGE / "src").glob("*.ts")}
    built = {f"dist/{module}{ending}" for module in modules for ending in (".js", ".d.ts")}
    if packed != (wanted := {"package.json", "README.md", "LICENSE", *built}):
        sys.exit(f"packed is {sorted(packed ^ wanted)} more or less than a user needs")
    return archive


def _compiled(tools: Path, user: Path, archive: Path) -> Path:
    """Compile tests and example in the project of a user who has installed the package; return what was built."""
    (modules := user / "node_modules").mkdir(parents=True)
    for tool in tools.iterdir():
        (modules / tool.name).symlink_to(tool)
    with tarfile.open(archive) as opened:
        opened.extractall(user, filter="data")
    (user / "package").rename(modules / "whendue-client")
    (user / "package.json").write_text('{"type": "module", "private": true}')
    for name in USED:
        (shutil.copytree if (PACKAGE / name).is_dir() else shutil.copy)(PACKAGE / name, user / name)
    _run([str(tools / ".bin/tsc"), "--project", str(user / "tsconfig.test.json")], user)
    return user / "build"


def _test(built: Path) -> None:
    world = RealTime()
    add_shipped_channels(world.registry)
    RESOURCES.provide("settings", TaskSettings)
    with _served(world) as environment:
        _run(["node", "--test", str(built / "test")], built, environment)


def _run_example(built: Path) -> None:
    """Run the example on the task of the demonstration.

    Raises:
        AssertionError: it prints something else than its Python sibling.
    """
    world = RealTime()
    discover(USER_TASKS)
    world.use("demo.greet")
    with _served(world) as environment:
        printed = _run(["node", str(built / "examples/sample.js")], built, environment)
    greeted, reason, cancelled, refused = printed.splitlines()
    assert greeted.startswith('succeeded {"greeting":'), greeted
    assert (reason, cancelled) == ("not_due", "cancelled cancelled"), printed
    assert refused.startswith("invalid_payload name "), refused


@contextmanager
def _served(world: RealTime) -> Iterator[dict[str, str]]:
    """Serve the API of a world with a worker beside it; return the environment that names it."""
    worker = Worker(
        world.app, Options(ALL_QUEUES, threads=4, wait_s=1, grace_s=20), Liveness(world.system.now_ms, SILENT_S)
    )
    worker.start()
    try:
        with serving(_Ticking(api_of(world), world), world) as url:  # type: ignore[arg-type]
            yield {"WHENDUE_URL": url, "WHENDUE_TOKEN": a_token()}
    finally:
        worker.drain()
        worker.join()


class _Ticking:
    """An API before which the timer ticks, so that nobody waits a minute for it."""

    def __init__(self, api: Api, world: RealTime) -> None:
        self._api = api
        self._world = world

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self._world.app.tick.run(self._world.system.now_ms() + MINUTE_MS)
        return self._api(event, context)


def _run(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a program; return what it prints.

    Raises:
        CalledProcessError: it failed; what it printed is shown.
    """
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode:
        sys.stdout.write(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, list(command))
    return done.stdout
