"""whendue.testing.recording: tasks of the process, noted and replaced, without a change to the process's registry."""

from typing import Any

import pytest

from tests.builders import kit_tasks as tasks
from whendue import task
from whendue.declarations.registry import TASKS, Registry
from whendue.errors import UnknownChannelError, UnknownTaskError
from whendue.testing.recording import RecordingRegistry
from whendue.testing.runs import Runs
from whendue.testing.tasks import discover_shipped


@pytest.fixture
def registry() -> RecordingRegistry:
    discover_shipped()
    return RecordingRegistry(TASKS, Runs(lambda: 0))


def test_a_task_is_that_of_the_source(registry: RecordingRegistry) -> None:
    """With all its options."""
    found, known = registry.get("demo.kit.end"), TASKS.get("demo.kit.end")
    assert (found.policy, found.payload, found.function) == (known.policy, known.payload, known.function)
    assert registry.names_of(tasks.end.function) == ["demo.kit.end"]
    assert "demo.kit.end" in registry.names()
    assert registry.may_have("demo.kit.end")


def test_a_task_that_is_declared_later_is_known(registry: RecordingRegistry) -> None:
    """A test may import its module after the fixture was made."""
    source = Registry()
    late = RecordingRegistry(source, Runs(lambda: 0))
    task("demo.kit.late", registry=source)(tasks.undeclared)
    assert late.get("demo.kit.late").function is tasks.undeclared


def test_a_replaced_task_stays_in_the_process(registry: RecordingRegistry) -> None:
    """For the next test, and it can be replaced again."""
    for word in ("first", "second"):
        registry.replace("demo.kit.double", lambda _, word=word: word)
        assert registry.get("demo.kit.double").function(None) == word
    assert TASKS.get("demo.kit.double").function is tasks.double.function


@pytest.mark.parametrize(
    ("function", "takes_context"),
    [
        (lambda p: p, False),
        (lambda p, ctx: p, True),
        (lambda p, ctx=None: p, True),
        (lambda *args: args, True),
        (str, False),
    ],
)
def test_a_function_gets_the_context_if_it_takes_it(
    registry: RecordingRegistry, function: Any, *, takes_context: bool
) -> None:
    """As a task does."""
    registry.replace("demo.kit.double", function)
    assert registry.get("demo.kit.double").takes_context == takes_context


def test_shipped_tasks_do_nothing(registry: RecordingRegistry) -> None:
    """Only a workflow is what it is: it calls nothing outside."""
    for name in ("http", "email", "lambda", "notify.webhook"):
        assert registry.get(name).function(None) is None
    assert registry.get("workflow").expands == "workflow"


def test_what_is_missing_is_named(registry: RecordingRegistry) -> None:
    """As in the registry of the process."""
    with pytest.raises(UnknownTaskError, match=r"demo\.kit\.doble"):
        registry.get("demo.kit.doble")
    with pytest.raises(UnknownTaskError):
        registry.replace("demo.kit.doble", str)
    with pytest.raises(UnknownChannelError):
        registry.channel("pigeon")
    assert registry.channel("webhook").name == "webhook"
    assert registry.failures == TASKS.failures
