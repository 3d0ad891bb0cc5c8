"""whendue.testing.plugin: what pytest does with it, in projects of users."""

import os
from pathlib import Path

import pytest

from localstack.paths import ROOT
from whendue.project.scaffold import create

pytest_plugins = ["pytester"]

LOADED = ("-p", "whendue.testing.plugin", "-p", "no:cacheprovider", "-W", "error")


@pytest.fixture(autouse=True)
def _whendue_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(ROOT / "layers/core/python")
    monkeypatch.setenv("PYTHONPATH", path + os.pathsep + os.environ.get("PYTHONPATH", ""))


def test_the_fixture_has_the_tasks_of_the_project(pytester: pytest.Pytester) -> None:
    """A new project's own tests pass, without any configuration."""
    create(pytester.path / "shop")
    os.chdir(pytester.path / "shop")
    result = pytester.runpytest_subprocess(*LOADED)
    result.assert_outcomes(passed=2)


HEAVY = """
from pydantic import BaseModel
from whendue import task
from whendue.testing import WhendueApp, run_task

class Payload(BaseModel):
    n: int = 0

@task("shop.rebuild", queue="heavy", timeout_s=590)
def rebuild(payload: Payload) -> int:
    return payload.n

def test_that_a_job_goes_there(whendue_app):
    job = whendue_app.submit(rebuild, {"n": 2})
    whendue_app.run_until_idle()
    assert (whendue_app.job(job).queue, whendue_app.job(job).result) == ("heavy", 2)
    assert whendue_app.submit("greetings.send", {"name": "Ada"}, queue="heavy").queue == "heavy"

def test_an_attempt():
    assert run_task(rebuild, {"n": 3}) == 3
"""


def test_the_fixture_has_the_queues_of_the_project(pytester: pytest.Pytester) -> None:
    """A task on one of them is tested as any other; one attempt of it needs no project."""
    create(pytester.path / "shop")
    os.chdir(pytester.path / "shop")
    with Path("whendue.toml").open("a") as file:
        file.write("\n[queues.heavy]\ntimeout_s = 600\n")
    Path("tests/test_heavy.py").write_text(HEAVY)
    pytester.runpytest_subprocess(*LOADED).assert_outcomes(passed=4)
    pytester.makepyfile(test_alone=HEAVY)
    pytester.runpytest_subprocess(*LOADED, "-k", "an_attempt", str(pytester.path / "test_alone.py")).assert_outcomes(
        passed=1, deselected=1
    )


BROKEN = """
from pydantic import BaseModel
from whendue import task

class Payload(BaseModel):
    n: int = 0

@task("shop.broken")
def broken(payload: Payload) -> None:
    raise LookupError("the shelf is empty")

def test_that_fails(whendue_app):
    whendue_app.submit(broken)
    whendue_app.run_until_idle()
    assert whendue_app.submitted[0].state == "succeeded"

def test_that_passes(whendue_app):
    whendue_app.submit(broken)
    whendue_app.run_until_idle()
    assert whendue_app.submitted[0].state == "dead"

def test_of_something_else():
    assert 1 == 2

def test_that_is_interrupted_by_its_task(whendue_app):
    import pytest
    whendue_app.replace(broken, lambda _: pytest.skip("no shelf"))
    whendue_app.submit(broken)
    whendue_app.advance(0)
"""


def test_a_failed_test_shows_what_tasks_raised(pytester: pytest.Pytester) -> None:
    """A task that fails would look like one that was never called; a test that passes shows nothing."""
    pytester.makepyfile(BROKEN)
    result = pytester.runpytest_subprocess(*LOADED)
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    result.stdout.fnmatch_lines(["*errors of whendue's tasks*", "shop.broken, attempt 4 at 2027-01-15T*"])
    result.stdout.fnmatch_lines(["LookupError: the shelf is empty"])
    assert str(result.stdout).count("errors of whendue's tasks") == 1


def test_a_failed_assertion_points_to_the_line_of_the_test(pytester: pytest.Pytester) -> None:
    """Not into the code of whendue."""
    pytester.makepyfile("def test_it(whendue_app):\n    whendue_app.assert_submitted('http')\n")
    result = pytester.runpytest_subprocess(*LOADED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError: expected at least 1 job of http, found 0; 0 submitted:"])
    result.stdout.no_fnmatch_line("*app.py:*")


def test_tests_without_the_fixture_import_nothing(pytester: pytest.Pytester) -> None:
    """The plugin is loaded in every project that has whendue installed."""
    pytester.makepyfile(
        "import sys\n"
        "def test_it():\n"
        "    ours = {name for name in sys.modules if name.startswith('whendue')}\n"
        "    assert ours == {'whendue', 'whendue.testing', 'whendue.testing.plugin'}\n"
        "    assert 'pydantic' not in sys.modules\n"
    )
    pytester.runpytest_subprocess(*LOADED).assert_outcomes(passed=1)


DELAYS = """
from pydantic import BaseModel
from whendue import task

class Payload(BaseModel):
    n: int = 0

@task("shop.count")
def count(payload: Payload) -> int:
    return payload.n + 1

def test_what_is_delayed_runs(whendue_app):
    handle = count.delay(n=4)
    whendue_app.assert_submitted(count, {"n": 4}, times=1)
    assert handle.result() == 5

def test_the_next_test_has_its_own(whendue_app):
    whendue_app.assert_not_submitted(count)
"""


def test_delay_submits_to_the_fixture(pytester: pytest.Pytester) -> None:
    """Code under test is given no client."""
    pytester.makepyfile(DELAYS)
    pytester.runpytest_subprocess(*LOADED).assert_outcomes(passed=2)


def test_the_fixture_needs_no_client(pytester: pytest.Pytester) -> None:
    """Httpx is an extra."""
    pytester.makeconftest("import sys\nsys.modules['httpx'] = None\n")
    pytester.makepyfile("def test_it(whendue_app):\n    whendue_app.advance(60)\n    assert whendue_app.ran == []\n")
    pytester.runpytest_subprocess(*LOADED).assert_outcomes(passed=1)


def test_a_users_own_fixture_is_shown_too(pytester: pytest.Pytester) -> None:
    """Of whatever name."""
    own = "import pytest\nfrom whendue.testing import WhendueApp\n\n"
    own += "@pytest.fixture\ndef mine():\n    return WhendueApp()\n"
    pytester.makepyfile(own + BROKEN.replace("(whendue_app)", "(mine)").replace("whendue_app.", "mine."))
    result = pytester.runpytest_subprocess(*LOADED, "-k", "fails")
    result.stdout.fnmatch_lines(["*errors of whendue's tasks*", "LookupError: the shelf is empty"])
