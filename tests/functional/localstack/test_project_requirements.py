"""localstack/project_requirements.py: a project's requirements, by the real pip on a folder of wheels."""

import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from localstack import project_requirements
from localstack.paths import ROOT
from localstack.project_requirements import LOCK, extras, installed, normalized, wheels_for
from tests.builders.wheels import make_wheel
from whendue.version import VERSION

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set pip up as a user does who has no network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    make_wheel(tmp_path / "wheels", "pure", {"pure/__init__.py": "x = 1\n", "pure/data.txt": "data"})
    (tmp_path / "shop").mkdir()
    return tmp_path / "wheels"


def install(folder: Path, text: str, name: str = "requirements.txt", architecture: str = "arm64") -> dict[str, bytes]:
    (folder / "shop" / name).write_text(text)
    return installed(folder / "shop", name, architecture).files


def refusal(folder: Path, text: str, name: str = "requirements.txt") -> str:
    with pytest.raises(RuntimeError) as raised:
        install(folder, text, name)
    return str(raised.value)


def test_a_requirement_is_installed_with_its_metadata(tmp_path: Path) -> None:
    """A package may ask for its own version; what pip writes of this machine would make each build another one."""
    files = install(tmp_path, "pure\n")
    assert set(files) == {
        "pure/__init__.py",
        "pure/data.txt",
        "pure-1.0.dist-info/METADATA",
        "pure-1.0.dist-info/WHEEL",
    }


def test_whendue_is_taken_out(tmp_path: Path) -> None:
    """It is a layer already; the index need not have it, and a package may require it, too."""
    make_wheel(tmp_path / "wheels", "plugin", {"plugin.py": ""}, requires=["whendue>=0.1"])
    files = install(tmp_path, f"whendue[worker]>={VERSION}\nplugin\n")
    assert {name.partition("/")[0] for name in files} == {"plugin.py", "plugin-1.0.dist-info"}


def test_nothing_is_installed_for_whendue_alone(tmp_path: Path) -> None:
    """And then there is no layer."""
    assert install(tmp_path, f"# What tasks import.\nwhendue>={VERSION}\n") == {}
    assert install(tmp_path, "") == {}


def test_a_newer_whendue_is_refused(tmp_path: Path) -> None:
    """The functions would run this one."""
    assert "whendue" in refusal(tmp_path, "whendue>=99\n")


def test_what_whendue_requires_is_not_installed_twice(tmp_path: Path, index: Path) -> None:
    """Only its metadata is: whendue's layer has none."""
    pinned = next(line for line in LOCK.read_text().splitlines() if line.startswith("jmespath==")).split()[0]
    version = pinned.partition("==")[2]
    make_wheel(index, "jmespath", {"jmespath/__init__.py": ""}, version=version)
    make_wheel(index, "query", {"query.py": ""}, requires=["jmespath"])
    files = install(tmp_path, "query\n")
    assert set(files) >= {"query.py", f"jmespath-{version}.dist-info/METADATA"}
    assert "jmespath/__init__.py" not in files


def test_a_version_that_whendue_cannot_run_with_is_refused(tmp_path: Path, index: Path) -> None:
    """And both that exclude each other are named."""
    make_wheel(index, "jmespath", {"jmespath/__init__.py": ""}, version="0.1")
    said = refusal(tmp_path, "jmespath<1\n")
    assert said.startswith("requirements.txt: ")
    assert "jmespath" in said


@pytest.mark.parametrize(
    ("architecture", "tag", "fits"),
    [
        ("arm64", "cp313-cp313-manylinux2014_aarch64", True),
        ("arm64", "cp313-cp313-manylinux_2_28_aarch64", True),
        ("arm64", "cp312-abi3-manylinux_2_34_aarch64", True),
        ("arm64", "cp313-cp313-manylinux_2_35_aarch64", False),
        ("arm64", "cp313-cp313-manylinux_2_28_x86_64", False),
        ("arm64", "cp312-cp312-manylinux_2_28_aarch64", False),
        ("arm64", "cp313-cp313-macosx_11_0_arm64", False),
        ("x86_64", "cp313-cp313-manylinux_2_28_x86_64", True),
        ("x86_64", "cp313-cp313-manylinux_2_28_aarch64", False),
    ],
)
def test_wheels_are_those_that_run_on_lambda(tmp_path: Path, architecture: str, tag: str, *, fits: bool) -> None:
    """Whatever machine builds: a package without such a wheel is named."""
    make_wheel(tmp_path / "wheels", "native", {"native.py": ""}, tag=tag)
    if fits:
        assert "native.py" in install(tmp_path, "native\n", architecture=architecture)
        return
    with pytest.raises(RuntimeError, match=r"no wheel of native runs on Python 3\.13 on Amazon Linux 2023"):
        install(tmp_path, "native\n", architecture=architecture)


EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_what_an_extra_of_whendue_requires_is_installed(tmp_path: Path, index: Path) -> None:
    """Also where a package asks for the extra; whendue's layer has none of it."""
    make_wheel(index, "httpx", {"httpx/__init__.py": ""}, version="99.0")
    assert "httpx/__init__.py" in install(tmp_path, f"whendue[client]>={VERSION}\n")
    make_wheel(index, "plugin", {"plugin.py": ""}, requires=["whendue[client]>=0.1"])
    assert {"plugin.py", "httpx/__init__.py"} <= install(tmp_path, "plugin\n").keys()
    assert "httpx/__init__.py" not in install(tmp_path, "whendue\n")


def test_the_extras_are_whendues_own() -> None:
    """Each of them, with all that it requires beyond the layer, in a form that pip's own parser reads."""
    own = {normalized(line.partition("==")[0]) for line in LOCK.read_text().splitlines() if "==" in line}
    given = [Requirement(line.removeprefix("Requires-Dist: ")) for line in extras() if line.startswith("Requires")]
    assert {line.removeprefix("Provides-Extra: ") for line in extras() if line.startswith("Provides")} == EXTRAS.keys()
    for name, lines in EXTRAS.items():
        found = {each.name for each in given if each.marker and each.marker.evaluate({"extra": name})}
        assert found == {Requirement(line).name for line in lines} - own, name


def test_an_installed_whendue_has_the_same_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, the package's own metadata says so; what it requires without an extra is in the layer."""
    made = make_wheel(tmp_path / "installed", "whendue", {}, requires=["boto3", 'httpx>=0.28; extra == "client"'])
    with zipfile.ZipFile(made) as wheel:
        wheel.extractall(tmp_path / "site")
    metadata = tmp_path / "site/whendue-1.0.dist-info/METADATA"
    metadata.write_text(f"{metadata.read_text()}Provides-Extra: client\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(project_requirements, "ROOT", tmp_path)
    assert extras() == ["Provides-Extra: client", 'Requires-Dist: httpx>=0.28; extra == "client"']


def test_what_pip_warns_of_is_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An extra that does not exist is left out by pip."""
    install(tmp_path, "whendue[nonesuch]\n")
    assert "does not provide the extra 'nonesuch'" in capfd.readouterr().err


def test_a_wheel_by_its_path_needs_no_build(tmp_path: Path) -> None:
    """It is what the refusal of a source says to do."""
    wheel = make_wheel(tmp_path / "own", "sourced", {"sourced.py": ""})
    assert "sourced.py" in install(tmp_path, f"{wheel}\n")
    assert "sourced.py" in install(tmp_path, f"sourced @ file://{wheel}\n")


def test_a_message_has_no_credentials(tmp_path: Path) -> None:
    """Addresses of private repositories hold them."""
    said = refusal(tmp_path, "git+https://user:hush-hush@127.0.0.1:1/x.git\n")
    assert "127.0.0.1:1/x.git is no wheel" in said
    assert "hush" not in said


def test_the_dependencies_of_a_pyproject_can_be_what_a_project_requires(tmp_path: Path) -> None:
    """As Python's standard says; other tables of the file are not looked at."""
    text = '[project]\nname = "shop"\ndependencies = ["pure>=1", "whendue"]\n[tool.x]\ny = 1\n'
    assert "pure/__init__.py" in install(tmp_path, text, "pyproject.toml")
    assert install(tmp_path, '[project]\nname = "shop"\n', "pyproject.toml") == {}


@pytest.mark.parametrize("text", ["[project]\ndependencies = 'pure'\n", "[tool.x]\n", "project = 1\n"])
def test_a_pyproject_without_dependencies_is_refused(tmp_path: Path, text: str) -> None:
    """It was named for them."""
    assert "project.dependencies must be a list" in refusal(tmp_path, text, "pyproject.toml")


def test_files_that_are_not_valid_are_refused(tmp_path: Path) -> None:
    """With their name."""
    assert refusal(tmp_path, "a =", "pyproject.toml").startswith("pyproject.toml: ")
    assert refusal(tmp_path, "=== what\n").startswith("requirements.txt: ")
    with pytest.raises(RuntimeError, match="the project has no such file"):
        installed(tmp_path / "shop", "nothing.txt", "arm64")


def test_other_files_are_found_from_the_project(tmp_path: Path) -> None:
    """As pip does when it runs there; and a module of the project does not stand in for one of Python's."""
    (tmp_path / "shop/more.txt").write_text("pure\n")
    (tmp_path / "shop/email.py").write_text("raise RuntimeError\n")
    assert "pure/__init__.py" in install(tmp_path, "-r more.txt\n")


def test_the_newest_wheels_are_preferred() -> None:
    """Pip takes the first that fits."""
    platforms = [option for option in wheels_for("x86_64") if option.startswith("--platform=")]
    assert platforms[0] == "--platform=manylinux_2_34_x86_64"
    assert platforms[-1] == "--platform=manylinux2014_x86_64"


def test_names_are_compared_as_indexes_do() -> None:
    """PEP 503."""
    assert normalized("Typing._-Extensions") == "typing-extensions"
