"""The plugin of pytest: the fixture `whendue_app`, and the errors of tasks in the report of a test that fails.

pytest imports this module in every project that has whendue installed: it imports the rest when the fixture is used.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from whendue.testing.app import WhendueApp

_APP = "whendue.testing.app"
SECTION = "errors of whendue's tasks"


@pytest.fixture
def whendue_app(pytestconfig: pytest.Config) -> "Iterator[WhendueApp]":
    """Yield a whole whendue in memory: the project's tasks and queues, and the tasks of modules that tests import.

    The project is the one whose whendue.toml is in pytest's root folder. `delay` and the like of tasks submit to it.
    """
    from whendue.testing.app import WhendueApp
    from whendue.testing.tasks import discover_project

    app = WhendueApp(own_queues=discover_project(pytestconfig.rootpath))
    # The client is an extra; a test can do without it.
    with app.in_force() if find_spec("httpx") else nullcontext():
        yield app


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what tasks have raised in a test that has failed: a worker records it, and goes on."""
    report = yield
    if report.failed and _APP in sys.modules:
        report.sections += [(SECTION, text) for text in _errors_in(item) if text]
    return report


def _errors_in(item: pytest.Item) -> list[str]:
    """Return the errors of each WhendueApp among the fixtures of a test."""
    app_class = sys.modules[_APP].WhendueApp
    fixtures = getattr(item, "funcargs", {}).values()
    return [fixture.errors for fixture in fixtures if isinstance(fixture, app_class)]
