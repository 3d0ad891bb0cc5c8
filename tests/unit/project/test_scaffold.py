"""whendue.project.scaffold: where a new project is written, and where it is not."""

from pathlib import Path

import pytest

from whendue.errors import ConfigurationError
from whendue.project.scaffold import create
from whendue.version import VERSION

FILES = {
    ".gitignore",
    "README.md",
    "infra/main.tf",
    "pyproject.toml",
    "requirements.txt",
    "tasks/__init__.py",
    "tasks/greetings.py",
    "tests/test_greetings.py",
    "whendue.toml",
}


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_project_is_written_into_a_new_folder(tmp_path: Path) -> None:
    """With its name and this version."""
    folder = tmp_path / "deep" / "my-shop"
    assert {path.as_posix() for path in create(folder)} == FILES == written(folder)
    assert (folder / "README.md").read_text().startswith("# my-shop\n")
    assert f"whendue>={VERSION}\n" in (folder / "requirements.txt").read_text()
    assert ".local/" in (folder / ".gitignore").read_text().splitlines()


def test_a_project_is_written_into_an_empty_folder(tmp_path: Path) -> None:
    """That was made before."""
    (tmp_path / "shop").mkdir()
    create(tmp_path / "shop")
    assert written(tmp_path / "shop") == FILES


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing of a user is overwritten; a second `whendue new` neither."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/.git").touch()
    with pytest.raises(ConfigurationError, match="is not empty; nothing was written"):
        create(tmp_path / "shop")
    assert written(tmp_path / "shop") == {".git"}


@pytest.mark.parametrize(
    "name", ["Shop", "1shop", "my_shop", "-shop", "shop-", "a--b", "sh op", "é", "x", "x" * 26, "..", "a\n"]
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    """Before a folder is made."""
    with pytest.raises(ConfigurationError, match="cannot be a project's name"):
        create(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    """As a file in the way of the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="file/shop: Not a directory"):
        create(tmp_path / "file" / "shop")
