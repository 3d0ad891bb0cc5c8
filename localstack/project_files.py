"""What of a project goes into the zips of functions: its own code, at its own import names."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# As for `whendue dev`, hidden files and virtual environments are left out, too.
LEFT_OUT = frozenset({"build", "conftest.py", "dist", "setup.py", "tests"})
# Code that is compiled anew; state and variables of Terraform, which hold passwords.
NEVER_PACKED = (".pyc", ".pyo", ".tfplan", ".tfstate", ".tfstate.backup", ".tfvars", ".tfvars.json")
# What a zip has at its top besides.
TAKEN = frozenset({"functions", "whendue"})
# Half of what Lambda unzips, for code and what lies beside it; and far more files than a person writes.
OWN_BYTES = 125 * 1024 * 1024
OWN_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Project:
    """A project outside of this repository.

    Args:
        folder: of the project.
        tasks: dotted names of packages whose modules declare tasks.
        requirements: a requirements file or pyproject.toml, below the folder; None: it requires nothing.
        exclude: names at the folder's top that are left out.
        aws_services: boto3's names of services beyond those of infra/topology.yaml.
        architecture: processor of the functions; None: the topology's.
        environment: variables that its modules may read when they are imported.
        skip_broken: modules that cannot be imported are packed, and their tasks are off.
        queues: queue -> the longest timeout that is accepted for its jobs, seconds; none are not checked.
    """

    folder: Path
    tasks: list[str]
    requirements: str | None = None
    exclude: tuple[str, ...] = ()
    aws_services: tuple[str, ...] = ()
    architecture: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    skip_broken: bool = False
    queues: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Packed:
    """Files for a zip.

    Args:
        files: path -> content.
        programs: paths of those that can be run; of a file's mode a zip has no more, so that all machines build the
            same one.
    """

    files: dict[str, bytes]
    programs: frozenset[str] = frozenset()

    @staticmethod
    def read(folder: Path, names: Iterable[str]) -> "Packed":
        """Read files.

        Args:
            folder: of them.
            names: their paths below it.
        """
        paths = {name: folder / name for name in names}
        programs = frozenset(name for name, path in paths.items() if path.stat().st_mode & stat.S_IXUSR)
        return Packed({name: path.read_bytes() for name, path in paths.items()}, programs)


def own_files(project: Project) -> Packed:
    """Return the files of a project's packages and modules, at their paths below its folder.

    Raises:
        RuntimeError: they are too many or too large, a package of tasks is missing, or a name is taken.
    """
    paths = [path for top in sorted(project.folder.iterdir()) if _is_packed(top, project) for path in _below(top)]
    _check_links(project, paths)
    _check_size(project, paths)
    packed = Packed.read(project.folder, (path.relative_to(project.folder).as_posix() for path in paths))
    _check_names(project, packed.files)
    return packed


def _is_packed(top: Path, project: Project) -> bool:
    if _is_left(top.name) or top.name in LEFT_OUT or top.name in project.exclude:
        return False
    if top.is_dir():
        # The Terraform root holds state and plans, and those hold passwords.
        is_other = (top / "pyvenv.cfg").exists() or any(top.glob("*.tf"))
        return not is_other and any(path.suffix == ".py" for path in _below(top))
    return top.suffix == ".py"


def _below(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
    for folder, inner, names in os.walk(top):
        inner[:] = sorted(name for name in inner if not _is_left(name))
        if linked := next((name for name in inner if Path(folder, name).is_symlink()), None):
            raise RuntimeError(
                f"{Path(folder, linked)} is a link to a folder, which is not packed: put the folder there"
            )
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and not name.endswith(NEVER_PACKED) and path.is_file():
                yield path


def _is_left(name: str) -> bool:
    return name.startswith(".") or name in ("__pycache__", "node_modules") or name.endswith(".egg-info")


def _check_links(project: Project, paths: list[Path]) -> None:
    """Refuse links that lead out of the project: what is there may be nobody else's business."""
    home = project.folder.resolve()
    if outside := next((path for path in paths if not path.resolve().is_relative_to(home)), None):
        raise RuntimeError(f"{outside.relative_to(project.folder)} is a link to a file outside of the project")


def _check_size(project: Project, paths: list[Path]) -> None:
    sizes: dict[str, int] = {}
    for path in paths:
        top = path.relative_to(project.folder).parts[0]
        sizes[top] = sizes.get(top, 0) + path.stat().st_size
    if len(paths) > OWN_FILES or sum(sizes.values()) > OWN_BYTES:
        raise RuntimeError(
            f"the project's own files are {len(paths)}, {megabytes(sum(sizes.values()))} together; at most {OWN_FILES} "
            f"and {megabytes(OWN_BYTES)}. Largest: {largest(sizes)}. Name what is not needed in project.exclude"
        )


def _check_names(project: Project, files: dict[str, bytes]) -> None:
    tops = {name.partition("/")[0].removesuffix(".py") for name in files}
    if taken := sorted(tops & TAKEN):
        raise RuntimeError(f"{', '.join(taken)}: whendue has a package of this name; rename yours, or exclude it")
    for package in project.tasks:
        path = package.replace(".", "/")
        if not any(name == f"{path}.py" or name.startswith(f"{path}/") for name in files):
            raise RuntimeError(f"project.tasks: the project has no package {package}")


def megabytes(size: int) -> str:
    """Write a number of bytes for people, in the megabytes of Lambda's limits."""
    return f"{size / 1024 / 1024:.1f} MB"


def largest(sizes: dict[str, int], count: int = 5) -> str:
    """Name the largest of some packages, with their sizes.

    Args:
        sizes: name -> bytes.
        count: how many are named.
    """
    named = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:count]
    return ", ".join(f"{name} {megabytes(size)}" for name, size in named)
