"""Where the functions and the programs of the dev stack are: in the wheel below `carried`, or in the checkout."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from whendue.errors import ConfigurationError

# Processors of functions, in Lambda's words.
Architecture = Literal["arm64", "x86_64"]
_HERE: Final = Path(__file__)
# Below the root: layers/core/python/whendue/project.
_CHECKOUT: Final = _HERE.parents[5] if len(_HERE.parents) > 5 else _HERE.parent  # noqa: PLR2004
_NEEDED: Final = "localstack/project_services.py"
# Credentials and addresses of an account: what runs here talks to the emulator alone.
_DROPPED: Final = ("AWS_", "WHENDUE_TOKEN", "WHENDUE_URL", "WHENDUE_PROFILE", "WHENDUE_TABLE", "WHENDUE_SECRET")


def root() -> Path:
    """Return the folder with `functions`, `localstack`, `infra` and `requirements`.

    Raises:
        ConfigurationError: this installation has none.
    """
    found = next((folder for folder in (_HERE.parents[1] / "carried", _CHECKOUT) if (folder / _NEEDED).exists()), None)
    if found is None:
        raise ConfigurationError("this installation of whendue has no dev stack; install its wheel")
    return found


def environment(project: Path, *, first: Path | None = None, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a program of the dev stack.

    Args:
        project: the project's folder, whose `.local/` holds all that is made.
        first: on the import path before all else.
        base: this process's own environment.
    """
    carried = root()
    kept = {name: value for name, value in base.items() if not name.startswith(_DROPPED)}
    sources = [] if carried != _CHECKOUT else [str(_HERE.parents[2])]
    given = base.get("PYTHONPATH", "")
    path = [*([str(first)] if first else []), str(carried), *sources, *filter(None, given.split(os.pathsep))]
    return kept | {
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), base.get("PATH", "")))),
        "PYTHONPATH": os.pathsep.join(path),
        # Nothing is written beside installed files; and code that changes twice in a second, without changing its size,
        # would be taken from the cache of the first change.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "DEV_STACK_LOCAL": str(project / ".local"),
    }
