"""What is deployed is complete, and the same wherever and whenever it is built."""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from localstack import build as builder
from localstack import emulator
from localstack.build import Built
from localstack.bytecode import Compiler
from localstack.paths import BUILD, EMULATOR_PYTHON, ROOT
from localstack.topology import topology
from whendue.manifest.model import NAME

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_BYTES = 250 * 1024 * 1024
ZIPPED_BYTES = 50 * 1024 * 1024
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "WHENDUE_TABLE": "table",
    "WHENDUE_BUCKET": "bucket",
    "WHENDUE_QUEUES": json.dumps(
        {
            name: f"http://127.0.0.1/0/{name}"
            for name in (*topology().queues.priorities, topology().queues.notifications.queue)
        }
    ),
    "WHENDUE_DEAD_LETTER_QUEUE": "http://127.0.0.1/0/dead_letter",
    "WHENDUE_SECRET": "t" * 40,
    "WHENDUE_JWT_ALGORITHM": "HS256",
    "WHENDUE_JWT_SECRET": "s" * 40,
    "WHENDUE_JWT_ISSUER": "issuer",
    "WHENDUE_JWT_AUDIENCE": "audience",
}
# Says which modules came from neither the standard library nor the given folders.
START = """
import importlib, sys, sysconfig
folders = sys.argv[2:]
sys.path[:0] = folders
module, _, name = sys.argv[1].rpartition(".")
assert callable(getattr(importlib.import_module(module), name))
from whendue.bootstrap.process import app
tasks = app(described=not sys.argv[1].startswith("functions.worker.")).registry
standard = sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sys.base_prefix
files = {n: m.__file__ for n, m in sys.modules.items() if getattr(m, "__file__", None)}
print([n for n, f in files.items() if "site-packages" in f or not f.startswith((*folders, *standard))])
"""


@pytest.fixture(scope="module")
def built() -> Built:
    """Build for the embedded emulator."""
    emulator.install()
    return builder.build("local")


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack everything."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name, path in (built.layers | built.functions).items():
        zipfile.ZipFile(path).extractall(folder / name)
    return folder


def _start(handler: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    """Start a function in an interpreter that has nothing else: isolated, without site-packages."""
    command = [str(EMULATOR_PYTHON), "-I", "-S", "-B", "-c", START, handler, *map(str, folders)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", sorted(topology().functions))
def test_a_function_starts_with_nothing_but_its_zip_and_the_layers(name: str, unpacked: Path) -> None:
    """The emulator's own packages, and ours here, would hide what is missing on AWS."""
    layers = [unpacked / layer / "python" for layer in topology().layers]
    started = _start(topology().functions[name].handler, unpacked / name, *layers)
    assert started.returncode == 0, started.stderr
    assert started.stdout.strip() == "[]"


def test_a_missing_layer_is_noticed(unpacked: Path) -> None:
    """Else the test above would show nothing."""
    started = _start(topology().functions["timer"].handler, unpacked / "timer", unpacked / "core" / "python")
    assert started.returncode != 0
    assert "ModuleNotFoundError" in started.stderr


@pytest.mark.thorough
def test_archives_do_not_depend_on_when_or_where_they_are_made(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terraform uploads what has changed; bytes that differ each time would be a new version each time."""
    source = ROOT / "functions/worker/handler.py"
    monkeypatch.setattr(builder, "BUILD", tmp_path)
    monkeypatch.setattr(builder, "_dependencies", lambda _target, _compiler: built.layers["dependencies"])
    before = source.stat()
    try:
        os.utime(source, (before.st_atime + 100, before.st_mtime + 100))
        again = builder.build("local")
    finally:
        os.utime(source, (before.st_atime, before.st_mtime))
    for name, path in (again.functions | {"core": again.layers["core"]}).items():
        first = (built.functions | built.layers)[name]
        assert path.parent != first.parent
        assert (path.name, path.read_bytes()) == (first.name, first.read_bytes())


def test_the_dependencies_name_no_place_of_the_machine_that_built_them(built: Built) -> None:
    """Scripts, records and bytecode would carry the build's paths into the layer, and make it another one each time."""
    places = tempfile.gettempdir().encode(), str(ROOT).encode()
    with zipfile.ZipFile(built.layers["dependencies"]) as layer:
        for name in layer.namelist():
            assert not name.startswith("python/bin/")
            if name.endswith((".pyc", "direct_url.json")):
                data = layer.read(name)
                assert not any(location + b"/" in data[:100_000] for location in places if location != b"/tmp"), name
                assert b"/tmp/tmp" not in data, name


def test_the_layers_fit_lambda(built: Built) -> None:
    """Code and layers of a function share one limit, unzipped."""
    sizes = [sum(info.file_size for info in zipfile.ZipFile(path).infolist()) for path in built.layers.values()]
    assert sum(sizes) < UNZIPPED_BYTES / 2


def test_for_localstack_one_zip_holds_everything_as_it_mounts_no_layers(tmp_path: Path) -> None:
    """A free LocalStack knows layers and mounts none: each function's zip starts with nothing else beside it."""
    whole = builder.build("container")
    assert whole.layers == {}
    assert whole.functions.keys() == topology().functions.keys()
    [path] = set(whole.functions.values())
    assert path.stat().st_size < ZIPPED_BYTES
    archive = zipfile.ZipFile(path)
    assert sum(info.file_size for info in archive.infolist()) < UNZIPPED_BYTES
    names = archive.namelist()
    assert len(names) == len(set(names))
    for function in topology().functions.values():
        assert f"{function.handler.rpartition('.')[0].replace('.', '/')}.py" in names
    assert {"whendue/bootstrap/process.py", "boto3/__init__.py", "functions/worker/tasks/demo.py"} <= set(names)
    (tmp_path / "more.py").write_text("")
    [other] = set(builder.build("container", tmp_path).functions.values())
    assert set(zipfile.ZipFile(other).namelist()) == {*names, "functions/worker/tasks/more.py"}


# Reads bytecode as the interpreter does (importlib._bootstrap_external), and prints what it would not take.
ACCEPTED = """
import importlib.util, json, marshal, sys
from pathlib import Path
folder, wrong = Path(sys.argv[1]), []
for source in sorted(folder.rglob("*.py")):
    path = Path(importlib.util.cache_from_source(str(source)))
    data = path.read_bytes() if path.is_file() else b""
    flags = int.from_bytes(data[4:8], "little")
    hashed = data[8:16] == importlib.util.source_hash(source.read_bytes())
    if data[:4] != importlib.util.MAGIC_NUMBER or flags != 0b01 or not hashed or not marshal.loads(data[16:]):
        wrong.append(str(source.relative_to(folder)))
print(json.dumps(wrong))
"""


def _not_accepted(folder: Path) -> list[str]:
    """List the sources whose bytecode the emulator's interpreter would not take without looking at the source."""
    command = [str(EMULATOR_PYTHON), "-I", "-S", "-c", ACCEPTED, str(folder)]
    wrong: list[str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return wrong


def test_each_source_has_bytecode_that_the_runtime_takes_unchecked(unpacked: Path) -> None:
    """PEP 552: flags 0b01 are a hash that is not compared. Anything else is compiled again at each cold start."""
    assert len(list(unpacked.rglob("*.py"))) > 500
    assert _not_accepted(unpacked) == []


def test_bytecode_that_is_missing_or_checked_is_noticed(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    for name in ("missing", "checked", "timed"):
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    for name, mode in (("checked", "checked-hash"), ("timed", "timestamp")):
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", mode, str(tmp_path / f"{name}.py")]
        subprocess.run([str(EMULATOR_PYTHON), *compiling], check=True)
    assert _not_accepted(tmp_path) == ["checked.py", "missing.py", "timed.py"]


def test_bytecode_names_the_places_where_lambda_unpacks(unpacked: Path) -> None:
    """A module whose bytecode names another place is walked through and corrected as it is imported."""
    for part, name, target in (
        ("core", "python/whendue/bootstrap/process.py", "/opt/python/whendue/bootstrap/process.py"),
        ("dependencies", "python/botocore/client.py", "/opt/python/botocore/client.py"),
        ("worker", "functions/worker/handler.py", "/var/task/functions/worker/handler.py"),
    ):
        source = unpacked / part / name
        [compiled] = source.parent.glob(f"__pycache__/{source.stem}.*.pyc")
        assert target.encode() in compiled.read_bytes()


def test_the_layers_hold_what_runs_and_nothing_else(built: Built) -> None:
    """Every file is unpacked at a cold start, and counts against Lambda's limit of 250 MB."""
    with zipfile.ZipFile(built.layers["dependencies"]) as layer:
        names = layer.namelist()
    services = {name.split("/")[3] for name in names if name.startswith("python/botocore/data/")}
    listed = set(topology().layers["dependencies"].aws_services)
    assert {service for service in services if "." not in service} == listed | {"signin", "sso", "sso-oidc", "sts"}
    resources = {name.split("/")[3] for name in names if name.startswith("python/boto3/data/")}
    assert resources <= listed
    assert {"dynamodb", "s3", "sns", "sqs"} <= resources
    assert not [name for name in names if name.endswith((".pyi", "/examples-1.json")) or ".dist-info/" in name]
    assert not [name for name in names if "/tests/" in name or name.startswith("python/bin/")]
    assert "python/licenses/botocore/LICENSE.txt" in names


# Modules of the layer that may ask for pip's metadata, and why they do without it.
READERS = {
    "pydantic/networks.py": "of email-validator, which the layer does not have",
    "pydantic/plugin/_loader.py": "lists the plugins of all packages: there are none",
    "pydantic/version.py": "when asked for a report, or when pydantic-core is of another version",
    "urllib3/http2/__init__.py": "of h2, which the layer does not have",
}


def test_nothing_in_the_layer_needs_the_metadata_that_is_left_out(unpacked: Path) -> None:
    """A new version of a package may begin to read it: then look at what for, and add it here, or keep its metadata."""
    folder = unpacked / "dependencies/python"
    readers = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*.py"))
        if re.search(rb"importlib[._]metadata|pkg_resources", path.read_bytes())
    ]
    assert readers == sorted(READERS)


def test_the_layers_stay_small(built: Built) -> None:
    """Bounds in bytes, a tenth above what they were when written: 59.5 MB, 4.07 MB; zipped 22.6 MB, 1.81 MB."""
    for name, unzipped, zipped in (("dependencies", 65_500_000, 25_000_000), ("core", 4_480_000, 1_990_000)):
        with zipfile.ZipFile(built.layers[name]) as layer:
            assert sum(info.file_size for info in layer.infolist()) < unzipped
        assert built.layers[name].stat().st_size < zipped


# Calls a client of each service that the topology lists, as far as nothing is sent.
CLIENTS = """
import sys
sys.path[:0] = sys.argv[2:]
import boto3
for service in sys.argv[1].split(","):
    client = boto3.client(service)
    assert client.meta.service_model.operation_names
boto3.resource("dynamodb").Table("jobs")
"""


@pytest.mark.thorough
def test_a_task_can_call_each_service_that_the_topology_lists(unpacked: Path) -> None:
    """The list is what the documentation promises; a name that botocore does not know would be silently nothing."""
    services = ",".join(topology().layers["dependencies"].aws_services)
    folder = str(unpacked / "dependencies/python")
    command = [str(EMULATOR_PYTHON), "-I", "-S", "-B", "-c", CLIENTS, services, folder]
    started = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr


def test_only_the_embedded_emulators_zips_need_its_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fresh clone that deploys to LocalStack has never run `make up`."""
    commands: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command[0])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(builder, "BUILD", tmp_path)
    monkeypatch.setattr(builder, "EMULATOR_PYTHON", tmp_path / "nothing")
    monkeypatch.setattr(builder, "runtime_compiler", lambda: Compiler(None))
    monkeypatch.setattr(builder, "task_manifest", lambda _sources, _packed: b'{"channels": {}}')
    monkeypatch.setattr("subprocess.run", run)
    of_containers, of_lambda = builder.build("container"), builder.build("lambda")
    assert commands == [sys.executable] * 2
    # Terraform refuses a build for another processor; an emulator runs whatever it gets.
    assert (of_containers.project, of_lambda.project) == ({}, {"architecture": topology().runtime.architecture})


def test_further_tasks_go_where_the_users_tasks_are(tmp_path: Path, built: Built) -> None:
    """To the worker; a file that declares nothing changes nothing for the others, and they are not built again."""
    (tmp_path / "more.py").write_text("")
    more = builder.build("local", tmp_path).functions
    assert "functions/worker/tasks/more.py" in zipfile.ZipFile(more["worker"]).namelist()
    assert {name for name, path in more.items() if path != built.functions[name]} == {"worker"}


def test_only_the_worker_has_the_code_of_tasks(built: Built) -> None:
    """All others have their manifest: a bad import, or a slow one, is no business of theirs."""
    for name, path in built.functions.items():
        names = zipfile.ZipFile(path).namelist()
        tasks = [each for each in names if each.startswith("functions/worker/tasks/")]
        assert (NAME in names, bool(tasks)) == ((False, True) if name == "worker" else (True, False)), name
        if name != "worker":
            document = json.loads(zipfile.ZipFile(path).read(NAME))
            assert "demo.greet" in [described["name"] for described in document["tasks"]]


CHANNEL = """
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel


class Config(ChannelConfig): ...


@channel("pigeon")
def fly(event: Event, config: Config, attempt: Attempt) -> None: ...
"""


def test_a_channel_of_users_goes_to_what_uses_it(tmp_path: Path) -> None:
    """The API asks it whether it signs, the notifier delivers by it; both import its module when it is used."""
    (tmp_path / "pigeon.py").write_text(CHANNEL)
    functions = builder.build("local", tmp_path).functions
    carried = {
        name
        for name, path in functions.items()
        if "functions/worker/tasks/pigeon.py" in zipfile.ZipFile(path).namelist()
    }
    assert carried == {"api", "notifier", "worker"}
    assert json.loads(zipfile.ZipFile(functions["api"]).read(NAME))["channels"] == {
        "pigeon": "functions.worker.tasks.pigeon"
    }


def test_the_manifest_names_zips_beside_it(built: Built) -> None:
    """Terraform reads it and finds the zips by it; it must not name others, or of another folder."""
    manifest = built.save(BUILD / "test.json")
    try:
        named = json.loads(manifest.read_text())
    finally:
        manifest.unlink()
    assert named["functions"].keys() == topology().functions.keys()
    assert named["layers"].keys() == topology().layers.keys()
    assert all((BUILD / name).is_file() for names in named.values() for name in names.values())
