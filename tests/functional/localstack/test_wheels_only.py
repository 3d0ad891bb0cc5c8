"""localstack/wheels_only.py: pip builds nothing for a project, whatever its requirements name."""

import os
import re
import sys
import tarfile
from pathlib import Path

import pytest

from localstack.project_requirements import installed
from tests.builders.wheels import make_wheel


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set pip up as a user does who has no network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "index").mkdir()
    (tmp_path / "shop").mkdir()
    return tmp_path / "index"


def make_source(folder: Path, ran: Path, requires: str) -> Path:
    """Write the source of a package whose build leaves a mark."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {requires}\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "sourced"\nversion = "1.0"\n'
    )
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: sourced\nVersion: 1.0\n")
    (folder / "backend.py").write_text(f"open({str(ran)!r}, 'w').close()\nraise SystemExit('ran')\n")
    return folder


def make_archive(source: Path, folder: Path) -> Path:
    """Write a source distribution."""
    with tarfile.open(folder / "sourced-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "sourced-1.0")
    return folder / "sourced-1.0.tar.gz"


# Kind -> what requirements.txt has, and the name in the message.
SOURCES = {
    "a folder": ("{source}\n", "sourced"),
    "a folder that is edited": ("-e {source}\n", "sourced"),
    "an archive by its path": ("{archive}\n", "sourced-1.0.tar.gz"),
    "an archive by its address": ("sourced @ file://{archive}\n", "sourced"),
    "an archive of the index": ("--no-binary :all:\nsourced\n", "sourced"),
    "an archive of the index, by name": ("--no-binary sourced\nsourced\n", "sourced"),
    "a repository": ("sourced @ git+file://{source}\n", "sourced"),
    "a repository by its address alone": ("git+file://{source}\n", "{source}"),
    "another file": ("-r more.txt\n", "sourced"),
    "a requirement of a wheel": ("pointing\n", "sourced"),
    "a constraint": ("-c more.txt\nsourced\n", "sourced"),
}


# Most without build requirements, as the folder of wheels has none; by another interpreter, pip runs in another way.
CASES = [
    *((kind, "", "[]") for kind in SOURCES),
    ("an archive by its path", "", "['setuptools']"),
    ("an archive by its path", "another", "[]"),
    ("a repository", "another", "[]"),
]


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("kind", "python", "requires"), CASES)
def test_nothing_is_built_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Path, kind: str, python: str, requires: str
) -> None:
    """Its code would run here, and what it makes would not run there; the requirement is named."""
    source = make_source(tmp_path / "source/sourced", tmp_path / "ran", requires)
    archive = make_archive(source, index if "index" in kind else tmp_path)
    make_wheel(index, "pointing", {"pointing.py": ""}, requires=[f"sourced @ file://{archive}"])
    # A repository is not even fetched.
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/git").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    (tmp_path / "programs/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"), prepend=os.pathsep)
    text, named = SOURCES[kind]
    (tmp_path / "shop/more.txt").write_text(f"sourced @ file://{archive}\n")
    (tmp_path / "shop/requirements.txt").write_text(text.format(source=source, archive=archive))
    # By another path, it is another interpreter.
    (tmp_path / "another").symlink_to(sys.executable)
    with pytest.raises(RuntimeError) as raised:
        installed(tmp_path / "shop", "requirements.txt", "arm64", str(tmp_path / python) if python else None)
    wanted = re.escape(named.format(source=source))
    assert re.match(rf"requirements\.txt: .*{wanted}.* is no wheel\. Source distributions", str(raised.value))
    assert not (tmp_path / "ran").exists()
