"""Build the layers and the function zips the way Lambda wants them; the same content gives the same bytes.

For LocalStack (target `container`) there are no layers: it mounts them only with a licence. Dependencies, core and all
functions' sources are one zip, that of every function.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import whendue
from localstack.bytecode import Compiler, local_compiler, runtime_compiler
from localstack.layer_contents import kept
from localstack.layer_zips import modules_in, package_sizes, unzipped_bytes
from localstack.once import exclusive
from localstack.paths import BUILD, EMULATOR_PYTHON, ROOT
from localstack.project_files import Project, largest, megabytes, own_files
from localstack.project_requirements import installed, wheels_for
from localstack.task_manifest import NAME, TaskModules, broken_modules, described, task_manifest, unfit_tasks
from localstack.topology import topology
from whendue.manifest.packed import Packed

Target = Literal["local", "container", "lambda"]
# Goes up when the same lock shall give another zip.
FORMAT = 5
# The oldest time that a zip can hold: archives must not differ by when they were made.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o644
PROGRAM_MODE = 0o755
# Where Lambda unpacks layers and functions: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
LAYER_ROOT = "/opt"
# What talks to a deployment, or develops a project on a laptop, and is no part of a deployment.
_NOT_DEPLOYED = ("carried", "cli", "client", "direct", "migration", "project", "testing")
# Of containers, a function starts one process: that of a suspect (`isolated`).
_PROCESSES = (
    *("health", "job_threads", "loop", "prefetch", "process", "queue_selector"),
    *("rate", "settler", "suspect_runner", "timer", "watchdog", "worker"),
)
NOT_IN_FUNCTIONS = (
    *(f"whendue/{name}/" for name in (*_NOT_DEPLOYED, "adapters/memory", "containers/http_server")),
    *(f"whendue/containers/{name}.py" for name in _PROCESSES),
    # What describes tasks for a build.
    *(f"whendue/manifest/{name}.py" for name in ("describe", "packed")),
)
# Their names as modules.
ABSENT = tuple(name.removesuffix("/").removesuffix(".py").replace("/", ".") for name in NOT_IN_FUNCTIONS)
FUNCTION_ROOT = "/var/task"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_BYTES = 250 * 1024 * 1024
# What is uploaded without S3, zipped; the same page.
UPLOADED_BYTES = 50 * 1024 * 1024
USER_TASKS = "functions/worker/tasks"
# The function that imports users' tasks; and those that import the modules of their channels, when one is used.
WORKER = "worker"
WITH_CHANNELS = ("api", "notifier")
# A file of further tasks that is code of each function instead, also of those that import no tasks.
EVERY_FUNCTION = "_every_function.py"
FIRST_IMPORTED = "functions/__init__.py"
# Errors in a user's task show when it is imported, and turn off its module alone.
MAY_FAIL = (f"{USER_TASKS}/",)
MANIFEST = BUILD / "manifest.json"


@dataclass(frozen=True, slots=True)
class Built:
    """What a deploy uploads.

    Args:
        layers: name -> zip.
        functions: name -> zip.
        project: what else Terraform needs: the processor; of a project's build its packages of tasks, the functions
            that import them, and the names of zips that must be uploaded by way of S3.
    """

    layers: dict[str, Path]
    functions: dict[str, Path]
    project: dict[str, Any] = field(default_factory=dict)

    def save(self, manifest: Path = MANIFEST) -> Path:
        """Write down which zips belong together, for Terraform: their names carry hashes."""
        names = {
            kind: {name: path.name for name, path in paths.items()}
            for kind, paths in (("layers", self.layers), ("functions", self.functions))
        }
        manifest.write_text(json.dumps(names | self.project, indent=2) + "\n")
        return manifest


def wanted_target(default: Target) -> Target:
    """Read TARGET.

    Raises:
        RuntimeError: there is no such target.
    """
    said = os.environ.get("TARGET") or default
    found = next((target for target in get_args(Target) if target == said), None)
    if found is None:
        raise RuntimeError(f"TARGET is one of {', '.join(get_args(Target))}")
    target: Target = found
    return target


def build(target: Target = "local", extra_tasks: Path | None = None) -> Built:
    """Build everything.

    Args:
        target: `local` takes wheels for the embedded emulator's interpreter, `lambda` those of the topology's runtime,
            `container` those of its Python on this machine's processor (LocalStack), and makes no layers.
        extra_tasks: a folder of further task files, put beside the user's own, and EVERY_FUNCTION (for tests).

    Raises:
        subprocess.CalledProcessError: the dependencies could not be installed.
        RuntimeError: a function is larger than Lambda takes, or a module of users ends the process that imports it.
    """
    compiler = local_compiler() if target == "local" else runtime_compiler()
    if target == "container":
        whole = _whole(compiler, extra_tasks)
        return Built({}, dict.fromkeys(topology().functions, whole))
    layers = {"dependencies": _dependencies(target, compiler), "core": _core(compiler)}
    functions = {
        name: _zip(f"function-{name}", files, compiler, FUNCTION_ROOT)
        for name, files in _functions(extra_tasks).items()
    }
    # The others are for this machine, whose emulator runs whatever it gets.
    return Built(layers, functions, {"architecture": topology().runtime.architecture} if target == "lambda" else {})


def build_project(project: Project) -> Built:
    """Build a project outside of this repository, for Lambda.

    What the project requires beyond whendue's own requirements is a layer of its own, `project`, if there is any.

    Raises:
        subprocess.CalledProcessError: whendue's own dependencies could not be installed.
        RuntimeError: a package has no wheel for the functions, a function is larger than Lambda takes, or a module of
            the project cannot be imported here.
    """
    compiler = runtime_compiler()
    processor = project.architecture or topology().runtime.architecture
    layers = {
        "dependencies": _dependencies("lambda", compiler, processor, project.aws_services),
        "core": _core(compiler),
        **_project_layer(project, processor, compiler),
    }
    own = own_files(project)
    given = _project_functions(project, own.files, Packed(ABSENT, modules_in(layers.values())))
    functions = {
        name: _zip(
            f"function-{name}",
            files.items(),
            compiler,
            FUNCTION_ROOT,
            tuple(own.files),
            programs=own.programs & files.keys(),
        )
        for name, files in given.items()
    }
    _check_sizes(layers, functions)
    facts = {
        "tasks": project.tasks,
        "importing": [name for name, files in given.items() if own.files.keys() <= files.keys()],
        "architecture": processor,
        "uploaded": [path.name for path in layers.values() if path.stat().st_size > UPLOADED_BYTES],
    }
    return Built(layers, functions, facts)


def _project_functions(project: Project, own: dict[str, bytes], packed: Packed) -> dict[str, dict[str, bytes]]:
    """Return the files of each function of a project: those that import its code have it, the others the manifest.

    Raises:
        RuntimeError: a module cannot be imported.
    """
    framework = {
        name: {path: data for path, data in _function_files(function.sources, None) if not path.startswith(MAY_FAIL)}
        for name, function in topology().functions.items()
    }
    worker = framework.pop(WORKER) | own
    manifest = described(worker, TaskModules(project.tasks, project.environment, packed))
    found = json.loads(manifest)
    if found["failures"] and not project.skip_broken:
        raise RuntimeError(broken_modules(found["failures"]))
    if unfit := unfit_tasks(found["tasks"], project.queues):
        raise RuntimeError("; ".join(unfit))
    importing = WITH_CHANNELS if found["channels"] else ()
    others = {name: files | {NAME: manifest} | (own if name in importing else {}) for name, files in framework.items()}
    return {**others, WORKER: worker}


def _project_layer(project: Project, processor: str, compiler: Compiler) -> dict[str, Path]:
    if project.requirements is None:
        return {}
    required = installed(project.folder, project.requirements, processor, compiler.python)
    if not required.files:
        return {}
    files = {f"python/{name}": data for name, data in required.files.items()}
    programs = frozenset(f"python/{name}" for name in required.programs)
    # A package may bring sources of other versions of Python.
    return {"project": _zip("layer-project", files.items(), compiler, LAYER_ROOT, ("python/",), programs=programs)}


def _check_sizes(layers: Mapping[str, Path], functions: Mapping[str, Path]) -> None:
    """Refuse what Lambda would refuse: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""
    below = sum(unzipped_bytes(path) for path in layers.values())
    for name, path in functions.items():
        size = below + unzipped_bytes(path)
        if size > UNZIPPED_BYTES:
            raise RuntimeError(
                f"the function {name} has {megabytes(size)} with its layers, unzipped; Lambda takes "
                f"{megabytes(UNZIPPED_BYTES)}. Largest packages: {largest(package_sizes(layers.values()))}"
            )
        if path.stat().st_size > UPLOADED_BYTES:
            raise RuntimeError(
                f"the zip of the function {name} has {megabytes(path.stat().st_size)}; at most "
                f"{megabytes(UPLOADED_BYTES)} are uploaded. Keep large files of the project in a bucket"
            )


def _whole(compiler: Compiler, extra_tasks: Path | None) -> Path:
    """Put dependencies, core and all functions into one zip: the dependencies are compressed once for all of them."""
    base = _dependencies("container", compiler)
    sources = dict(core_files())
    for files in _functions(extra_tasks).values():
        sources |= files
    path = BUILD / f"function-whole-{_digest(sources, base.name)}.zip"
    if path.exists():
        return path
    draft = path.with_suffix(f".{os.getpid()}.draft")
    shutil.copyfile(base, draft)
    with zipfile.ZipFile(draft, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, sorted(compiler.compile(sources, FUNCTION_ROOT, MAY_FAIL).items()))
        size = sum(info.file_size for info in archive.infolist())
    if size > UNZIPPED_BYTES:
        draft.unlink()
        raise RuntimeError(f"a function of {size} bytes is over Lambda's {UNZIPPED_BYTES}")
    return draft.replace(path)


def _dependencies(
    target: Target, compiler: Compiler, processor: str | None = None, services: tuple[str, ...] = ()
) -> Path:
    """Install the locked requirements into a folder and zip it; a lock that was built before is not built again.

    Args:
        target: see `build`.
        compiler: compiles their sources.
        processor: of the functions; None: the topology's.
        services: boto3's names of services that stay beyond the topology's.
    """
    lock = ROOT / "requirements/layer.txt"
    chosen = f"{FORMAT}\n{_interpreter(target, processor)}\n{compiler.version}\n{topology().layers['dependencies']}"
    # Nothing for none, so that the name of a layer without stays.
    chosen += "".join(f"\n{service}" for service in sorted(services))
    mark = hashlib.sha256(f"{chosen}\n{lock.read_text()}".encode()).hexdigest()[:16]
    path = BUILD / f"layer-dependencies-{target}-{mark}.zip"
    with exclusive(f"layer-{target}"):
        if path.exists():
            return path
        with TemporaryDirectory() as folder:
            # What else the emulator's environment holds is no business of the layer: no warnings of conflicts with it.
            quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts", "--no-compile"]
            options = [*quiet, *_platform(target, processor), "--require-hashes", "-r", str(lock)]
            # Wheels of another machine can be chosen by any interpreter; the emulator's own only by itself.
            _python("-m", "pip", "install", *options, "--target", folder, local=target == "local")
            found = dict(_tree(Path(folder)))
        below, root = ("", FUNCTION_ROOT) if target == "container" else ("python/", LAYER_ROOT)
        files = {f"{below}{inside}": found[name] for name, inside in kept(found, services).items()}
        return _write(path, sorted(compiler.compile(files, root).items()))


def _python(*arguments: str, local: bool = True) -> str:
    """Run the embedded emulator's interpreter, or this one; return its output."""
    command = [str(EMULATOR_PYTHON) if local else sys.executable, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _interpreter(target: Target, processor: str | None = None) -> str:
    if target != "local":
        return " ".join(_platform(target, processor))
    return _python("-c", "import sys; print(sys.version_info[:2])") + platform.machine()


def _platform(target: Target, lambda_processor: str | None = None) -> list[str]:
    """Return pip's options for wheels of another platform."""
    if target == "local":
        return []
    functions = lambda_processor or topology().runtime.architecture
    return wheels_for(functions if target == "lambda" else platform.machine())


def _core(compiler: Compiler) -> Path:
    files = ((f"python/{name}", data) for name, data in core_files())
    return _zip("layer-core", files, compiler, LAYER_ROOT)


def core_files() -> Iterator[tuple[str, bytes]]:
    """Return the files of whendue that functions run: all but NOT_IN_FUNCTIONS."""
    package = Path(whendue.__file__).parent
    files = ((f"{package.name}/{name}", data) for name, data in _tree(package))
    return ((name, data) for name, data in files if not name.startswith(NOT_IN_FUNCTIONS))


def manifest_of_tasks() -> bytes:
    """Return the manifest of this repository's own tasks, as their functions know it."""
    return task_manifest(dict(_function_files(topology().functions[WORKER].sources, None)), Packed(ABSENT))


def _functions(extra_tasks: Path | None) -> dict[str, dict[str, bytes]]:
    """Return the files of each function: the worker has users' tasks, all others have the manifest of them."""
    functions = {
        name: dict(_function_files(function.sources, extra_tasks)) | _in_every_function(extra_tasks)
        for name, function in topology().functions.items()
    }
    worker = functions.pop(WORKER)
    manifest = task_manifest(worker, Packed(ABSENT))
    tasks = {name: data for name, data in worker.items() if name.startswith(f"{USER_TASKS}/")}
    imported = WITH_CHANNELS if json.loads(manifest)["channels"] else ()
    described = {
        name: files | {NAME: manifest} | (tasks if name in imported else {}) for name, files in functions.items()
    }
    return described | {WORKER: worker}


def _in_every_function(extra_tasks: Path | None) -> dict[str, bytes]:
    """Return the module that each function imports first, with what further tasks put there."""
    added = extra_tasks / EVERY_FUNCTION if extra_tasks else None
    if added is None or not added.is_file():
        return {}
    return {FIRST_IMPORTED: (ROOT / FIRST_IMPORTED).read_bytes() + b"\n\n" + added.read_bytes()}


def _function_files(sources: Iterable[str], extra_tasks: Path | None) -> Iterator[tuple[str, bytes]]:
    """Return a function's files; paths stay as in the source tree, so that imports are the same everywhere."""
    wanted = [*topology().shared_sources, *sources]
    for source in wanted:
        path = ROOT / source
        if path.is_file():
            yield source, path.read_bytes()
        else:
            yield from ((f"{source}/{name}", data) for name, data in _tree(path))
    if extra_tasks and any(USER_TASKS.startswith(source) for source in wanted):
        yield from ((f"{USER_TASKS}/{path.name}", path.read_bytes()) for path in sorted(extra_tasks.glob("[!_]*.py")))


def _tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "__pycache__" not in path.parts:
            yield name, path.read_bytes()


def _zip(
    name: str,
    files: Iterable[tuple[str, bytes]] | Mapping[str, bytes],
    compiler: Compiler,
    root: str,
    may_fail: tuple[str, ...] = MAY_FAIL,
    *,
    programs: frozenset[str] = frozenset(),
) -> Path:
    """Write a zip under the hash of its sources; sources that were zipped before are not compiled and written again."""
    known = dict(files)
    base = "\n".join((f"{FORMAT} {compiler.version}", *sorted(programs)))
    path = BUILD / f"{name}-{_digest(known, base)}.zip"
    return path if path.exists() else _write(path, sorted(compiler.compile(known, root, may_fail).items()), programs)


def _digest(files: Mapping[str, bytes], base: str = "") -> str:
    """Hash files, and what else makes the zip."""
    digest = hashlib.sha256(base.encode())
    for file, data in sorted(files.items()):
        digest.update(f"{file}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


def _write(path: Path, files: Iterable[tuple[str, bytes]], programs: frozenset[str] = frozenset()) -> Path:
    """Write a zip whole or not at all: another process may build the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, files, programs)
    return draft.replace(path)


def _add(archive: zipfile.ZipFile, files: Iterable[tuple[str, bytes]], programs: frozenset[str] = frozenset()) -> None:
    for name, data in files:
        info = zipfile.ZipInfo(name, EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (PROGRAM_MODE if name in programs else FILE_MODE) << 16
        archive.writestr(info, data, compresslevel=9)
