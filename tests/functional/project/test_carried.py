"""whendue.project.carried: what the wheel carries, and where a process finds it."""

import os
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from localstack.build import core_files
from localstack.paths import ROOT
from tests.functional.project.wheel import build_wheel
from whendue.project import carried

PACKAGE = ROOT / "layers/core/python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with ZipFile(wheel) as opened:
        return set(opened.namelist())


def sources(folder: Path, pattern: str = "*") -> set[str]:
    found = (path for path in folder.rglob(pattern) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found if ".terraform" not in path.parts}


def test_the_wheel_has_every_module_and_the_template(contents: set[str]) -> None:
    """What is no module must be named in pyproject.toml: one that is forgotten is missed by a user alone."""
    modules = {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "whendue").rglob("*.py")}
    template = {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "whendue").rglob("*.template")}
    assert len(template) == 9
    assert modules | template | {"whendue/py.typed"} <= contents


def test_the_wheel_carries_functions_and_dev_stack_as_data(contents: set[str]) -> None:
    """Below `whendue` alone: `localstack` is the name of another project's package, and `functions` of anybody's."""
    wanted = sources(ROOT / "functions") | sources(ROOT / "localstack") | sources(ROOT / "infra/terraform", "*.tf")
    wanted |= {"infra/topology.yaml", "infra/permissions.yaml", "requirements/emulator.txt", "requirements/layer.txt"}
    below = {name.removeprefix("whendue/carried/") for name in contents if name.startswith("whendue/carried/")}
    assert wanted <= below
    assert {name.partition("/")[0] for name in below} == {"functions", "infra", "localstack", "requirements"}
    tops = {name.partition("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"whendue"}


def test_the_wheel_has_nothing_that_a_checkout_collects(contents: set[str]) -> None:
    """State of Terraform may hold secrets."""
    left = ("__pycache__", ".pyc", ".tfstate", "backend_override", ".local/", ".terraform/")
    assert [name for name in contents if any(part in name for part in left)] == []


def test_pytest_finds_the_plugin_of_the_wheel(wheel: Path, contents: set[str]) -> None:
    """By its entry point: users of `whendue_app` configure nothing."""
    [name] = [name for name in contents if name.endswith(".dist-info/entry_points.txt")]
    with ZipFile(wheel) as opened:
        text = opened.read(name).decode()
    assert "[pytest11]\nwhendue.testing.plugin = whendue.testing.plugin\n" in text


def test_functions_get_nothing_of_it() -> None:
    """Each cold start would unpack it."""
    parts = ("whendue/project/", "whendue/carried/", "whendue/direct/", "whendue/testing/")
    assert [name for name, _ in core_files() if name.startswith(parts)] == []


def test_a_checkout_is_its_own_dev_stack(tmp_path: Path) -> None:
    """Who works on whendue runs projects with it, too."""
    assert carried.root() == ROOT
    given = carried.environment(tmp_path, first=tmp_path, base={"PYTHONPATH": f"/a{os.pathsep}/b", "PATH": "/bin"})
    assert given["PYTHONPATH"].split(os.pathsep) == [str(tmp_path), str(ROOT), str(PACKAGE), "/a", "/b"]
    assert given["DEV_STACK_LOCAL"] == str(tmp_path / ".local")
    assert given["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/bin"


def test_nothing_leads_a_process_to_an_account(tmp_path: Path) -> None:
    """A developer may have one exported; settings of tasks are honoured."""
    base = {
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL": "http://elsewhere",
        "WHENDUE_TABLE": "production-jobs",
        "WHENDUE_TOKEN": "t",
        "WHENDUE_HTTP_ALLOW": "127.0.0.1",
        "HOME": "/home/ada",
    }
    given = carried.environment(tmp_path, base=base)
    assert {name for name in base if name in given} == {"WHENDUE_HTTP_ALLOW", "HOME"}


def test_the_extra_of_projects_has_all_that_a_dev_stack_runs() -> None:
    """A requirement that is raised in one place is raised in the other."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    # `pyjwt` comes with `pyjwt[crypto]`.
    wanted = {name for extra in ("api", "cli", "local", "server", "worker") for name in extras[extra]} - {"pyjwt>=2.10"}
    assert wanted <= set(extras["dev"])
