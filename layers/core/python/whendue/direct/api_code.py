"""The code of the API's function, imported into a process of a user.

It is the folder `functions`: in the wheel below `whendue/carried`, in a checkout at its root (`project/carried.py`). A
user's own package may be called `functions`, too. So it is imported under another name, and the import statements
inside of it find each other there.
"""

import builtins
import gc
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any, Final

from whendue.errors import ConfigurationError
from whendue.project import carried

# The name in the code's own import statements, and the one under which it is imported here.
_WRITTEN: Final = "functions"
NAME: Final = "whendue_functions"
_importing: Final = threading.Lock()


def api_class() -> Any:
    """Return the class `Api` of functions/api/app.py.

    Raises:
        ConfigurationError: this installation does not have the code, or not the libraries that it needs.
    """
    carried.root()
    with _importing:
        if _FINDER not in sys.meta_path:
            # First: the path of the package would lead others to its modules.
            sys.meta_path.insert(0, _FINDER)
        collects = gc.isenabled()
        try:
            return import_module(f"{NAME}.api.app").Api
        except ModuleNotFoundError as error:
            raise ConfigurationError(f"direct mode needs {error.name}: install whendue[direct]") from None
        finally:
            # In Lambda the package stops the collection of garbage until a handler of ours has started; none will.
            if collects:
                gc.enable()


class _Finder(MetaPathFinder):
    """Finds the modules below `NAME`, in the folder `functions`."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the interface's
        target: ModuleType | None = None,  # noqa: ARG002 - the interface's
    ) -> ModuleSpec | None:
        """Return where a module is; None for one that is not ours, or not there."""
        first, *names = fullname.split(".")
        if first != NAME:
            return None
        base = carried.root().joinpath(_WRITTEN, *names)
        package = base / "__init__.py"
        file = package if package.is_file() else base.with_suffix(".py")
        if not file.is_file():
            return None
        locations = [str(base)] if file is package else None
        loader = _Loader(fullname, str(file))
        return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=locations)


_FINDER: Final = _Finder()


class _Loader(SourceFileLoader):
    """Loads a module in whose import statements `functions` is `NAME`."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with an `__import__` of its own, which its import statements call.

        https://docs.python.org/3/library/functions.html#import__: the statement calls the function of the builtins.
        """
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import}
        super().exec_module(module)


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,  # noqa: A002 - the interface's
    locals: Mapping[str, object] | None = None,  # noqa: A002 - the interface's
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """Import as the built-in function, `functions` under its other name."""
    first, dot, rest = name.partition(".")
    known = f"{NAME}{dot}{rest}" if level == 0 and first == _WRITTEN else name
    return builtins.__import__(known, globals, locals, fromlist, level)
