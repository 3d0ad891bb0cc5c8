"""whendue.manifest.packed: modules that functions do not have are not found, whoever asks for them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from whendue.declarations.discovery import NotPackedError
from whendue.manifest.packed import Packed, PackedFinder


@contextmanager
def finding(packed: Packed, folder: Path) -> Iterator[PackedFinder]:
    """Let the finder be asked first, in a folder of a project's own files."""
    finder = PackedFinder(packed, folder)
    sys.meta_path.insert(0, finder)
    try:
        yield finder
    finally:
        sys.meta_path.remove(finder)


def imported(folder: Path, source: str) -> None:
    """Run a file of the project."""
    path = folder / "own.py"
    path.write_text(source)
    exec(compile(source, str(path), "exec"), {"__name__": "own"})


@pytest.mark.parametrize("name", ["whendue.client", "whendue.client.flows.sending", "whendue.project.stream"])
def test_a_module_that_is_absent_is_not_found_by_anybody(tmp_path: Path, name: str) -> None:
    """Nor are those below it; the message says what to write instead."""
    packed = Packed(("whendue.client", "whendue.project.stream"))
    with finding(packed, tmp_path) as finder, pytest.raises(NotPackedError, match=r"ctx\.submit or \.delay") as raised:
        finder.find_spec(name)
    assert raised.value.name == name


def test_a_name_that_only_begins_like_one_is_found(tmp_path: Path) -> None:
    """`whendue.client` is absent, and `whendue.clients` is another one."""
    with finding(Packed(("whendue.client",)), tmp_path) as finder:
        finder.find_spec("whendue.clients")
        finder.find_spec("whendue")


def test_a_project_finds_what_is_packed_and_what_python_has(tmp_path: Path) -> None:
    """Its own modules, too; a package that it lacks is named only where it is here."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/__init__.py").touch()
    sys.modules.pop("typer", None)
    with finding(Packed((), ("pydantic",)), tmp_path):
        imported(tmp_path, "import pydantic, json, sqlite3")
        with pytest.raises(NotPackedError, match="functions do not have typer, which is installed here"):
            imported(tmp_path, "import typer")
        with pytest.raises(ModuleNotFoundError) as raised:
            imported(tmp_path, "import nowhere_at_all")
        assert type(raised.value) is ModuleNotFoundError
        with pytest.raises(ModuleNotFoundError) as raised:
            imported(tmp_path, "import mine")
        assert type(raised.value) is ModuleNotFoundError, "its folder is on no path here, and it is not refused"


def test_a_library_finds_what_is_installed(tmp_path: Path) -> None:
    """Whether it needs a module may depend on the version of Python: this test is no file of the project."""
    sys.modules.pop("typer", None)
    with finding(Packed((), ("pydantic",)), tmp_path):
        import typer
    assert typer


def test_without_a_list_of_packages_all_are_found(tmp_path: Path) -> None:
    """As for this repository's own tasks."""
    sys.modules.pop("typer", None)
    with finding(Packed(("whendue.client",)), tmp_path):
        imported(tmp_path, "import typer")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """By the process that describes."""
    path = tmp_path / "packed.json"
    for packed in (Packed(), Packed(("a",), ("b",))):
        packed.write(path)
        read = Packed.read(path)
        assert (list(read.absent), read.installed and list(read.installed)) == (
            list(packed.absent),
            packed.installed and list(packed.installed),
        )
