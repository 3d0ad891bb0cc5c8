"""Isolation by child processes: they answer, die, hang and are told to go down; the worker goes on."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.waiting import eventually
from whendue.adapters.child_processes import READY, ChildProcess, ChildProcesses
from whendue.engine.ports import BatchResult, ReceivedMessage

FOREVER_MS = 4_000_000_000_000


@pytest.fixture
def children() -> Iterator[ChildProcesses]:
    """Have room for two."""
    made = ChildProcesses(2, "tests.builders.child")
    yield made
    for child in list(made._running):
        child.kill()


def begun(children: ChildProcesses, what: str) -> ChildProcess:
    child = children.start(ReceivedMessage("m-1", "r-1", what, 2, "normal"), FOREVER_MS)
    assert child
    return child


def ended(child: ChildProcess) -> BatchResult | None:
    eventually(lambda: child.ended(0.5))
    return child.worked()


def test_what_became_of_the_message_is_known(children: ChildProcesses) -> None:
    """Settled, or to stay in its queue."""
    assert ended(begun(children, "succeeds")) == ([], {"succeeds": 1})
    assert ended(begun(children, "leaves")) == (["m-1"], {"leaves": 1})


def test_one_that_dies_before_it_begins_did_not_die_of_its_message(children: ChildProcesses) -> None:
    """Of the former the job is innocent."""
    early, later = begun(children, "dies early"), begun(children, "dies")
    assert (ended(early), early.begun()) == (None, False)
    assert (ended(later), later.begun()) == (None, True)


def test_what_a_task_does_to_its_process_does_not_reach_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A task that cleared the environment stopped all isolated jobs of its worker for as long as it lived."""
    monkeypatch.setenv("SEEN", "as it was")
    before = Path.cwd()
    children = ChildProcesses(1, "tests.builders.child")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    for name in list(os.environ):
        monkeypatch.delenv(name)
    assert ended(begun(children, "shows its surroundings")) == ([], {"as it was": 1, str(before): 1})


@pytest.mark.parametrize("what", ["dies", "signals its group"])
def test_one_that_dies_is_noticed_and_takes_nobody_with_it(children: ChildProcesses, what: str) -> None:
    """G10: the process that dies is the job's alone."""
    neighbour = begun(children, "drained")
    assert ended(begun(children, what)) is None
    children.drain(17)
    eventually(lambda: neighbour.ended(0.5))


def test_there_are_no_more_than_may_be_and_an_end_makes_room(children: ChildProcesses) -> None:
    """Memory is bounded."""
    first, second = begun(children, "hangs"), begun(children, "hangs")
    message = ReceivedMessage("m-2", "r-2", "succeeds", 2, "normal")
    assert children.start(message, FOREVER_MS) is None
    assert not first.ended(0)
    first.kill()
    assert first.ended(0)
    assert first.worked() is None
    assert ended(begun(children, "succeeds"))
    second.kill()


def test_what_a_child_leaves_behind_is_not_waited_for(children: ChildProcesses) -> None:
    """A task may have started a daemon."""
    child = begun(children, "leaves one behind")
    assert ended(child) == ([], {"leaves one behind": 1})


def test_child_processes_are_asked_to_drain_when_the_worker_goes_down(children: ChildProcesses) -> None:
    """They give back what still runs then."""
    child = begun(children, "drained")
    children.drain(1_234)
    eventually(lambda: child.ended(0.5))
    assert json.loads(child._answer.removeprefix(READY)) == {"drain_ms": 1_234}


def test_a_system_that_refuses_a_process_leaves_room_as_it_was(
    children: ChildProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many times as it likes."""
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        for _ in range(3):
            assert children.start(ReceivedMessage("m-1", "r-1", "succeeds", 2, "normal"), FOREVER_MS) is None
    assert ended(begun(children, "succeeds"))
