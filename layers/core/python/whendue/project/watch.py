"""Which files of a project have changed."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchfiles import Change, DefaultFilter, watch

from whendue.project.settings import FILE, SECRETS_FILE

# Changes that follow each other this closely are one, in milliseconds: an editor may write a file in several steps.
STEP_MS: Final = 30
DEBOUNCE_MS: Final = 300
_TESTS: Final = "tests"


class SourceFilter(DefaultFilter):
    """Lets changes of Python files, whendue.toml, .env and the requirements pass.

    Those of tests, hidden folders and environments do not.

    Args:
        project: its folder.
        requirements: returns the file with what the project requires, relative to the folder.
    """

    def __init__(self, project: Path, requirements: Callable[[], str]) -> None:
        """Ignore nothing yet but what every tool ignores."""
        super().__init__()
        self._project = project
        self._requirements = requirements

    def __call__(self, change: Change, path: str) -> bool:
        """Return whether a change is one of sources."""
        try:
            parts = Path(path).relative_to(self._project).parts
        except ValueError:
            return False
        if parts in ((FILE,), (SECRETS_FILE,), Path(self._requirements()).parts):
            return True
        if not parts or parts[0] == _TESTS or any(part.startswith(".") for part in parts):
            return False
        if (self._project / parts[0] / "pyvenv.cfg").exists():
            return False
        # Other files may be what tasks write.
        return path.endswith(".py") and super().__call__(change, path)


def follow(
    project: Path, changed: Callable[[set[Path]], None], stop: threading.Event, requirements: Callable[[], str]
) -> None:
    """Report changes of a project's sources until an event is set.

    Args:
        project: its folder, resolved.
        changed: takes the paths, relative to the folder.
        stop: ends it.
        requirements: returns the file with what the project requires, relative to the folder.
    """
    changes = watch(
        project,
        watch_filter=SourceFilter(project, requirements),
        stop_event=stop,
        step=STEP_MS,
        debounce=DEBOUNCE_MS,
        rust_timeout=500,
        raise_interrupt=False,
    )
    for found in changes:
        changed({Path(path).relative_to(project) for _, path in found})
