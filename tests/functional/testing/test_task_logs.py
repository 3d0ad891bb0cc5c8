"""whendue.testing.task_logs: the `logging` of a test process is as before."""

import logging
from collections.abc import Iterator
from typing import Never

import pytest

from whendue.declarations.log_capture import TO_ATTEMPT
from whendue.testing.task_logs import captured


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Let nothing be captured yet, and errors alone be logged."""
    root = logging.getLogger()
    level = root.level
    root.removeHandler(TO_ATTEMPT)
    root.setLevel(logging.ERROR)
    yield root
    root.setLevel(level)


def fails(root: logging.Logger) -> Never:
    assert TO_ATTEMPT in root.handlers
    assert root.level == logging.INFO
    raise RuntimeError


def test_logging_is_as_before(root: logging.Logger) -> None:
    """Also after an error."""
    with pytest.raises(RuntimeError), captured(logging.INFO):
        fails(root)
    assert root.level == logging.ERROR
    assert TO_ATTEMPT not in root.handlers


def test_a_test_sees_the_logs_that_it_asked_for(caplog: pytest.LogCaptureFixture, root: logging.Logger) -> None:
    """`caplog` gets what it gets without whendue."""
    root.setLevel(logging.WARNING)
    with captured(logging.INFO):
        logging.getLogger("shop").info("quiet")
        logging.getLogger("shop").warning("loud")
    assert [record.message for record in caplog.records] == ["loud"]


def test_a_capture_that_was_before_stays(root: logging.Logger) -> None:
    """A worker's own."""
    with captured(logging.INFO):
        with captured(logging.INFO):
            pass
        assert TO_ATTEMPT in root.handlers
