"""localstack/project_files.py: what of a project is packed, and what is not."""

from pathlib import Path

import pytest

from localstack import project_files
from localstack.project_files import Project, largest, own_files

PACKED = {
    "helpers.py",
    "shop/__init__.py",
    "shop/prices.csv",
    "shop/tasks/__init__.py",
    "shop/tasks/orders.py",
    "tasks/orders.py",
}
LEFT = {
    ".env",
    ".local/build/x.py",
    ".venv/lib/x.py",
    "conftest.py",
    "env/lib/x.py",
    "env/pyvenv.cfg",
    "infra/main.tf",
    "node_modules/x.py",
    "notebooks/x.py",
    "requirements.txt",
    "shop.egg-info/x.py",
    "shop/.env",
    "shop/.hidden/x.py",
    "shop/__pycache__/orders.cpython-313.pyc",
    "shop/prices.pyc",
    "tests/test_orders.py",
    "whendue.toml",
}


def project(folder: Path, *paths: str, tasks: tuple[str, ...] = ("tasks",)) -> Project:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return Project(folder, list(tasks), exclude=("notebooks",))


def test_packages_and_modules_are_packed_at_their_own_import_names(tmp_path: Path) -> None:
    """What `whendue dev` runs must be there on AWS, too: helpers and data beside the tasks."""
    files = own_files(project(tmp_path, *PACKED, *LEFT, tasks=("tasks", "shop.tasks"))).files
    assert set(files) == PACKED
    assert files["shop/prices.csv"] == b"shop/prices.csv"


def test_a_package_of_tasks_that_is_missing_is_named(tmp_path: Path) -> None:
    """Every function would fail to start."""
    with pytest.raises(RuntimeError, match=r"project\.tasks: the project has no package shop\.tasks"):
        own_files(project(tmp_path, "tasks/a.py", "shop/tasksy.py", tasks=("tasks", "shop.tasks")))


def test_a_module_can_be_a_package_of_tasks(tmp_path: Path) -> None:
    """A small project has one file."""
    assert set(own_files(project(tmp_path, "tasks.py")).files) == {"tasks.py"}


@pytest.mark.parametrize("path", ["whendue/x.py", "functions.py"])
def test_a_name_that_whendue_has_is_refused(tmp_path: Path, path: str) -> None:
    """It would replace files of whendue in the zip."""
    with pytest.raises(RuntimeError, match="whendue has a package of this name"):
        own_files(project(tmp_path, "tasks/a.py", path))


def test_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of data beside the code, and its name is in the message."""
    made = project(tmp_path, "tasks/a.py", "lib/x.py")
    with (tmp_path / "lib/data.bin").open("wb") as file:
        file.truncate(project_files.OWN_BYTES)
    with pytest.raises(RuntimeError, match=r"Largest: lib 125\.0 MB, tasks 0\.0 MB"):
        own_files(made)
    (tmp_path / "lib/data.bin").unlink()
    monkeypatch.setattr(project_files, "OWN_FILES", 1)
    with pytest.raises(RuntimeError, match="own files are 2"):
        own_files(made)


@pytest.mark.parametrize("link", ["tasks/link", "tasks/link.json", "lib", "link.py"])
def test_a_link_that_leads_out_of_the_project_is_refused(tmp_path: Path, link: str) -> None:
    """Into a home folder, for instance; and what is not packed without a word is missed on AWS only."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.py").touch()
    made = project(tmp_path / "shop", "tasks/a.py")
    target = tmp_path / "outside" if "." not in link else tmp_path / "outside/secret.py"
    (tmp_path / "shop" / link).symlink_to(target)
    with pytest.raises(RuntimeError, match="is a link to a f"):
        own_files(made)


def test_a_link_to_a_file_of_the_project_is_packed(tmp_path: Path) -> None:
    """As the file that it is."""
    made = project(tmp_path / "shop", "tasks/a.py")
    (tmp_path / "shop/tasks/b.py").symlink_to(tmp_path / "shop/tasks/a.py")
    assert set(own_files(made).files) == {"tasks/a.py", "tasks/b.py"}


def test_state_and_variables_of_terraform_are_never_packed(tmp_path: Path) -> None:
    """They hold passwords, and change with each apply; also where a script stands beside them."""
    never = ["infra/main.tf", "infra/plan", "infra/scripts/seed.py", "tasks/a.tfstate", "tasks/prod.tfvars"]
    assert set(own_files(project(tmp_path / "shop", "tasks/a.py", *never)).files) == {"tasks/a.py"}


def test_the_largest_are_named_first() -> None:
    """Five of them, the same ones each time."""
    sizes = {name: 2**20 * size for name, size in zip("abcdef", (1, 3, 3, 9, 2, 1), strict=True)}
    assert largest(sizes) == "d 9.0 MB, b 3.0 MB, c 3.0 MB, e 2.0 MB, a 1.0 MB"
