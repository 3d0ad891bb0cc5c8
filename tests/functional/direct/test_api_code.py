"""whendue.direct.api_code: the API's code in a process that has packages of its own."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from localstack.paths import ROOT
from tests.functional.project.wheel import build_wheel
from whendue.direct import api_code
from whendue.errors import ConfigurationError
from whendue.project import carried

# Of a Lambda function of a user that has packages of the names that whendue carries.
PROGRAM = """
import gc, sys
import functions, localstack
import httpx
from whendue.adapters.memory import InlineRunner, MemoryBlobs, MemoryQueue, MemoryStore
from whendue.bootstrap.application import build
from whendue.client import Client, NewJob, NewProfile
from whendue.declarations.registry import discover
from whendue.declarations.resources import TaskSettings, provide
from whendue.direct.transport import InProcess
from whendue.settings import ALL_QUEUES, Settings
from whendue.support.clock import system_clock
from whendue.support.secret import Secret

provide("settings", lambda: TaskSettings.from_env({}))
clock = system_clock()
secret = Secret.read("a-secret-of-a-program-in-memory-of-more-than-32-bytes")
settings = Settings("table", "bucket", {queue: queue for queue in ALL_QUEUES}, "dead", secret=secret)
registry = discover("whendue.tasks")
app = build(settings, clock, MemoryStore(), MemoryQueue(clock), MemoryBlobs(), InlineRunner(), registry)
with Client("https://direct.invalid", "unused", transport=InProcess(app, "acme")) as client:
    job = client.submit_job(NewJob("http", {"url": "https://example.com"}))
    assert client.get_job(job.id).state == "queued"
    assert client.get_metrics()
    assert client.put_profile("slow", NewProfile()).name == "slow"
assert functions.OWNER == localstack.OWNER == "the user"
assert [name for name in sys.modules if name.startswith(("functions.", "localstack."))] == []
assert gc.isenabled()
print(sys.modules["whendue_functions"].__file__)
"""


def run(folder: Path, *path: Path) -> str:
    """Run the program in a folder that has packages called `functions` and `localstack`."""
    for name in ("functions", "localstack"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text('OWNER = "the user"\n')
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (folder, *path))),
        # As Lambda sets it where the process of a function starts.
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "PYTHONWARNINGS": "error",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.thorough
def test_packages_of_the_user_with_the_same_names_stay_theirs(tmp_path: Path) -> None:
    """`functions` is a likely name in a project of Lambda functions; nothing of ours is found by it."""
    assert run(tmp_path, ROOT / "layers/core/python") == str(ROOT / "functions/__init__.py")


@pytest.mark.thorough
def test_the_wheel_has_all_that_it_needs(tmp_path: Path) -> None:
    """Functions are carried in it as data."""
    site = tmp_path / "site"
    with ZipFile(build_wheel(tmp_path / "build")) as wheel:
        wheel.extractall(site)
    assert run(tmp_path / "project", site) == str(site / "whendue/carried/functions/__init__.py")


def test_garbage_is_collected_as_before() -> None:
    """A process that has stopped it keeps it stopped."""
    api_code.api_class()
    assert gc.isenabled()
    gc.disable()
    try:
        api_code.api_class()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="aws_lambda_powertools")

    monkeypatch.setattr(api_code, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"needs aws_lambda_powertools: install whendue\[direct\]"):
        api_code.api_class()


def test_an_installation_without_the_code_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the functions' own layer, which has the packages alone."""
    monkeypatch.setattr(carried, "_HERE", tmp_path / "a/b/carried.py")
    monkeypatch.setattr(carried, "_CHECKOUT", tmp_path)
    with pytest.raises(ConfigurationError, match="install its wheel"):
        api_code.api_class()
