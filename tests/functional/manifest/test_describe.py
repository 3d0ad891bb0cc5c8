"""whendue.manifest.describe: tasks are imported once, by a process of its own, and API and timer never import them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localstack.paths import ROOT
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.manifest.describe import importing
from whendue.manifest.model import NAME, SETTING, Manifest, read

HEAD = """
from pydantic import BaseModel, Field, model_validator
from whendue import task


class Order(BaseModel):
    number: int = Field(ge=1)
"""
GOOD = f'''{HEAD}

@task("good.one", max_attempts=3)
def run(payload: Order) -> int:
    """Count an order."""
    return payload.number
'''
# Each import of it is a line in a file; it takes two seconds and 200 MB.
HEAVY = f"""{HEAD}
import time
from pathlib import Path

with Path({{record!r}}).open("a") as file:
    file.write("imported\\n")
memory = bytearray(200 * 1024 * 1024)
memory[::4096] = b"x" * len(memory[::4096])
time.sleep(2)


@task("heavy.count")
def count(payload: Order) -> int:
    return payload.number
"""
BROKEN = f'''{HEAD}

@task("broken.early")
def early(payload: Order) -> None:
    """Do nothing."""


def load() -> None:
    raise KeyError("a secret")


load()


@task("broken.late")
def late(payload: Order) -> None:
    """Do nothing."""
'''
# What an API and a timer function do as Lambda starts them, with what they know afterwards.
START = """
import json, os, sys
import functions.api.handler, functions.timer.handler
from whendue.bootstrap.process import app
registry = app(described=True).registry
print("RESULT" + json.dumps({"names": registry.names(), "imported": [name for name in sys.modules if "shop" in name]}))
"""
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "WHENDUE_TABLE": "table",
    "WHENDUE_BUCKET": "bucket",
    "WHENDUE_QUEUES": json.dumps(
        {name: f"http://127.0.0.1/0/{name}" for name in ("critical", "high", "normal", "low", "notifications")}
    ),
    "WHENDUE_DEAD_LETTER_QUEUE": "http://127.0.0.1/0/dead_letter",
    "WHENDUE_SECRET": "t" * 40,
    "WHENDUE_JWT_ALGORITHM": "HS256",
    "WHENDUE_JWT_SECRET": "s" * 40,
    "WHENDUE_JWT_ISSUER": "issuer",
    "WHENDUE_JWT_AUDIENCE": "audience",
}


class Shop:
    """A project with tasks.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "record.txt"
        self.path = folder / NAME
        (folder / "shop").mkdir()
        self.module("__init__", "")

    def module(self, name: str, source: str) -> None:
        (self.folder / f"shop/{name}.py").write_text(source)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join((str(self.folder), str(ROOT / "layers/core/python"), str(ROOT), *sys.path))
        environment = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "WHENDUE_TASKS": "shop", **more}
        return subprocess.run(
            [sys.executable, *command], env=environment, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def describe(self) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "whendue.manifest.describe", str(self.path))

    def manifest(self) -> Manifest:
        described = self.describe()
        found = read(self.path)
        assert described.returncode == bool(found.failures), described.stderr
        return found

    @property
    def imports(self) -> int:
        return len(self.record.read_text().splitlines())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize("setting", [True, False], ids=["named", "beside the code"])
def test_api_and_timer_do_not_notice_a_task_that_is_heavy_to_import(shop: Shop, *, setting: bool) -> None:
    """Two seconds and 200 MB are spent by the process that describes, once; both know the task all the same."""
    shop.module("heavy", HEAVY.format(record=str(shop.record)))
    shop.manifest()
    assert shop.imports == 1
    named = {SETTING: str(shop.path)} if setting else {}
    started = shop.run("-c", START, **ENVIRONMENT, **named)
    assert started.returncode == 0, started.stderr
    result = json.loads(started.stdout.rpartition("RESULT")[2])
    assert "heavy.count" in result["names"]
    assert result["imported"] == []
    assert shop.imports == 1


def test_without_a_manifest_tasks_are_imported(shop: Shop) -> None:
    """Else the test above would show nothing; it is what containers without a build do."""
    shop.module("heavy", HEAVY.format(record=str(shop.record)))
    started = shop.run("-c", START, **ENVIRONMENT)
    result = json.loads(started.stdout.rpartition("RESULT")[2])
    assert "heavy.count" in result["names"]
    assert result["imported"] == ["shop", "shop.heavy"]
    assert shop.imports == 1


def test_a_broken_module_is_shown_and_takes_only_its_own_tasks(shop: Shop) -> None:
    """With a traceback for the developer; the manifest has its line and class, and nothing that may be a secret."""
    shop.module("good", GOOD)
    shop.module("broken", BROKEN)
    described = shop.describe()
    assert described.returncode == 1
    assert "ERROR shop.broken cannot be imported, its tasks are off:" in described.stderr
    assert "KeyError: 'a secret'" in described.stderr
    manifest = read(shop.path)
    assert [task.name for task in manifest.tasks if not task.module.startswith("whendue.")] == ["good.one"]
    [failed] = manifest.failures
    assert (failed.module, failed.error_type, failed.where) == ("shop.broken", "KeyError", "shop/broken.py:16")
    assert list(manifest.unavailable) == ["broken.early"]
    assert "secret" not in shop.path.read_text()


def test_submit_names_the_broken_module_and_other_tasks_go_on(shop: Shop) -> None:
    """On AWS, too: the API has the manifest, and nothing to import."""
    shop.module("good", GOOD)
    shop.module("broken", BROKEN)
    world = World()
    shop.manifest().register(world.registry)
    client = Client(api_of(world), a_token())
    for name in ("broken.early", "broken.late"):
        answer = client.send("POST", "/jobs", {"type": name, "payload": {"number": 1}})
        assert (answer.status, answer.code) == (422, "unknown_task")
        assert "shop.broken" in answer.json["detail"]
    assert client.send("POST", "/jobs", {"type": "good.one", "payload": {"number": 1}}).status == 202
    refused = client.send("POST", "/jobs", {"type": "good.one", "payload": {"number": 0}})
    assert (refused.status, refused.code) == (422, "invalid_payload")
    assert refused.json["errors"][0]["where"].endswith("number")


@pytest.mark.parametrize(
    ("source", "code"),
    [("import os\nos._exit(7)", 7), ("raise SystemExit(3)", 1), ("import threading\nthreading.Event().wait(0)", 0)],
    ids=["the end of its process", "an exit", "nothing"],
)
def test_what_a_module_does_to_its_process_is_seen(shop: Shop, source: str, code: int) -> None:
    """Nothing is written of tasks that nobody has seen."""
    shop.module("odd", source)
    assert shop.describe().returncode == code
    assert shop.path.exists() == (code in {0, 1})


def test_a_thread_that_a_module_starts_does_not_keep_the_process(shop: Shop) -> None:
    """Else a build would never end."""
    shop.module("odd", "import threading\nthreading.Thread(target=threading.Event().wait).start()")
    assert shop.describe().returncode == 0


def test_the_same_sources_give_the_same_bytes(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wherever they lie: a zip with the manifest would be another one each time."""
    other = Shop(tmp_path_factory.mktemp("other"))
    for each in (shop, other):
        each.module("good", GOOD)
        each.module("broken", BROKEN)
        each.manifest()
    assert shop.path.read_bytes() == other.path.read_bytes()


ODD = 'a = ValueError("\\ud800" * 100_000)\na.__cause__ = a\nraise a\n'


def test_the_traceback_of_any_error_can_be_written(shop: Shop) -> None:
    """Also of half a pair of surrogates, as of a file's name that is no text; and it is bounded."""
    shop.module("odd", ODD)
    shop.module("good", GOOD)
    described = shop.describe()
    assert "ERROR shop.odd cannot be imported" in described.stderr
    assert "\\ud800" in described.stderr
    assert len(described.stderr) < 50_000
    assert [lost.module for lost in read(shop.path).failures] == ["shop.odd"]


def test_a_module_that_ends_the_process_is_named(shop: Shop) -> None:
    """By the file beside the manifest, which is there while a module is imported."""
    shop.module("deadly", "import os\nos._exit(3)\n")
    assert shop.describe().returncode == 3
    assert importing(shop.path).read_text() == "shop.deadly"
    shop.module("deadly", GOOD)
    shop.manifest()
    assert not importing(shop.path).exists()


def test_how_to_use_it(shop: Shop) -> None:
    """It is a command that people type."""
    shown = shop.run("-m", "whendue.manifest.describe", "--help")
    assert (shown.returncode, "usage: WHENDUE_TASKS=" in shown.stderr) == (0, True)
    nowhere = shop.run("-m", "whendue.manifest.describe", "/nowhere/at/all.json")
    assert (nowhere.returncode, nowhere.stderr.count("Traceback")) == (2, 0)
    assert "/nowhere/at/all.json cannot be written: No such file" in nowhere.stderr


def test_a_package_that_is_missing_is_a_setting_that_is_wrong(shop: Shop) -> None:
    """As in each process that imports it."""
    described = shop.run("-m", "whendue.manifest.describe", str(shop.path), WHENDUE_TASKS="nowhere")
    assert described.returncode == 2
    assert "WHENDUE_TASKS names the package nowhere" in described.stderr
    assert shop.run("-m", "whendue.manifest.describe").returncode == 2
    assert not shop.path.exists()
