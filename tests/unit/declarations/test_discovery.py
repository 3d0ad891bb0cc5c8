"""One bad task file takes down its own tasks, and nothing else."""

import json
import sys
from collections.abc import Callable, Iterator
from copy import copy
from itertools import count
from pathlib import Path

import pytest

from tests.builders.exceptions import BUILT_IN
from whendue.declarations.registry import TASKS, Registry, discover
from whendue.errors import ConfigurationError, UnknownTaskError

NUMBERS = count()
HEAD = """
from pydantic import BaseModel
from whendue import task

class Order(BaseModel):
    number: int = 7
"""
GOOD = (
    HEAD
    + """
@task("{name}")
def run(payload: Order) -> int:
    return payload.number
"""
)
Files = Callable[..., Registry]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """Discover a package of the given files, beside one with a good task on each side of them."""
    package = f"tasks_{next(NUMBERS)}"
    # What is imported for the first time while a test runs would be forgotten with what the test declares.
    for name in discover("whendue.tasks").all_names():
        TASKS.get(name)
    kept = {name: copy(value) for name, value in vars(TASKS).items()}
    monkeypatch.syspath_prepend(tmp_path)

    def make(**sources: str) -> Registry:
        (tmp_path / package).mkdir()
        good = {"__init__": "", "a_good": GOOD.format(name="good.first"), "z_good": GOOD.format(name="good.last")}
        for name, source in (good | sources).items():
            (tmp_path / package / f"{name}.py").write_text(source)
        return discover(package)

    yield make
    vars(TASKS).update(kept)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


BROKEN: dict[str, tuple[str, str, int]] = {
    "ImportError": ("import a_package_that_is_not_there", "ModuleNotFoundError", 0),
    "SyntaxError": ("\n\ndef (:\n", "SyntaxError", 3),
    "NUL": ("a = '\0'", "SyntaxError", 0),
    "recursion": ("def deep():\n    deep()\ndeep()", "RecursionError", 2),
    "exit": ("import sys\nsys.exit(1)", "SystemExit", 2),
    "half": (GOOD.format(name="bad.first") + "\n1 / 0", "ZeroDivisionError", 12),
    "an option": (HEAD + "\n@task('bad.first', retries=3)\ndef run(payload: Order): ...", "ConfigurationError", 8),
    "a model": (
        HEAD + "\nclass Half(BaseModel):\n    rest: 'Nowhere'\n@task('bad.first')\ndef run(payload: Half): ...",
        "ConfigurationError",
        0,
    ),
}


@pytest.mark.parametrize(("source", "error", "line"), BROKEN.values(), ids=BROKEN)
def test_a_module_that_fails_takes_its_own_tasks_down(files: Files, source: str, error: str, line: int) -> None:
    """Those before and after it are there; it is remembered, with its error and its line."""
    registry = files(bad=source)
    assert registry.get("good.first").call({}, None) == registry.get("good.last").call({}, None) == 7  # type: ignore[arg-type]
    [failed] = registry.failures
    assert failed.module.endswith(".bad")
    assert failed.error_type == error
    assert "bad.py" in failed.where or not line
    assert not line or failed.where.endswith(f"bad.py:{line}")
    with pytest.raises(UnknownTaskError, match=rf"{failed.module}"):
        registry.get("bad.first")


@pytest.mark.parametrize("name", BUILT_IN)
def test_whatever_a_module_raises_at_import(files: Files, name: str) -> None:
    """Code of users may raise anything, also what is no Exception."""
    registry = files(
        bad=GOOD.format(name="bad.first")
        + f"\nfrom tests.builders.exceptions import BUILT_IN\nraise BUILT_IN[{name!r}]"
    )
    assert [failed.error_type for failed in registry.failures] == [name]
    assert registry.names()
    assert {"good.first", "good.last"} <= set(registry.names())
    assert "bad.first" not in registry.names(), "half of a module is none of it"


def test_the_log_line_says_where_and_never_what_an_error_said(files: Files) -> None:
    """The words of an exception may quote a secret; ours say what to write."""
    registry = files(bad="raise RuntimeError('hunter2')", worse=HEAD + "task('worse', retries=3)")
    bad, worse = (json.loads(failed.log_line()) for failed in registry.failures)
    assert (bad["level"], bad["message"], bad["error_type"]) == ("ERROR", "task module failed", "RuntimeError")
    assert bad["where"].endswith("bad.py:1")
    assert "hunter2" not in str(bad)
    assert "max_attempts=4" in worse["detail"]


def test_a_name_declared_in_two_files_names_both_and_neither_runs(files: Files) -> None:
    """The tasks beside them live."""
    registry = files(
        m_one=GOOD.format(name="twice") + "\ntask('only.one')(run)", m_two=GOOD.format(name="twice"), m_two_more=""
    )
    [failed] = registry.failures
    assert failed.module.endswith(".m_two")
    assert "m_one.py" in failed.detail
    assert "m_two.py" in failed.detail
    with pytest.raises(UnknownTaskError) as caught:
        registry.get("twice")
    assert ".m_one" in str(caught.value)
    assert ".m_two" in str(caught.value)
    assert registry.get("only.one")
    assert registry.get("good.last")


def test_a_shipped_task_is_not_put_off_by_a_file_of_users(files: Files) -> None:
    """It is the file that is mistaken."""
    discover("whendue.tasks")
    registry = files(bad=GOOD.format(name="http"))
    assert registry.get("http").location.module == "whendue.tasks.http"  # type: ignore[union-attr]
    assert [failed.module.rpartition(".")[2] for failed in registry.failures] == ["bad"]


def test_odd_file_names_work_or_are_named(files: Files) -> None:
    """A module is imported by its name, which need not be an identifier."""
    registry = files(**{"class": GOOD.format(name="a.keyword"), "1x": GOOD.format(name="a.digit"), "a.b": ""})
    assert {"a.keyword", "a.digit"} <= set(registry.names())
    assert [(failed.module.partition(".")[2], failed.detail) for failed in registry.failures] == [
        ("a.b", "a dot in its file's name")
    ]


def test_a_module_that_needs_a_broken_one_is_broken_too_unless_it_can_do_without(files: Files) -> None:
    """What the broken one had declared stays away, however often it is imported."""
    bad = GOOD.format(name="bad.first") + "\n1 / 0"
    registry = files(
        bad=bad,
        b_needs="from . import bad\n" + GOOD.format(name="needs"),
        c_tries="try:\n    from . import bad\nexcept Exception:\n    bad = None\n" + GOOD.format(name="tries"),
    )
    assert {failed.module.rpartition(".")[2] for failed in registry.failures} == {"bad", "b_needs"}
    assert "tries" in registry.names()
    assert not {"bad.first", "needs"} & set(registry.names())


def test_a_helper_that_a_broken_module_used_is_not_taken_along(files: Files) -> None:
    """A task belongs to the module whose import declares it, whoever made its function."""
    helper = HEAD + "\ndef make(name):\n    @task(name)\n    def run(payload: Order): ...\n\nmake('helper.own')\n"
    registry = files(helper=helper, bad="from .helper import make\nmake('bad.made')\n1 / 0")
    assert "helper.own" in registry.names()
    assert "bad.made" not in registry.names()


def test_a_package_that_is_not_there_is_a_misspelt_setting() -> None:
    """As of old: it is refused at start, in every process."""
    for name in ("nowhere.to.be.found", "tests.nowhere"):
        with pytest.raises(ConfigurationError, match=name):
            discover("", " ", name, registry=Registry())


def test_a_package_that_fails_is_a_failure_like_any_other(files: Files) -> None:
    """Its file is one of users', too."""
    registry = files(__init__="import nowhere_at_all")
    [failed] = registry.failures
    assert (failed.error_type, failed.where.rpartition("/")[2]) == ("ModuleNotFoundError", "__init__.py:1")


def test_many_failures_are_named_in_a_short_answer(files: Files) -> None:
    """An answer is bounded, however much is broken."""
    registry = files(**{f"bad_{number}": "1 / 0" for number in range(30)})
    with pytest.raises(UnknownTaskError, match="and 25 more"):
        registry.get("x")
