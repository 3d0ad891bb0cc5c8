"""localstack/build.py, `build_project`: a project with one dependency from a folder of wheels."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localstack import build as builder
from localstack import project_build
from localstack.build import Built, build_project
from localstack.bytecode import Compiler, runtime_compiler
from localstack.layer_zips import modules_in
from localstack.project_files import Project
from localstack.task_manifest import NAME
from localstack.topology import topology
from tests.builders.wheels import make_wheel
from whendue.project.scaffold import create

pytestmark = pytest.mark.thorough

Build = Callable[..., Built]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Write a project that requires a package of its own."""
    create(tmp_path / "shop")
    (tmp_path / "shop/requirements.txt").write_text("whendue\npure\n")
    make_wheel(tmp_path / "wheels", "pure", {"pure/__init__.py": "x = 1\n", "pure/old.py": "print 'Python 2'\n"})
    return tmp_path / "shop"


@pytest.fixture
def build(tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Build it; whendue's own dependencies are an empty layer, which test_build.py builds."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(builder, "runtime_compiler", lambda: Compiler(None))

    def dependencies(*_: object) -> Path:
        files = [(f"python/{name}.py", b"") for name in ("boto3", "pydantic")]
        return builder._zip("layer-dependencies", files, Compiler(None), "/opt")

    monkeypatch.setattr(builder, "_dependencies", dependencies)

    def run(output: str = "build", requirements: str | None = "requirements.txt", **settings: Any) -> Built:
        monkeypatch.setattr(builder, "BUILD", tmp_path / output)
        return build_project(Project(shop, ["tasks"], requirements, **settings))

    return run


CHANNEL = """
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel


class PagerConfig(ChannelConfig):
    number: str


@channel("pager")
def page(event: Event, config: PagerConfig, attempt: Attempt) -> None:
    pass
"""


def manifest(path: Path) -> Any:
    return json.loads(zipfile.ZipFile(path).read(NAME))


def names(path: Path) -> set[str]:
    return set(zipfile.ZipFile(path).namelist())


def test_the_functions_have_the_projects_tasks_and_not_the_demonstration(build: Build) -> None:
    """At the name that the project's tests import them by."""
    built = build()
    assert built.project["importing"] == ["worker"]
    assert {"tasks/__init__.py", "tasks/greetings.py"} <= names(built.functions["worker"])
    for name, path in built.functions.items():
        packed = names(path)
        assert f"{topology().functions[name].handler.rpartition('.')[0].replace('.', '/')}.py" in packed
        assert not [path for path in packed if path.startswith(("functions/worker/tasks/", "tests/", "infra/"))]


def test_all_functions_but_the_worker_know_the_tasks_by_their_manifest(build: Build) -> None:
    """A task that is slow to import, or cannot be, is none of their business."""
    for name, path in build().functions.items():
        if name == "worker":
            continue
        assert not [packed for packed in names(path) if packed.startswith("tasks/")]
        found = manifest(path)
        assert found["packages"] == ["tasks"]
        assert "greetings.send" in [described["name"] for described in found["tasks"]]


def test_who_sends_has_the_code_of_a_channel(build: Build, shop: Path) -> None:
    """It is imported there when it is first used; and the layer of what it requires is theirs, too."""
    (shop / "tasks/pager.py").write_text(CHANNEL)
    built = build()
    assert sorted(built.project["importing"]) == ["api", "notifier", "worker"]
    assert "tasks/pager.py" in names(built.functions["notifier"])
    assert "tasks/pager.py" not in names(built.functions["timer"])


def test_a_module_that_cannot_be_imported_is_an_error(
    build: Build, shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before it is deployed; with the traceback, which shows where."""
    (shop / "tasks/broken.py").write_text("import nowhere\n")
    with pytest.raises(RuntimeError, match=r"cannot be imported: tasks\.broken .*the module nowhere does not exist"):
        build()
    assert 'File "tasks/broken.py", line 1' in capfd.readouterr().err


CLIENT = ("from whendue import Client", "from whendue.client import NewJob", "import whendue.testing")
RUN = """
from importlib import import_module
from pydantic import BaseModel
from whendue import task


class Order(BaseModel):
    number: int


@task("shop.run")
def run(payload: Order) -> None:
    from whendue import Client
"""


@pytest.mark.parametrize("line", CLIENT)
def test_a_module_of_whendue_that_functions_do_not_have_is_an_error(build: Build, shop: Path, line: str) -> None:
    """It is there where the project is built."""
    (shop / "tasks/calls.py").write_text(f"{line}\n")
    wanted = r"tasks\.calls \(NotPackedError at .*tasks/calls\.py:1: functions do not have whendue\.(client|testing): "
    with pytest.raises(RuntimeError, match=wanted):
        build()


def test_what_a_function_imports_when_it_is_called_is_its_own_affair(build: Build, shop: Path) -> None:
    """It may be called elsewhere, as by a script of a deployment."""
    (shop / "tasks/calls.py").write_text(RUN)
    assert "shop.run" in [each["name"] for each in manifest(build().functions["api"])["tasks"]]


@pytest.mark.parametrize("line", ["import typer", "from typer import Typer", "import_module('typer')"])
def test_a_package_that_is_installed_and_not_packed_is_an_error(build: Build, shop: Path, line: str) -> None:
    """As what the development of whendue needs; what is required is found, and what is not there has Python's words."""
    (shop / "tasks/shows.py").write_text(f"from importlib import import_module\n{line}\n")
    with pytest.raises(RuntimeError, match=r"functions do not have typer, which is installed here: name it in"):
        build()
    make_wheel(shop.parent / "wheels", "typer", {"typer/__init__.py": "class Typer: ...\n"})
    (shop / "requirements.txt").write_text("typer\n")
    build()


def test_what_a_library_imports_is_not_asked_for(build: Build, shop: Path) -> None:
    """It decides by the version of Python, and that of the functions is another one: here the fake layer's pydantic."""
    (shop / "tasks/lazy.py").write_text("import pydantic\nimport json\nfrom tasks import greetings\n")
    assert "typing_extensions" not in modules_in(build().layers.values())


def test_a_module_that_cannot_be_imported_can_be_packed(build: Build, shop: Path) -> None:
    """Its tasks are off, and all others run."""
    (shop / "tasks/broken.py").write_text("import nowhere\n")
    built = build(skip_broken=True)
    assert "tasks/broken.py" in names(built.functions["worker"])
    found = manifest(built.functions["api"])
    assert [lost["module"] for lost in found["failures"]] == ["tasks.broken"]
    assert "greetings.send" in [described["name"] for described in found["tasks"]]


def test_modules_find_the_variables_of_the_functions(build: Build, shop: Path) -> None:
    """One that reads a variable as it is imported can be described, too."""
    (shop / "tasks/reads.py").write_text('import os\nREGION = os.environ["SHOP_REGION"]\n')
    with pytest.raises(RuntimeError, match=r"tasks\.reads \(KeyError at .*tasks/reads\.py:2\)"):
        build()
    build(environment={"SHOP_REGION": "eu"})


def test_what_the_project_requires_is_a_layer_of_its_own(build: Build) -> None:
    """So that whendue's own, which is large, is uploaded once."""
    built = build()
    assert set(built.layers) == {"core", "dependencies", "project"}
    assert "python/pure/__init__.py" in names(built.layers["project"])
    assert not [path for path in names(built.layers["project"]) if path.startswith("python/whendue")]


def test_a_project_that_requires_nothing_has_no_such_layer(build: Build) -> None:
    """Lambda takes five layers at most; users may want theirs."""
    assert set(build(requirements=None).layers) == {"core", "dependencies"}


def test_the_same_content_gives_the_same_files(build: Build, shop: Path, tmp_path: Path) -> None:
    """And a changed task another zip of the functions, and of them alone."""
    first, again = build("one"), build("two")
    for path in (*first.layers.values(), *first.functions.values()):
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()
    assert again.project == first.project
    (shop / "tasks/more.py").write_text("")
    changed = build("three")
    assert {kind: path.name for kind, path in changed.layers.items()} == {
        kind: path.name for kind, path in first.layers.items()
    }
    assert changed.functions["worker"].name != first.functions["worker"].name


def modes(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: info.external_attr >> 16 for info in archive.infolist()}


def test_programs_can_be_run(build: Build, shop: Path) -> None:
    """Those of packages and of the project; all else cannot."""
    make_wheel(shop.parent / "wheels", "tool", {"tool/bin/run": "#!/bin/sh", "tool.py": ""}, programs=["tool/bin/run"])
    (shop / "requirements.txt").write_text("tool\n")
    for name, mode in (("resize", 0o755), ("resize.conf", 0o644)):
        (shop / "tasks" / name).write_text("#!/bin/sh\n")
        (shop / "tasks" / name).chmod(mode)
    built = build()
    layer, worker = modes(built.layers["project"]), modes(built.functions["worker"])
    assert {name for name, mode in layer.items() if mode != 0o644} == {"python/tool/bin/run"}
    assert layer["python/tool/bin/run"] == worker["tasks/resize"] == 0o755
    assert {name for name, mode in worker.items() if mode != 0o644} == {"tasks/resize"}


def test_rights_are_those_of_the_file_and_not_of_the_machine(build: Build, shop: Path) -> None:
    """A umask lets other rights into a checkout; who may run a program is in the repository."""
    (shop / "tasks/resize").touch(0o644)
    first = build("one").functions["worker"]
    for mode in (0o600, 0o664):
        (shop / "tasks/resize").chmod(mode)
        assert build("two").functions["worker"].name == first.name
    names = set[str]()
    for mode in (0o755, 0o700, 0o775):
        (shop / "tasks/resize").chmod(mode)
        names.add(build("two").functions["worker"].name)
    assert len(names) == 1
    assert first.name not in names, "or Terraform would see no change"


def test_the_manifest_says_what_terraform_needs(build: Build, tmp_path: Path) -> None:
    """The tasks, who imports them, and the processor that the wheels are for."""
    built = build(architecture="x86_64")
    read = json.loads(built.save(tmp_path / "build/manifest.json").read_text())
    assert (read["tasks"], read["architecture"], read["uploaded"]) == (["tasks"], "x86_64", [])
    assert "worker" in read["importing"]
    assert all(
        (tmp_path / "build" / name).is_file() for kind in ("layers", "functions") for name in read[kind].values()
    )


def test_a_large_layer_is_uploaded_by_way_of_s3(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda takes 50 MB with a request."""
    monkeypatch.setattr(builder, "UPLOADED_BYTES", 400_000)
    assert build().project["uploaded"] == [build().layers["core"].name]


def test_a_layer_that_lambda_would_not_take_is_refused(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is largest in it; better now than at the deploy."""
    monkeypatch.setattr(builder, "UNZIPPED_BYTES", 1_000_000)
    with pytest.raises(RuntimeError, match=r"unzipped; Lambda takes 1\.0 MB\. Largest packages: whendue \d"):
        build()


def test_a_module_with_an_error_takes_no_other_with_it(
    build: Build, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tasks are off when it is imported; sources of packages may be of other versions of Python."""
    monkeypatch.undo()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop.parent / "wheels"))
    compiler = runtime_compiler()
    if compiler.python is None:
        pytest.skip("no interpreter of the runtime's version")
    monkeypatch.setattr(builder, "BUILD", shop.parent / "build")
    monkeypatch.setattr(builder, "_dependencies", lambda *_: builder._core(compiler))
    (shop / "tasks/broken.py").write_text("def\n")
    built = build_project(Project(shop, ["tasks"], "requirements.txt", skip_broken=True))
    packed = names(built.functions["worker"])
    assert "tasks/broken.py" in packed
    assert any(path.startswith("tasks/__pycache__/greetings.") for path in packed)
    assert any(path.startswith("python/pure/__pycache__/__init__.") for path in names(built.layers["project"]))


@pytest.mark.usefixtures("build")
def test_the_program_answers_with_json(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What it built, or what is wrong."""
    monkeypatch.setattr(builder, "BUILD", tmp_path / "build")
    monkeypatch.setattr(project_build, "MANIFEST", tmp_path / "build/manifest.json")
    request: dict[str, Any] = {"folder": str(shop), "tasks": ["tasks"], "requirements": "requirements.txt"}
    request |= {"exclude": [], "aws_services": [], "architecture": None, "environment": {}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(request)))
    assert project_build.main() == 0
    reply = json.loads(capsys.readouterr().out)
    assert Path(reply["manifest"]).is_file()
    assert reply["unzipped_bytes"] > 0
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(request | {"tasks": ["nowhere"]})))
    assert project_build.main() == 1
    assert "no package nowhere" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ('"a", queue="none"', "the task a names the unknown queue none"),
        (
            '"a", timeout_s=901',
            "timeout_s=901; workers of its queue normal run for 900 s, those of slow for",
        ),
        (
            '"a", queue="slow", timeout_s=1801',
            "timeout_s=1801; workers of its queue slow run for 1800 s",
        ),
        ('"a", queue="slow", timeout_s=1800', None),
    ],
)
def test_a_task_whose_jobs_would_all_be_refused_is_not_built(
    build: Build, shop: Path, declared: str, problem: str | None
) -> None:
    """It names a queue that the project has not, or more time than the workers of its queue have."""
    lines = ("from pydantic import BaseModel", "from whendue import task", "class P(BaseModel): pass")
    text = "\n".join((*lines, f"@task({declared})", "def a(payload: P) -> None: pass\n"))
    (shop / "tasks/long.py").write_text(text)
    queues = {"normal": 900, "slow": 1800}
    if problem is None:
        assert build(queues=queues)
    else:
        with pytest.raises(RuntimeError, match=problem):
            build(queues=queues)
