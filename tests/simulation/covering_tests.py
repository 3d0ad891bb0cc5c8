"""Which tests can notice which mutant, and running them in a process that a mutant has been put into.

All of it happens in one session of pytest: tests are imported and collected once, and forks of its process run them.
"""

import bisect
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from itertools import accumulate
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import pytest

from tests.builders.exceptions import UNSHRUNK
from tests.simulation.coverage import watch
from tests.simulation.timeouts import forked, limited, value_of

T = TypeVar("T")
TESTS = Path(__file__).parents[1]
# `-s`: what the session does itself is shown.
OPTIONS = ("-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist")
# A test needs a few seconds at most.
TEST_CPU_S = 30
# And if it waits, for a few seconds.
TEST_WAIT_S = 60
CPU_S = 1200


class CoveringTest(NamedTuple):
    """A test that reaches a mark, and the seconds of CPU that it takes without any mutant."""

    item: pytest.Item
    cpu_s: float


def in_session(files: Collection[str], use: Callable[[Sequence[pytest.Item]], T]) -> T:
    """Collect tests, and do something with them instead of running them.

    Args:
        files: below `tests`.
        use: gets the tests; it may fork this process and run them there.

    Raises:
        RuntimeError: the tests cannot be collected, or `use` raised.
    """
    session = _Session(use)
    os.environ[UNSHRUNK] = "1"
    # The session reports to nobody; what `use` prints is shown.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        code = pytest.main([*OPTIONS, *(str(TESTS / name) for name in files)], plugins=[session])
    if not session.done:
        raise RuntimeError(f"pytest ended with {code}") from session.error
    return session.done[0]


def reached_by_tests(items: Sequence[pytest.Item], marks: Collection[str]) -> Mapping[str, list[CoveringTest]]:
    """Run tests as they are; return them by the marks that they reach, the quickest first.

    Raises:
        RuntimeError: a test fails without any mutant.
    """
    by_name = {item.nodeid: item for item in items}
    calls = value_of(forked(lambda: _calls(items, marks), CPU_S))
    tests: defaultdict[str, list[CoveringTest]] = defaultdict(list)
    for name, (cpu_s, seen) in sorted(calls.items(), key=lambda entry: entry[1][0]):
        for mark in seen:
            tests[mark].append(CoveringTest(by_name[name], cpu_s))
    return tests


def _calls(items: Sequence[pytest.Item], marks: Collection[str]) -> dict[str, tuple[float, set[str]]]:
    """Run tests in this process; return the CPU seconds of each, and the marks that it reaches."""
    seen: set[str] = set()
    watch(seen, marks)
    calls: dict[str, tuple[float, set[str]]] = {}
    begun_s = time.process_time()
    for name, failure in _run(items, TEST_CPU_S):
        if failure:
            raise RuntimeError(f"{name} fails without any mutant: {failure}")
        calls[name] = (time.process_time() - begun_s, set(seen))
        seen.clear()
        begun_s = time.process_time()
    return calls


def split_at(tests: Sequence[CoveringTest], cpu_s: float) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Split tests into the first ones, which take so many seconds of CPU together, and the others."""
    taken = list(accumulate(test.cpu_s for test in tests))
    number = bisect.bisect_right(taken, cpu_s)
    return [test.item for test in tests[:number]], [test.item for test in tests[number:]]


def failing(items: Sequence[pytest.Item], *, cpu_s: float = TEST_CPU_S) -> Iterator[str]:
    """Run tests in this process, which shows nothing any more; yield those that fail or do not end.

    Args:
        items: of a session.
        cpu_s: what a test may take, seconds of CPU.
    """
    yield from (name for name, failure in _run(items, cpu_s) if failure)


def file_of(name: str) -> str:
    """Return the file, below `tests`, of a test."""
    return name.partition("::")[0].removeprefix("tests/")


def _run(items: Sequence[pytest.Item], cpu_s: float) -> Iterator[tuple[str, str]]:
    """Run tests one after the other; yield the name of each and how it failed, empty if it did not."""
    _show_nothing()
    notes = _Failures(cpu_s)
    if items:
        items[0].config.pluginmanager.register(notes)
    for item, following in zip(items, [*items[1:], None], strict=False):
        notes.failure = ""
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except (KeyboardInterrupt, pytest.exit.Exception) as error:
            # They end a session: a task that raises one must not end its worker.
            notes.failure = f"interrupted by {error!r}"
        yield item.nodeid, notes.failure


def _show_nothing() -> None:
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)


class _Session(Generic[T]):
    """A pytest plugin that does something else with the tests than running them.

    It leaves out those that take many seconds, and of the contract's tests those that need servers.
    """

    def __init__(self, use: Callable[[Sequence[pytest.Item]], T]) -> None:
        self.done: list[T] = []
        self.error: Exception | None = None
        self._use = use
        self._shown = sys.stdout

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        quick = [item for item in items if item.get_closest_marker("thorough") is None]
        items[:] = [item for item in quick if "/contract/" not in str(item.path) or "memory" in item.name]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        try:
            with redirect_stdout(self._shown):
                self.done.append(self._use(session.items))
        except Exception as error:  # noqa: BLE001 - the caller gets it
            self.error = error
        return True


class _Failures:
    """A pytest plugin that notes how a test failed, and lets none run for ever."""

    def __init__(self, cpu_s: float) -> None:
        self.failure = ""
        self._cpu_s = cpu_s

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        with limited(self._cpu_s, TEST_WAIT_S):
            yield

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failure = report.longreprtext[-500:] or "failed"
