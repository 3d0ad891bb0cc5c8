"""whendue.testing.task_logs: the `logging` of a test process is as before."""

import logging

import pytest

from whendue.declarations.log_capture import TO_ATTEMPT
from whendue.testing.task_logs import captured


def test_logging_is_as_before() -> None:
    """Also after an error."""
    root = logging.getLogger()
    root.removeHandler(TO_ATTEMPT)
    root.setLevel(logging.ERROR)
    try:
        with pytest.raises(RuntimeError), captured(logging.INFO):
            assert TO_ATTEMPT in root.handlers
            assert root.level == logging.INFO
            raise RuntimeError
        assert root.level == logging.ERROR
        assert TO_ATTEMPT not in root.handlers
    finally:
        root.setLevel(logging.WARNING)


def test_a_test_sees_the_logs_that_it_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """`caplog` gets what it gets without whendue."""
    with captured(logging.INFO):
        logging.getLogger("shop").info("quiet")
        logging.getLogger("shop").warning("loud")
    assert [record.message for record in caplog.records] == ["loud"]


def test_a_capture_that_was_before_stays() -> None:
    """A worker's own."""
    root = logging.getLogger()
    with captured(logging.INFO):
        with captured(logging.INFO):
            pass
        assert TO_ATTEMPT in root.handlers
