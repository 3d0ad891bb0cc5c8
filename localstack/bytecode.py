"""Bytecode of what is built: Lambda's file system is read-only, so what is not compiled here is compiled at each start.

Unchecked hashes (PEP 552): a zip holds no time that could be compared with the source's, and nothing is read twice.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from localstack.paths import BUILD, EMULATOR_PYTHON
from localstack.topology import topology

# Names the interpreter of the runtime's version, where it is not on the PATH.
VARIABLE = "RUNTIME_PYTHON"
# Interpreters that differ in it may compile differently.
_VERSION = "import sys; print(sys.implementation.cache_tag, *sys.version_info[:3])"


@dataclass(frozen=True, slots=True)
class Compiler:
    """The interpreter that compiles.

    Args:
        python: its path; None compiles nothing.
        version: its cache tag and version, part of the name of each zip.
    """

    python: str | None
    version: str = "no bytecode"

    def compile(self, files: Mapping[str, bytes], prefix: str, may_fail: tuple[str, ...] = ()) -> dict[str, bytes]:
        """Return files with the bytecode of their sources.

        Args:
            files: path -> content.
            prefix: the folder in which they will be at run time: what tracebacks show. Python need not correct it then.
            may_fail: beginnings of the paths of sources that may have errors, which show when they are imported.

        Raises:
            RuntimeError: a source could not be compiled.
        """
        if self.python is None:
            return dict(files)
        with TemporaryDirectory() as folder:
            compiled = _compile(self.python, files, Path(folder), prefix)
        missing = [name for name in _sources(files) if name not in compiled and not name.startswith(may_fail)]
        if missing:
            raise RuntimeError(f"{self.version} cannot compile {', '.join(missing)}")
        return dict(files) | dict(compiled.values())


def local_compiler() -> Compiler:
    """Return the embedded emulator's interpreter."""
    return _found(str(EMULATOR_PYTHON)) or Compiler(None)


def runtime_compiler() -> Compiler:
    """Return an interpreter of the runtime's version; without one, a compiler that compiles nothing, and a warning.

    Raises:
        RuntimeError: the one that RUNTIME_PYTHON names is of another version.
    """
    wanted = topology().runtime.python
    tag = f"cpython-{wanted.removeprefix('python').replace('.', '')}"
    named = os.environ.get(VARIABLE)
    for path in [named] if named else [sys.executable, shutil.which(wanted)]:
        found = _found(path) if path else None
        if found and found.version.split()[0] == tag:
            return found
    if named:
        raise RuntimeError(f"{VARIABLE} must be the path of an interpreter of {wanted}, to compile for it")
    _note_once(wanted)
    return Compiler(None)


def _note_once(wanted: str) -> None:
    """Say what to do about bytecode, once for each folder of builds: most builds on a laptop go without."""
    noted = BUILD / f".no-{wanted}"
    if noted.exists():
        return
    sys.stderr.write(
        f"There is no {wanted} on the PATH, so nothing is compiled and cold starts of the functions take longer. The "
        f"build works all the same. To compile, install {wanted}, or name its path in {VARIABLE}. This is said once.\n"
    )
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.touch()


@cache
def _found(python: str) -> Compiler | None:
    """Return a compiler; None for an interpreter that does not start."""
    try:
        run = subprocess.run([python, "-I", "-S", "-c", _VERSION], check=False, capture_output=True, text=True)
    except OSError:
        return None
    return Compiler(python, run.stdout.strip()) if run.returncode == 0 else None


def _sources(files: Iterable[str]) -> list[str]:
    return sorted(name for name in files if name.endswith(".py"))


def _compile(python: str, files: Mapping[str, bytes], folder: Path, prefix: str) -> dict[str, tuple[str, bytes]]:
    """Compile in a folder; return source -> path and content of its bytecode.

    One process, in the order of the names, with a fixed hash seed: what `marshal` writes depends on what was compiled
    before, so the same files give the same bytes.
    """
    names = _sources(files)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    options = ["-qq", "-j1", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", prefix]
    environment = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    # Its status is not looked at: what it could not compile is not there.
    subprocess.run([python, "-I", "-S", "-m", "compileall", *options, str(folder)], check=False, env=environment)
    compiled = {}
    for name in names:
        for path in sorted((folder / name).parent.glob(f"__pycache__/{Path(name).stem}.cpython-*.pyc")):
            compiled[name] = path.relative_to(folder).as_posix(), path.read_bytes()
    return compiled
