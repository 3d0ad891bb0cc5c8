"""The image: linted, and what it holds is what its process needs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from localstack.paths import ROOT
from localstack.venvs import ensure
from tests.builders.image import COMPOSE, DOCKERFILE, TEXT
from whendue.manifest.model import NAME


def copied() -> list[tuple[str, str]]:
    """List what goes into the image from the tree: source, target."""
    return re.findall(r"^COPY (?!--from)(\S+) (\S+)$", TEXT, re.MULTILINE)


def test_hadolint_finds_nothing() -> None:
    """With its rules as they are."""
    done = subprocess.run([ensure("containers") / "hadolint", DOCKERFILE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.thorough
def test_what_is_copied_imports_everything_that_the_command_and_the_tasks_need(tmp_path: Path) -> None:
    """The same folders in an empty place; the libraries are those of the locked layer, which test_build.py tries."""
    for source, target in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / target[1:], dirs_exist_ok=True)
        elif target.startswith("/app"):
            (tmp_path / target[1:]).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / target[1:])
    code = (
        "import whendue.cli.processes;"
        "import functions.api.handler, functions.api.app;"
        "functions.api.app.make_resolver();"
        "from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, USER_TASKS, discover;"
        "print(discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, USER_TASKS).names())"
    )
    given = {"PYTHONPATH": str(tmp_path / "app"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=given, cwd=tmp_path
    )
    assert "demo.greet" in done.stdout


def test_the_image_has_a_manifest_of_the_tasks_where_its_processes_look_for_it() -> None:
    """`/app` is the path of imports; written when the tasks are there, before the file system is read-only."""
    command = f"RUN PYTHONPATH=/app /opt/whendue/bin/python -m whendue.manifest.describe /app/{NAME}"
    assert "ENV PYTHONPATH=/app " in TEXT
    assert TEXT.index("COPY functions/worker/tasks") < TEXT.index(command) < TEXT.index("compileall")


def test_the_locked_requirements_are_those_of_the_layer_and_the_server() -> None:
    """What the functions are tested with, in the same versions; uvicorn and what it needs come on top."""
    layer, image = (
        set(re.findall(r"^([\w.-]+==\S+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE))
        for name in ("layer", "image")
    )
    assert layer < image
    assert {name.partition("==")[0] for name in image - layer} == {"click", "h11", "uvicorn"}
    assert "COPY requirements/image.txt " in TEXT


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    """A secret that lies about in a checkout must not get into a layer."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == {source for source, _ in copied()}
    assert all((ROOT / source).exists() for source, _ in copied())


def test_the_process_is_not_root_and_needs_no_shell() -> None:
    """A number for the user, so that Kubernetes can check it; commands as lists, so that signals reach the process."""
    assert re.findall(r"^USER (.*)$", TEXT, re.MULTILINE) == ["10001:10001"]
    for instruction in ("ENTRYPOINT", "CMD"):
        commands = re.findall(rf"^\s*{instruction} (.*)$", TEXT, re.MULTILINE)
        assert commands
        assert all(isinstance(json.loads(command), list) for command in commands)


def test_the_requirements_are_locked_and_the_base_is_an_exact_one() -> None:
    """The same image today and in a year."""
    assert "pip install --no-cache-dir --no-compile --require-hashes" in TEXT
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-", TEXT, re.MULTILINE)


def test_services_of_the_compose_file_have_pinned_images_and_listen_on_loopback() -> None:
    """A laptop in a café."""
    for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
