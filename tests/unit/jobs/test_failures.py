"""Failures: where an error was raised."""

import pytest

from whendue.jobs.failures import where_raised


def inner() -> None:
    raise RuntimeError("no")


def test_an_error_was_raised_in_its_innermost_frame() -> None:
    """Users look for it there: what called it is the same for many."""
    with pytest.raises(RuntimeError) as caught:
        inner()
    assert where_raised(caught.value) == f"{__name__}:inner:{inner.__code__.co_firstlineno + 1}"


def test_an_error_that_was_never_raised_was_raised_nowhere() -> None:
    """A task may return one."""
    assert where_raised(RuntimeError("no")) == ""
