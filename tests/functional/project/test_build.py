"""whendue.project.build: `whendue build` as a user runs it, with a folder of wheels in place of an index."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from localstack import build as builder
from localstack.bytecode import runtime_compiler
from localstack.topology import topology
from tests.builders.wheels import make_wheel
from whendue.errors import ConfigurationError
from whendue.project import build
from whendue.project.scaffold import create


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new project, and let pip find wheels in a folder alone."""
    create(tmp_path / "shop")
    make_wheel(tmp_path / "wheels", "pure", {"pure/__init__.py": "x = 1\n"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "shop"


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that has whendue's own dependencies, which are built once, from an index."""
    with monkeypatch.context() as patch:
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
            patch.delenv(name, raising=False)
        layer = builder._dependencies("lambda", runtime_compiler(), topology().runtime.architecture)
    folder = tmp_path / "output"
    folder.mkdir()
    shutil.copy(layer, folder)
    return folder


def add_requirement(project: Path, line: str) -> None:
    with (project / "requirements.txt").open("a") as file:
        file.write(f"{line}\n")


def test_a_dependency_is_added_with_one_line(shop: Path, output: Path) -> None:
    """And the manifest names zips that are there."""
    add_requirement(shop, "pure")
    built = build.run(shop, output=output)
    manifest = json.loads(built.manifest.read_text())
    assert built.manifest == output / "manifest.json"
    assert (manifest["tasks"], manifest["architecture"]) == (["tasks"], "arm64")
    assert "python/pure/__init__.py" in zipfile.ZipFile(output / manifest["layers"]["project"]).namelist()
    assert "tasks/greetings.py" in zipfile.ZipFile(output / manifest["functions"]["worker"]).namelist()
    assert built.zips == {name: (output / name).stat().st_size for name in built.zips}
    assert built.unzipped_bytes < 250 * 2**20


def test_a_package_that_pip_does_not_find_is_named(shop: Path, output: Path) -> None:
    """With the file that asks for it."""
    add_requirement(shop, "no-such-package==1")
    with pytest.raises(ConfigurationError, match=r"requirements\.txt: no wheel of no-such-package==1"):
        build.run(shop, output=output)
    assert not (output / "manifest.json").exists()


def test_a_requirements_file_that_is_named_must_be_there(shop: Path, output: Path) -> None:
    """The default need not be."""
    (shop / "requirements.txt").unlink()
    with pytest.raises(ConfigurationError, match="the project has no such file"):
        build.run(shop, output=output)
    (shop / "whendue.toml").write_text("")
    assert build.run(shop, output=output).manifest.is_file()


def test_settings_that_are_not_valid_are_refused(tmp_path: Path) -> None:
    """Before anything is built."""
    with pytest.raises(ConfigurationError, match="`whendue new` makes a project"):
        build.run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_build_needs_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some environments have no pip."""
    monkeypatch.setattr(build, "_NEEDED", {"no_such_module": "pip"})
    with pytest.raises(ConfigurationError, match="whendue build needs pip in this environment"):
        build.run(shop)
