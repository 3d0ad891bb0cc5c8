"""whendue.testing.runs: what a task did is noted, whatever it did, and shown within bounds."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from whendue.support.timestamps import EPOCH
from whendue.testing.runs import ERROR_CHARACTERS, ERRORS_SHOWN, Runs, errors_text, moment

CONTEXT: Any = SimpleNamespace(attempt=2, job_id="a-job", tenant="acme")


def raises(error: BaseException) -> Any:
    raise error


def test_a_run_is_noted_with_its_result() -> None:
    """And with the payload as it was, whatever the call does with it."""
    runs, payload = Runs(lambda: 5000), {"items": [1]}

    def call() -> str:
        payload["items"].append(2)
        return "done"

    assert runs.record("a.task", payload, CONTEXT, call) == "done"
    [run] = runs.every
    assert (run.task, run.payload, run.attempt, run.job_id, run.tenant) == (
        "a.task",
        {"items": [1]},
        2,
        "a-job",
        "acme",
    )
    assert (run.at, run.result, run.error) == (EPOCH + timedelta(seconds=5), "done", None)
    assert runs.failed == []


def test_an_error_is_noted_and_raised() -> None:
    """The worker decides what becomes of it."""
    runs, error = Runs(lambda: 0), ValueError("bad")
    with pytest.raises(ValueError, match="bad"):
        runs.record("a.task", {}, CONTEXT, lambda: raises(error))
    assert [run.error for run in runs.failed] == [error]
    runs.raise_interrupt()


def test_an_interrupt_is_raised_once_more_for_the_test() -> None:
    """The worker has caught it; a second time would end a later test."""
    runs = Runs(lambda: 0)
    with pytest.raises(KeyboardInterrupt):
        runs.record("a.task", {}, CONTEXT, lambda: raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        runs.raise_interrupt()
    runs.raise_interrupt()


def test_many_long_errors_are_shown_within_bounds() -> None:
    """The newest ones, each from its end, where the reason is."""
    runs = Runs(lambda: 0)
    for number in range(50):
        with pytest.raises(ValueError, match="x"):
            runs.record("a.task", {}, CONTEXT, partial(raises, ValueError(f"{'x' * 100_000} {number}")))
    text = errors_text(runs.failed)
    assert text.startswith(f"({50 - ERRORS_SHOWN} earlier errors)\n\n")
    assert " 49\n" in text
    assert " 44\n" not in text
    assert len(text) < ERRORS_SHOWN * (ERROR_CHARACTERS + 200)


def test_an_error_that_cannot_be_shown_hides_no_other() -> None:
    """Its text is code of users."""

    class Broken(Exception):  # noqa: N818 - a name of users
        def __str__(self) -> str:
            raise RuntimeError

    runs = Runs(lambda: 0)
    for error in (Broken(), ValueError("bad")):
        with pytest.raises(type(error)):
            runs.record("a.task", {}, CONTEXT, partial(raises, error))
    assert errors_text(runs.failed).endswith("ValueError: bad\n")


def test_no_errors_are_no_text() -> None:
    """A report has no empty section."""
    assert errors_text([]) == ""


def test_times_are_in_utc() -> None:
    """To the millisecond."""
    assert moment(1_800_000_000_001).isoformat() == "2027-01-15T08:00:00.001000+00:00"
