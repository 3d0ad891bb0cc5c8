"""whendue.manifest.model: the file, whose it is, and the registry that is made of it."""

import json
from pathlib import Path

import pytest

from whendue.declarations.described import DescribedTask
from whendue.declarations.discovery import ModuleFailure
from whendue.declarations.registry import Registry
from whendue.errors import ConfigurationError, UnknownTaskError
from whendue.manifest.model import NAME, SETTING, VERSION, Manifest, find, read
from whendue.quotas import MANIFEST_BYTES

WHOLE = Manifest(
    packages=("shop.tasks",),
    tasks=(
        DescribedTask("a.b", "shop.tasks.a", "Do it.", {"max_attempts": 3, "jitter": "none"}, True, {"a": 1}, {}),
        DescribedTask("c", "shop.tasks.c"),
    ),
    channels={"pager": "shop.tasks.pager"},
    unavailable={"d": "its module shop.tasks.d could not be imported"},
    failures=(ModuleFailure("shop.tasks.d", "KeyError", "shop/tasks/d.py:3"),),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def test_what_is_written_is_read(path: Path) -> None:
    """And the same tasks give the same bytes: a zip that holds them is not built again."""
    WHOLE.write(path)
    assert read(path) == WHOLE
    assert read(path).to_json() == path.read_bytes() == WHOLE.to_json()
    assert list(path.parent.iterdir()) == [path]


def test_a_manifest_becomes_a_registry() -> None:
    """All that API and timer ask of one."""
    registry = Registry()
    WHOLE.register(registry)
    assert registry.names() == ["a.b", "c"]
    assert registry.all_names() == ["a.b", "c", "notify.pager"]
    assert registry.find("a.b").policy == {"max_attempts": 3, "jitter": "none"}
    assert [failed.module for failed in registry.failures] == ["shop.tasks.d"]
    with pytest.raises(UnknownTaskError, match=r"its module shop\.tasks\.d could not be imported"):
        registry.find("d")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        json.dumps(json.loads(WHOLE.to_json()) | {"version": VERSION + 1}).encode(),
        json.dumps(json.loads(WHOLE.to_json()) | {"tasks": [{"nom": "a"}]}).encode(),
        json.dumps(json.loads(WHOLE.to_json()) | {"tasks": None}).encode(),
        b"[" * 100_000,
    ],
    ids=["empty", "no text", "a list", "null", "no fields", "another version", "another field", "no tasks", "deep"],
)
def test_what_is_no_manifest_is_refused_by_its_name(path: Path, content: bytes) -> None:
    """And not with an error of Python's that names a field."""
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=NAME):
        read(path)


def test_a_missing_or_overlong_file_is_refused(path: Path) -> None:
    """A process reads no file without an end."""
    with pytest.raises(ConfigurationError, match="No such file"):
        read(path)
    path.write_bytes(b" " * (MANIFEST_BYTES + 1))
    with pytest.raises(ConfigurationError, match="has over"):
        read(path)


def test_what_no_process_would_read_is_not_written(path: Path) -> None:
    """The build fails, and not the deployment."""
    large = Manifest(("p",), tasks=[DescribedTask("a", "p.a", schema={"title": "x" * MANIFEST_BYTES})])
    with pytest.raises(ConfigurationError, match="at most"):
        large.write(path)
    assert list(path.parent.iterdir()) == []


# --- which one ----------------------------------------------------------------------------------------------------


def test_the_one_that_is_named_is_taken(path: Path) -> None:
    """Whatever lies beside the code."""
    named = path.with_name("named.json")
    WHOLE.write(named)
    Manifest(("shop.tasks",)).write(path)
    assert find({SETTING: str(named)}, [str(path.parent)], ["shop.tasks"]) == WHOLE


def test_the_one_beside_the_code_is_taken(path: Path) -> None:
    """The first on the path of imports, as with modules."""
    WHOLE.write(path)
    assert find({}, ["/nowhere", str(path.parent)], ["shop.tasks"]) == WHOLE
    assert find({}, ["/nowhere"], ["shop.tasks"]) is None


def test_one_of_other_packages_is_not_taken(path: Path) -> None:
    """An image made of ours may bring its own tasks: ours would hide them. One that is named is a mistake, then."""
    WHOLE.write(path)
    assert find({}, [str(path.parent)], ["other.tasks"]) is None
    with pytest.raises(ConfigurationError, match=r"shop\.tasks, and not of other\.tasks"):
        find({SETTING: str(path)}, [], ["other.tasks"])
