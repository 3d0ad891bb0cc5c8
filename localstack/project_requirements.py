"""What a project requires: resolved by pip for the functions' Python and processor, beside whendue's own requirements.

Whendue's own are locked and stand in a layer of their own, so they are constraints here, and their files are left out.
So is whendue itself: pip gets an empty package of this version for it.
"""

import csv
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import pip

from localstack import wheels_only
from localstack.paths import ROOT
from localstack.project_files import Packed
from localstack.topology import topology
from localstack.wheels_only import REFUSED
from whendue.version import VERSION

LOCK = ROOT / "requirements/layer.txt"
# Of Amazon Linux 2023, on which Lambda runs Python 3.12 and newer:
# https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html
GLIBC_MINOR = 34
# The oldest that pip knows by a number: PEP 600 calls manylinux2014 manylinux_2_17.
GLIBC_MINOR_OLDEST = 17
# What pip writes about itself and this machine.
_OF_PIP = re.compile(r"(^|/)__pycache__/|^bin/|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$")
_METADATA = re.compile(r"^(?P<name>[^/]+)-[^-/]+\.dist-info/")
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ \\;]+)", re.MULTILINE)
_NO_WHEEL = re.compile(r"ERROR: No matching distribution found for (?P<requirement>.+)")
# pip's steps with what is no wheel; and the lines before them, which name it.
_BUILDS = re.compile(
    r"^ *(?:Installing build dependencies|Getting requirements to build|Preparing (?:editable )?metadata|Cloning |"
    r"Checking if build backend )",
    re.MULTILINE,
)
_REQUIREMENT = re.compile(r"^(?:Collecting|Processing|Obtaining) (.+?)(?: \(from .*)?$", re.MULTILINE)
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OF_AN_EXTRA = re.compile(r"\bextra *==")
_CONFLICT = re.compile(r"The conflict is caused by:\n(?P<causes>(?:    .+\n)+)")
# Of pip's errors, in a message.
_SHOWN_CHARS = 2000
_WHENDUE = "whendue"
# A local version: it meets what asks for this version, and no index has it.
STUB = f"{VERSION}+functions"


def installed(folder: Path, requirements: str, architecture: str, python: str | None = None) -> Packed:
    """Return the files of what a project requires and whendue's own layer has not; pip's settings hold.

    Args:
        folder: of the project.
        requirements: a requirements file as pip reads it, or a pyproject.toml, below the folder.
        architecture: of the functions, `arm64` or `x86_64`.
        python: an interpreter of the functions' version: markers of requirements are evaluated by it.

    Raises:
        RuntimeError: a package has no wheel for the functions, must be built first, or the requirements cannot be met.
    """
    with TemporaryDirectory() as name:
        work = Path(name)
        target = work / "installed"
        target.mkdir()
        options = [
            "--target",
            str(target),
            *wheels_for(architecture),
            "-c",
            str(_constraints(work)),
            "--find-links",
            str(work),
        ]
        _pip(["-r", str(_requirements(folder / requirements, work)), *options], folder, requirements, python)
        return Packed.read(target, _kept(target))


def wheels_for(architecture: str) -> list[str]:
    """Return pip's options for the wheels that run in the functions."""
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC_MINOR, GLIBC_MINOR_OLDEST - 1, -1)]
    platforms = [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{machine}")]
    return ["--only-binary=:all:", f"--python-version={_python_version()}", "--implementation=cp", *platforms]


def _python_version() -> str:
    return topology().runtime.python.removeprefix("python")


def _requirements(path: Path, work: Path) -> Path:
    """Return a file that pip reads: the project's, or the dependencies of its pyproject.toml."""
    if not path.is_file():
        raise RuntimeError(f"{path.name}: the project has no such file; project.requirements names it")
    if path.suffix != ".toml":
        return path
    try:
        listed = tomllib.loads(path.read_text())["project"].get("dependencies", [])
    except ValueError as error:
        raise RuntimeError(f"{path.name}: {error}") from error
    except (KeyError, AttributeError, TypeError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise RuntimeError(f"{path.name}: project.dependencies must be a list of requirements")
    written = work / "requirements.txt"
    written.write_text("".join(f"{requirement}\n" for requirement in listed))
    return written


def _constraints(work: Path) -> Path:
    """Write what is given: whendue's own requirements in their locked versions, and an empty package as whendue.

    Without the lock's hashes: pip would ask for those of the project's requirements, too. The empty package has the
    extras of whendue.
    """
    stub = work / f"{_WHENDUE}-{STUB}-py3-none-any.whl"
    metadata = f"{_WHENDUE}-{STUB}.dist-info"
    with zipfile.ZipFile(stub, "w") as wheel:
        head = ("Metadata-Version: 2.1", f"Name: {_WHENDUE}", f"Version: {STUB}")
        wheel.writestr(f"{metadata}/METADATA", "".join(f"{line}\n" for line in (*head, *extras())))
        wheel.writestr(
            f"{metadata}/WHEEL", "Wheel-Version: 1.0\nGenerator: whendue\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{metadata}/RECORD", f"{metadata}/METADATA,,\n{metadata}/WHEEL,,\n{metadata}/RECORD,,\n")
    pins = [f"{name}=={version}" for name, version in _PINNED.findall(LOCK.read_text())]
    path = work / "constraints.txt"
    path.write_text("\n".join([*pins, f"{_WHENDUE}=={STUB}", ""]))
    return path


def extras() -> list[str]:
    """Return whendue's extras and what they require beyond its layer, as lines of a package's metadata."""
    names, requirements = _extras()
    own = _own_names()
    further = [line for line in requirements if (found := _NAME.match(line)) and normalized(found[0]) not in own]
    return [*(f"Provides-Extra: {name}" for name in names), *(f"Requires-Dist: {line}" for line in further)]


def _extras() -> tuple[list[str], list[str]]:
    """Return the extras, and their requirements with the marker that says whose they are."""
    source = ROOT / "pyproject.toml"
    if source.is_file():
        # A checkout need not be installed.
        listed = tomllib.loads(source.read_text())["project"]["optional-dependencies"]
        return list(listed), [f'{line}; extra == "{name}"' for name, lines in listed.items() for line in lines]
    found = distribution(_WHENDUE)
    required = [line for line in found.requires or () if _OF_AN_EXTRA.search(line)]
    return list(found.metadata.get_all("Provides-Extra", ())), required


def _own_names() -> set[str]:
    return {normalized(name) for name, _ in _PINNED.findall(LOCK.read_text())}


def _pip(arguments: list[str], folder: Path, requirements: str, python: str | None) -> None:
    # Of the environment that whendue is installed in, whichever interpreter runs it.
    runner = Path(pip.__file__).parent / "__pip-runner__.py"
    # -P: the project may have a module that is called like one of Python's own.
    quiet = ["--disable-pip-version-check", "--no-warn-conflicts", "--no-compile", "--no-input", "--no-color"]
    command = [python or sys.executable, "-P", wheels_only.__file__, str(runner), "install", *quiet, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode:
        raise RuntimeError(f"{requirements}: {_explained(done.stdout + done.stderr)}")
    # As of an extra that a package does not have.
    sys.stderr.writelines(line for line in done.stderr.splitlines(keepends=True) if line.startswith("WARNING: "))


def _explained(output: str) -> str:
    """Return the reason of pip's failure."""
    output = _CREDENTIALS.sub("//", output)
    if source := _source(output):
        return (
            f"{source} is no wheel. Source distributions, repositories and folders are not built, as their code would "
            f"run on this machine. Build a wheel of it, and name the wheel by its path, or its folder in pip's setting "
            f"find-links; leave out --no-binary"
        )
    if conflict := _CONFLICT.search(output):
        causes = "; ".join(line.strip() for line in conflict["causes"].splitlines())
        return f"these requirements exclude each other: {causes}. A constraint is a version that whendue needs"
    if missing := _NO_WHEEL.search(output):
        return (
            f"no wheel of {missing['requirement']} runs on Python {_python_version()} on Amazon Linux 2023 and the "
            f"functions' processor, or no index that pip uses has it. Source distributions are not built: build a "
            f"wheel of it, and name its folder in pip's setting find-links"
        )
    errors = "; ".join(line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: "))
    return (errors or output.strip() or "pip has failed without a message")[-_SHOWN_CHARS:]


def _source(output: str) -> str | None:
    """Return the requirement that pip wanted to build, or to fetch from its repository."""
    build = _BUILDS.search(output)
    if build is None:
        return "a requirement" if REFUSED in output else None
    before = _REQUIREMENT.findall(output[: build.start()])
    return before[-1] if before else "a requirement"


def _kept(target: Path) -> Iterator[str]:
    """List the installed files that go into the layer; of what is in whendue's layer, the metadata alone.

    Whendue's layer has no metadata, and a package may ask for the version of another.
    """
    foreign = set(_owned_by_whendue(target))
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if path.is_file() and name not in foreign and not _OF_PIP.search(name):
            yield name


def _owned_by_whendue(target: Path) -> Iterator[str]:
    """List the files of whendue and of its own requirements, but for the metadata of the latter."""
    own = _own_names()
    for record in target.glob("*.dist-info/RECORD"):
        metadata = f"{record.parent.name}/"
        found = _METADATA.match(metadata)
        name = normalized(found["name"]) if found else ""
        if name in own or name == _WHENDUE:
            with record.open(newline="") as file:
                listed = [row[0] for row in csv.reader(file) if row]
            yield from (path for path in listed if name == _WHENDUE or not path.startswith(metadata))


def normalized(name: str) -> str:
    """Return the name by which packages are compared.

    https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    return re.sub(r"[-_.]+", "-", name).lower()
