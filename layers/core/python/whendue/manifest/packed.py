"""What functions have of the modules that this process could import; the process that describes tasks finds no others.

Tasks are described where whendue is installed with all its extras, and beside whatever else a developer uses. A module
that imports of that what is not packed would be described, and could not be imported on AWS.
"""

import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from whendue.declarations.discovery import NotPackedError

# What imports for the code that asks for a module.
_IMPORTERS: Final = ("<frozen importlib", importlib.__file__)
_CALLS: Final = "a task submits jobs by ctx.submit or .delay, and other code imports this inside of its own functions"


@dataclass(frozen=True, slots=True)
class Packed:
    """What functions have.

    Args:
        absent: modules of whendue that they do not have, with all below them.
        installed: the names at the top of all packages that are packed beside whendue; None: not known.
    """

    absent: Sequence[str] = ()
    installed: Sequence[str] | None = None

    def write(self, path: Path) -> None:
        """Write this for `read`."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Packed":
        """Read what `write` has written.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not valid.
        """
        return cls(**json.loads(path.read_bytes()))


class PackedFinder(MetaPathFinder):
    """Refuses modules that functions do not have; what they have is found by the other finders.

    Of packages beside whendue, only what the project's own files import is refused. A library decides by the version
    of Python what it imports, and the functions may have another one.

    Args:
        packed: what they have.
        folder: of the files that are packed: the project's own.
    """

    def __init__(self, packed: Packed, folder: Path) -> None:
        """Refuse nothing until it is on `sys.meta_path`."""
        self._absent = tuple(f"{name}." for name in packed.absent)
        self._folder = str(folder) + os.sep
        self._installed = None if packed.installed is None else frozenset(packed.installed)
        self._own = frozenset(path.name.partition(".")[0] for path in folder.iterdir())

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system gives it
        target: ModuleType | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """Find nothing.

        Raises:
            NotPackedError: functions do not have this module.
        """
        if f"{name}.".startswith(self._absent):
            raise NotPackedError(f"functions do not have {name}: {_CALLS}", name=name)
        if self._is_foreign(name) and _asked_by().co_filename.startswith(self._folder) and self._is_here(name):
            raise NotPackedError(
                f"functions do not have {name}, which is installed here: name it in the project's requirements",
                name=name,
            )

    def _is_foreign(self, name: str) -> bool:
        known = self._installed
        return known is not None and "." not in name and name not in known | self._own | {"whendue"} and _is_added(name)

    def _is_here(self, name: str) -> bool:
        """Return whether it can be imported here: one that cannot is an error that needs no explanation."""
        return any(self._found(name))

    def _found(self, name: str) -> Iterator[ModuleSpec]:
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, None)):
                yield spec


def _is_added(name: str) -> bool:
    return name not in sys.stdlib_module_names


def _asked_by() -> CodeType:
    """Return the code that imports a module."""
    frame = inspect.currentframe()
    assert frame is not None  # noqa: S101 - CPython has them
    while frame.f_back and frame.f_code.co_filename.startswith((*_IMPORTERS, __file__)):
        frame = frame.f_back
    return frame.f_code
