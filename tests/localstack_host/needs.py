"""What LocalStack's runtime needs of this machine, and its parts that are fetched once, below `.local/`."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from localstack.once import exclusive
from localstack.paths import LOCAL
from localstack.venvs import ensure

# DynamoDB Local, AWS's own engine, as a package for tests carries it. Its licence forbids to ship it with anything.
SIMULATOR = "amplify-dynamodb-simulator@2.9.30"
SIMULATOR_SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
DYNAMODB_LOCAL = LOCAL / "dynamodb-local"
JAVA_AT_LEAST = 17


class CannotRunError(RuntimeError):
    """LocalStack's runtime cannot run on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What it runs with.

    Args:
        python: the interpreter of its virtual environment.
        java: the Java of this machine.
        dynamodb_local: the folder of the jar.
    """

    python: Path
    java: Path
    dynamodb_local: Path


def ready() -> Programs:
    """Fetch what is not there yet.

    Raises:
        CannotRunError: something is missing on this machine, or cannot be had.
    """
    python, java = _python(), _java()
    if not shutil.which("npm"):
        raise CannotRunError("npm is not there (for DynamoDB Local)")
    try:
        return Programs(ensure("localstack", python) / "python", java, _dynamodb_local())
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotRunError(f"it could not be installed: {error}") from error


def _python() -> str:
    for path in _pythons():
        output = _says(path, "-c", "import sys; print(sys.version_info[:2] == (3, 13))")
        if output.strip() == "True":
            return path
    raise CannotRunError("Python 3.13 is not there (PYTHON313=/path/to/python3.13)")


def _pythons() -> Iterator[str]:
    named = os.environ.get("PYTHON313"), shutil.which("python3.13")
    yield from filter(None, named)
    versions = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser() / "versions"
    yield from map(str, sorted(versions.glob("3.13*/bin/python3.13")))


def _java() -> Path:
    java = shutil.which("java")
    version = re.search(r'version "(\d+)', _says(java, "-version")) if java else None
    if java is None or version is None or int(version[1]) < JAVA_AT_LEAST:
        raise CannotRunError(f"Java {JAVA_AT_LEAST} is not there (for DynamoDB Local)")
    return Path(java).resolve()


def _says(*command: str) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout + done.stderr


def _dynamodb_local() -> Path:
    with exclusive("dynamodb-local"):
        if DYNAMODB_LOCAL.exists():
            return DYNAMODB_LOCAL
        with TemporaryDirectory(dir=LOCAL) as folder:
            subprocess.run(["npm", "pack", "--silent", SIMULATOR], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            [archive] = Path(folder).glob("*.tgz")
            if hashlib.sha256(archive.read_bytes()).hexdigest() != SIMULATOR_SHA256:
                raise CannotRunError(f"{SIMULATOR} is not the package that it was")
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
            (Path(folder) / "package/emulator").rename(DYNAMODB_LOCAL)
    return DYNAMODB_LOCAL
