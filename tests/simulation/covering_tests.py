"""Which tests pass through which function, and running them in a process that a mutant has been put into."""

import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.builders.exceptions import EVERY
from tests.simulation.coverage import watch
from tests.simulation.timeouts import forked, limited, value_of

TESTS = Path(__file__).parents[1]
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist")
PASSED, FAILED, INTERRUPTED = 0, 1, 2
# A test needs a few seconds at most.
TEST_CPU_S = 30
CPU_S = 1200


def load(files: Collection[str]) -> None:
    """Import these files of tests, which takes a while: every fork of this process has them then."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        code = pytest.main([*OPTIONS, "--collect-only", *_paths(files)])
    if code != PASSED:
        raise RuntimeError(f"pytest ended with {code}")


def reached_by_tests(files: Collection[str]) -> Mapping[str, list[str]]:
    """Run tests as they are; return the tests' names by the `module:function` that they call, the quickest first.

    Raises:
        RuntimeError: a test fails without any mutant.
    """
    calls = value_of(forked(lambda: _calls(files), CPU_S))
    tests: defaultdict[str, list[str]] = defaultdict(list)
    for name, (_, locations) in sorted(calls.items(), key=lambda entry: entry[1][0]):
        for location in locations:
            tests[location].append(name)
    return tests


def _calls(files: Collection[str]) -> dict[str, tuple[float, set[str]]]:
    calls = _Calls()
    watch(calls.seen)
    _show_nothing()
    code = pytest.main([*OPTIONS, *_paths(files)], plugins=[_InMemory(), calls])
    if code != PASSED:
        raise RuntimeError(f"pytest ended with {code} on the code as it is: {calls.failures}")
    return calls.by_test


def failing(files: Sequence[str], names: Sequence[str] = (), *, cpu_s: float = TEST_CPU_S) -> Iterator[str]:
    """Run tests in this process, which shows nothing any more; yield the first that fails or does not end.

    Args:
        files: below `tests`.
        names: of these files' tests, in this order; all of them if none is named.
        cpu_s: what a test may take, seconds of CPU.
    """
    _show_nothing()
    notes = _Failures(cpu_s)
    plugins: list[object] = [notes]
    if names:
        # Whatever `make test` leaves out: the names choose.
        os.environ[EVERY] = "1"
        plugins.append(_Chosen(names))
    code = pytest.main([*OPTIONS, *_paths(files)], plugins=plugins)
    if code in (FAILED, INTERRUPTED):
        yield next(iter(notes.names), "a test cannot be collected")
    elif code != PASSED:
        raise RuntimeError(f"pytest ended with {code}")


def file_of(name: str) -> str:
    """Return the file, below `tests`, of a test."""
    return name.partition("::")[0].removeprefix("tests/")


def _paths(files: Collection[str]) -> list[str]:
    return [str(TESTS / name) for name in files]


def _show_nothing() -> None:
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)


class _InMemory:
    """A pytest plugin that leaves out those of the contract's tests that need servers."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if "/contract/" not in str(item.path) or "memory" in item.name]


class _Calls:
    """A pytest plugin that notes what each test calls and how long it takes, in seconds."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.by_test: dict[str, tuple[float, set[str]]] = {}
        self.failures: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.seen.clear()
        begun_s = time.process_time()
        answer = yield
        self.by_test[item.nodeid] = (time.process_time() - begun_s, set(self.seen))
        return answer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failures.append(f"{report.nodeid}: {report.longreprtext[-500:]}")


class _Chosen:
    """A pytest plugin that keeps some tests, in a certain order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._order = {name: number for number, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = [item for item in items if item.nodeid in self._order]
        items[:] = sorted(known, key=lambda item: self._order[item.nodeid])


class _Failures:
    """A pytest plugin that notes what failed, and lets nothing run for ever."""

    def __init__(self, cpu_s: float) -> None:
        self.names: list[str] = []
        self._cpu_s = cpu_s

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        with limited(self._cpu_s):
            yield

    def pytest_runtest_logreport(self, report: object) -> None:
        if getattr(report, "failed", False):
            self.names.append(getattr(report, "nodeid", "?"))
