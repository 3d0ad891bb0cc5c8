"""Discovery: import the modules of users one by one; one that fails is remembered and takes no other with it."""

import importlib
import json
import pkgutil
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

from whendue.errors import ConfigurationError
from whendue.jobs.failures import clip, type_name

DETAIL_BYTES: Final = 500
TRACEBACK_CHARACTERS: Final = 20_000
# Modules that an answer names as those that may hold what was not found.
NAMED: Final = 5


class NotPackedError(ModuleNotFoundError):
    """A module is installed here, and functions do not have it; the message says what to do, in words of ours."""


@dataclass(frozen=True, slots=True)
class ModuleFailure:
    """A module that could not be imported.

    Args:
        module: its name.
        error_type: the exception's class.
        where: file and line: of the module's own code, if the traceback has any of it.
        detail: what is wrong, where the words are ours or Python's; those of others may quote secrets.
    """

    module: str
    error_type: str
    where: str
    detail: str = ""

    def log_line(self) -> str:
        """Return the line that each process logs at its start."""
        return json.dumps({"level": "ERROR", "message": "task module failed", "service": "whendue"} | asdict(self))


def load(module: str) -> ModuleFailure | None:
    """Import a module; return how it failed, None if it did not.

    Whatever it raises is caught, `SystemExit` and `KeyboardInterrupt` included: it is code of users.
    """
    try:
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever a module raises, the others are imported
        return failure(module, error)
    return None


def failure(module: str, error: BaseException) -> ModuleFailure:
    """Describe why a module cannot be used."""
    return ModuleFailure(module, type(error).__name__, _where(module, error), clip(_detail(error), DETAIL_BYTES))


def named(failures: Sequence[ModuleFailure]) -> str:
    """Name the first few of the modules that failed, as the place where something may be that was not found."""
    more = f" and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
    return f"a module that could not be imported: {', '.join(lost.module for lost in failures[:NAMED])}{more}"


def _detail(error: BaseException) -> str:
    """Describe an error without texts of users, which may quote a secret."""
    if type(error) in (ConfigurationError, NotPackedError):
        return str(error)
    if isinstance(error, SyntaxError):
        return str(error.msg)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"the module {error.name} does not exist"
    return ""


def modules_of(package: str) -> tuple[list[str], list[ModuleFailure]]:
    """Import a package; return the names of its modules, and what is in it that can be none.

    Raises:
        ConfigurationError: there is no such package: a setting is misspelt. One that is there and fails is a failure.
    """
    try:
        importlib.import_module(package)
    except BaseException as error:  # noqa: BLE001 - whatever it raises, other packages are imported
        if isinstance(error, ModuleNotFoundError) and f"{package}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"WHENDUE_TASKS names the package {package}, which cannot be found") from None
        return [], [failure(package, error)]
    paths = list(getattr(importlib.import_module(package), "__path__", ()))
    names = sorted(f"{package}.{found.name}" for found in pkgutil.iter_modules(paths))
    dotted = [file for path in paths for file in Path(path).glob("*.py") if "." in file.stem]
    misnamed = [
        ModuleFailure(f"{package}.{file.stem}", "ConfigurationError", str(file), "a dot in its file's name")
        for file in sorted(dotted)
    ]
    return names, misnamed


def _where(module: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [frame for frame in frames if frame[0].f_globals.get("__name__") == module]
    if not frames:
        return ""
    frame, line = (own or frames)[-1]
    return f"{frame.f_code.co_filename}:{line}"


def show_failures(packages: Sequence[str], stream: TextIO, importing: Callable[[str], object] = str) -> None:
    """Import the modules of packages, and write a traceback for each that fails.

    For developers: a deployment's log has type and line alone, as the text of an error may quote a secret.

    Args:
        packages: their names.
        stream: takes the tracebacks.
        importing: called with the name of each module before its import, which may end the process or never return.
    """
    for package in packages:
        importing(package)
        if _imported(package, stream):
            paths = list(getattr(sys.modules[package], "__path__", ()))
            for found in sorted(pkgutil.iter_modules(paths), key=lambda each: each.name):
                importing(module := f"{package}.{found.name}")
                _imported(module, stream)


def _imported(module: str, stream: TextIO) -> bool:
    try:
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever it raises, the others are imported
        stream.write(f"ERROR {module} cannot be imported, its tasks are off:\n{_traceback(error)}")
        stream.flush()
        return False
    return True


def _traceback(error: BaseException) -> str:
    """Return an error's traceback for people: bounded, and of characters that any stream can write."""
    try:
        text = "".join(traceback.format_exception(type(error), error, _own(error.__traceback__)))
    except BaseException as broken:  # noqa: BLE001 - the texts of an error are made by its own code
        text = f"{type_name(error)} (its traceback cannot be shown: {type_name(broken)})\n"
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) > TRACEBACK_CHARACTERS:
        half = TRACEBACK_CHARACTERS // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters ...\n{text[-half:]}"
    return text


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of this module and of Python's import, which begin every traceback."""
    while trace and trace.tb_frame.f_code.co_filename.startswith(("<frozen importlib", __file__, importlib.__file__)):
        trace = trace.tb_next
    return trace
