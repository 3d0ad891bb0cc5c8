"""The task manifest: its file, and how it becomes a registry."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from whendue.declarations.described import DescribedTask
from whendue.declarations.discovery import ModuleFailure
from whendue.declarations.registry import DELIVERIES, MANIFEST_SETTING, Registry
from whendue.errors import ConfigurationError
from whendue.quotas import MANIFEST_BYTES

# Goes up when an older whendue cannot read the file, or a newer one needs more of it.
VERSION: Final = 1
# Names the file; without it, the first file of this name on the path of imports is read.
SETTING: Final = MANIFEST_SETTING
NAME: Final = "whendue_tasks.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The tasks of some packages, as one import of all their modules has found them.

    Args:
        packages: what WHENDUE_TASKS named.
        tasks: by name; those that whendue ships are among them.
        channels: channel of users -> the module that declares it, which API and notifier import when it is used.
        unavailable: name of a task that cannot be had -> why.
        failures: the modules that could not be imported.
    """

    packages: Sequence[str]
    tasks: Sequence[DescribedTask] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    failures: Sequence[ModuleFailure] = ()

    def register(self, registry: Registry) -> None:
        """Make the tasks and channels known to a registry, without an import."""
        for described in self.tasks:
            registry.describe(described)
        for channel, module in self.channels.items():
            registry.defer(f"{DELIVERIES}{channel}", module)
        for name, reason in self.unavailable.items():
            registry.lose(name, reason)
        for lost in self.failures:
            registry.failed(lost)

    def to_json(self) -> bytes:
        """Return the file's content; the same tasks give the same bytes.

        Raises:
            ConfigurationError: it is larger than any process reads.
        """
        document = {"version": VERSION} | asdict(self)
        # An older whendue knows neither unique keys nor queues of one's own: it reads the file of tasks without them.
        newer = ("unique", "queue")
        document["tasks"] = [{k: v for k, v in each.items() if k not in newer or v} for each in document["tasks"]]
        data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        if len(data) > MANIFEST_BYTES:
            raise ConfigurationError(f"the task manifest has {len(data)} bytes; at most {MANIFEST_BYTES}")
        return data

    def write(self, path: Path) -> None:
        """Write the file whole or not at all: a process may be reading it.

        Raises:
            ConfigurationError: it is larger than any process reads.
            OSError: it cannot be written.
        """
        draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
        try:
            draft.write_bytes(self.to_json())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ConfigurationError: it cannot be read, or it was written by another version; the message names the file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MANIFEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"the task manifest {path} cannot be read: {error.strerror}") from error
    if len(data) > MANIFEST_BYTES:
        raise ConfigurationError(f"the task manifest {path} has over {MANIFEST_BYTES} bytes")
    try:
        return _manifest(json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        again = f"WHENDUE_TASKS=... python -m whendue.manifest.describe {path.name}"
        problem = f"is damaged, or was written by another version of whendue; write it again: {again}"
        raise ConfigurationError(f"the task manifest {path} {problem}") from error


def find(environment: Mapping[str, str], folders: Iterable[str], packages: Sequence[str]) -> Manifest | None:
    """Return the manifest of these packages; None if none is named, and none of them lies beside the code.

    Args:
        environment: of the process.
        folders: where its modules are imported from, the first one first.
        packages: whose tasks it is to know; none: those of the manifest that is named, if one is.

    Raises:
        ConfigurationError: the one that is named cannot be read, or is of other packages.
    """
    if named := environment.get(SETTING):
        manifest = read(Path(named))
        if packages and list(manifest.packages) != list(packages):
            problem = f"{SETTING} names a manifest of {', '.join(manifest.packages)}, and not of {', '.join(packages)}"
            raise ConfigurationError(f"{problem}: write it again, or correct WHENDUE_TASKS")
        return manifest
    if not packages:
        return None
    path = next((path for folder in folders if (path := Path(folder, NAME)).is_file()), None)
    beside = read(path) if path else None
    # An image that is made of another one may bring packages of its own, and no manifest of them.
    return beside if beside and list(beside.packages) == list(packages) else None


def _manifest(document: Mapping[str, Any]) -> Manifest:
    if document["version"] != VERSION:
        raise ValueError("another version")
    return Manifest(
        packages=tuple(document["packages"]),
        tasks=tuple(DescribedTask(**described) for described in document["tasks"]),
        channels=dict(document["channels"]),
        unavailable=dict(document["unavailable"]),
        failures=tuple(ModuleFailure(**lost) for lost in document["failures"]),
    )
