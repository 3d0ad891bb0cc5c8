"""`whendue terraform`: the Terraform module of this version in a project, and once a root that calls it.

Files of the module are whendue's, and refreshed; `.whendue.json` beside them holds their hashes, by which a change by
hand is noticed. All other files are the project's, and never changed.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from whendue.errors import ConfigurationError
from whendue.project import carried
from whendue.project.scaffold import rendered
from whendue.project.settings import load
from whendue.project.variables import variables
from whendue.version import VERSION

OUTPUT: Final = "infra"
MODULE: Final = "whendue"
SETTINGS: Final = "settings.json"
MARK: Final = ".whendue.json"
ROOT_FILE: Final = "main.tf"
MANIFEST: Final = ".local/build/manifest.json"
# State, provider with its exact version, and credentials are the root's.
_NOT_IN_MODULE: Final = frozenset({"provider.tf", "versions_override.tf"})
_PATH: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_NOTE: Final = "Written by `whendue terraform`, which replaces no file that was changed by hand."
# Files that a message names.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh has changed.

    Args:
        written: files, relative to the project.
        removed: files of an earlier version, relative to the project.
        unused: variables that whendue.toml sets, and that no file of the root mentions.
    """

    written: list[str]
    removed: list[str]
    unused: list[str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A refresh of a module's folder.

    Args:
        written: path below the folder -> content, of files that are missing or differ.
        removed: paths of files that this version does not have.
        foreign: paths of files that are neither as written before nor as they would be now.
    """

    written: dict[str, bytes]
    removed: list[str]
    foreign: list[str]


def refresh(project: Path, output: str = OUTPUT, *, force: bool = False) -> Refreshed:
    """Write or refresh the module of a project; write a root where the folder has no Terraform files yet.

    Args:
        project: its folder.
        output: the root's folder, inside of the project; the module is in `whendue` below it.
        force: replace files of the module that were changed by hand.

    Raises:
        ConfigurationError: whendue.toml is not valid, a file of the module was changed by hand, or a file cannot be
            read or written.
    """
    values = variables(load(project))
    root = _root(project, output)
    module = root / MODULE
    wanted = _wanted(values)
    try:
        plan = _plan(module, wanted)
        if plan.foreign and not force:
            raise ConfigurationError(_refusal(f"{output}/{MODULE}", plan.foreign))
        _carry_out(plan, module)
        _write(module / MARK, _mark(wanted))
        started = _start_root(project, root)
        unused = _unused(root, values)
    except OSError as error:
        raise ConfigurationError(f"{error.filename or root}: {error.strerror}") from error
    below = module.relative_to(project)
    return Refreshed(
        written=[*started, *(str(below / name) for name in sorted(plan.written))],
        removed=[str(below / name) for name in plan.removed],
        unused=unused,
    )


def outdated(project: Path) -> list[str]:
    """Return the folders of Terraform roots whose settings are not those of whendue.toml, relative to the project.

    Roots are found by what `refresh` wrote into them, in whichever folders.

    Raises:
        ConfigurationError: whendue.toml is not valid.
    """
    wanted = _settings(variables(load(project)))
    return [output for output in _outputs(project) if (project / output / MODULE / SETTINGS).read_bytes() != wanted]


def _outputs(project: Path) -> Iterator[str]:
    for folder, inner, _ in os.walk(project):
        # As for what is packed: hidden folders, and what tools install, hold nothing of the project's own.
        inner[:] = sorted(
            name
            for name in inner
            if not name.startswith(".") and name != "node_modules" and not Path(folder, name, "pyvenv.cfg").exists()
        )
        module = Path(folder, MODULE)
        if (module / MARK).is_file() and (module / SETTINGS).is_file():
            yield Path(folder).relative_to(project).as_posix()


def _root(project: Path, output: str) -> Path:
    path = Path(output)
    if path.is_absolute() or ".." in path.parts or path == Path():
        raise ConfigurationError(f"{output}: the output must be a folder inside of the project")
    return project / path


def _wanted(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of the module: path below its folder -> content."""
    infra = carried.root() / "infra"
    sources = [*(infra / "terraform").glob("*.tf"), *(infra / "terraform/modules").glob("*/*.tf")]
    sources += [infra / "topology.yaml", infra / "permissions.yaml"]
    files = {
        path.relative_to(infra).as_posix(): path.read_bytes() for path in sources if path.name not in _NOT_IN_MODULE
    }
    return files | {SETTINGS: _settings(values)}


def _settings(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=2, sort_keys=True).encode() + b"\n"


def _plan(module: Path, wanted: Mapping[str, bytes]) -> _Plan:
    known = _known(module)
    current = {name: _digest_of(module / name) for name in sorted(wanted.keys() | known.keys())}
    digests = {name: _digest(data) for name, data in wanted.items()}
    return _Plan(
        written={name: data for name, data in wanted.items() if current[name] != digests[name]},
        removed=[name for name, digest in current.items() if name not in wanted and digest is not None],
        foreign=[
            name
            for name, digest in current.items()
            if digest is not None and digest not in (digests.get(name), known.get(name))
        ],
    )


def _known(module: Path) -> dict[str, str]:
    """Return the hashes of the files that were written before; none where that cannot be read."""
    try:
        files = json.loads((module / MARK).read_bytes())["files"]
        return {name: digest for name, digest in files.items() if _PATH.fullmatch(name) and isinstance(digest, str)}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str | None:
    return _digest(path.read_bytes()) if path.is_file() else None


def _refusal(module: str, foreign: list[str]) -> str:
    more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
    names = f"{', '.join(foreign[:_NAMED])}{more}"
    return f"{module}: changed by hand: {names}; nothing was written. --force replaces them"


def _carry_out(plan: _Plan, module: Path) -> None:
    for name, data in plan.written.items():
        _write(module / name, data)
    for name in plan.removed:
        (module / name).unlink()


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(data)
    draft.replace(path)


def _mark(wanted: Mapping[str, bytes]) -> bytes:
    files = {name: _digest(data) for name, data in sorted(wanted.items())}
    return json.dumps({"note": _NOTE, "version": VERSION, "files": files}, indent=2).encode() + b"\n"


def _start_root(project: Path, root: Path) -> list[str]:
    """Write the root, once; return its file."""
    if any(root.glob("*.tf")):
        return []
    path = root / ROOT_FILE
    _write(path, rendered(f"infra/{ROOT_FILE}", manifest=_manifest_from(root, project)).encode())
    return [str(path.relative_to(project))]


def _manifest_from(root: Path, project: Path) -> str:
    return Path(os.path.relpath(project / MANIFEST, root)).as_posix()


def _unused(root: Path, values: Mapping[str, Any]) -> list[str]:
    """Name the variables with a value that the root does not hand to the module."""
    text = "\n".join(path.read_text(errors="replace") for path in sorted(root.glob("*.tf")))
    return [name for name, value in values.items() if value and not re.search(rf"\bsettings\.{name}\b", text)]
