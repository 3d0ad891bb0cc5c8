"""What is kept of what an attempt logs: bounds, and messages that cannot be shown."""

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.declarations.attempt_log import AttemptLog, LogLine, line_of_record, read_lines
from whendue.errors import Interrupted
from whendue.quotas import LOG_BYTES, LOG_FIRST_LINES, LOG_LAST_LINES, LOG_MESSAGE_BYTES

LINES = LOG_FIRST_LINES + LOG_LAST_LINES


def line(message: str) -> LogLine:
    return LogLine(1, "INFO", "l", message)


def record(msg: Any, *args: Any, exc_info: Any = None, name: str = "shop", level: int = logging.INFO) -> Any:
    return logging.LogRecord(name, level, "file", 1, msg, args, exc_info)


def shown(msg: Any, *args: Any, exc_info: Any = None) -> str:
    return line_of_record(record(msg, *args, exc_info=exc_info), 7).message


@given(st.lists(st.text(max_size=300), max_size=2 * LINES))
def test_the_first_and_the_last_lines_are_kept_and_the_others_counted(messages: list[str]) -> None:
    """In order, with the gap at the place that is named, within the bounds; nothing is dropped that had room."""
    messages = [message.encode(errors="replace").decode() for message in messages]
    log = AttemptLog()
    for message in messages:
        log.add(line(message))
    kept = log.close()
    lines = [each.message for each in read_lines(kept.text)]
    first, last = lines[: kept.dropped_after], lines[kept.dropped_after :]
    assert len(lines) + kept.dropped == len(messages)
    assert len(lines) <= LINES
    assert len(kept.text.encode()) <= LOG_BYTES + 2
    assert first == messages[: len(first)]
    assert last == messages[len(messages) - len(last) :]
    if len(messages) <= LINES and sum(len(json.dumps(m).encode()) + 50 for m in messages) <= LOG_BYTES // 2:
        assert kept.dropped == 0


def test_the_last_lines_have_the_larger_share_of_the_bytes() -> None:
    """They are more often those that say what went wrong."""
    log = AttemptLog()
    for number in range(LINES):
        log.add(line(f"{number:04d}" + "x" * 1000))
    kept = log.close()
    assert 0 < kept.dropped_after < len(read_lines(kept.text)) / 2
    assert read_lines(kept.text)[-1].message.startswith(f"{LINES - 1:04d}")


def test_a_line_after_the_end_is_ignored() -> None:
    """A task that did not stop goes on logging."""
    log = AttemptLog()
    log.add(line("a"))
    log.close()
    log.add(line("b"))
    assert [each.message for each in read_lines(log.close().text)] == ["a"]


class Fails:
    """Has no text."""

    def __init__(self, error: type[BaseException]) -> None:
        self._error = error

    def __str__(self) -> str:
        raise self._error

    __repr__ = __str__


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, RecursionError])
def test_a_message_without_a_text_fails_nothing(error: type[BaseException]) -> None:
    """Neither as the message nor as an argument."""
    assert shown(Fails(error)) == f"Fails (cannot be formatted: {error.__name__})"
    assert shown("a %s b", Fails(error)) == f"a %s b (cannot be formatted: {error.__name__})"
    assert shown("a %r b", Fails(error)) == f"a %r b (cannot be formatted: {error.__name__})"


def test_an_interrupt_is_not_a_message() -> None:
    """It ends the task, also where it strikes inside of a message."""
    with pytest.raises(Interrupted):
        shown("%s", Fails(Interrupted))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("%d %s", "%d %s (cannot be formatted: TypeError)"),
        ("a\x00b\x1b[31mc\x7f", "a b [31mc "),
        ("half \ud800 pair", "half   pair"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        (b"\xff\x00", "b'\\xff\\x00'"),
        (None, "None"),
        ("", ""),
    ],
)
def test_odd_messages_are_text_that_can_be_stored(message: Any, text: str) -> None:
    """Terminals and the table can show what is kept."""
    args = ("x",) if message == "%d %s" else ()
    assert shown(message, *args) == text


@pytest.mark.parametrize("letter", ["a", "é", "日", "😀", '"'])
def test_a_huge_message_is_cut(letter: str) -> None:
    """At a character, to its bytes."""
    text = shown(letter * 1_000_000)
    assert len(text.encode()) <= LOG_MESSAGE_BYTES
    assert text.endswith("…")


def test_names_are_lines_of_bounded_length() -> None:
    """A logger and a level may have any name."""
    made = record("x", name="n\n" * 500)
    made.levelname = "\x00" * 500
    kept = line_of_record(made, 7)
    assert len(kept.logger.encode()) <= 128
    assert len(kept.level.encode()) <= 16
    assert "\n" not in kept.logger + kept.level


def test_a_record_of_nothing_fails_nothing() -> None:
    """A library may make one by hand."""
    made = record("x")
    made.levelname = None
    assert line_of_record(made, 7) == LogLine(7, "ERROR", "", "(the line cannot be shown: TypeError)")


def raises() -> None:
    raise ValueError("no")


def test_a_logged_exception_shows_where_it_was_raised() -> None:
    """As an attempt's error does: without sources and values."""
    try:
        raises()
    except ValueError:
        text = shown("it failed", exc_info=sys.exc_info())
    message, error, *frames = text.split("\n")
    assert (message, error) == ("it failed", "ValueError: no")
    assert frames[0] == f"  at {__name__}:raises:{raises.__code__.co_firstlineno + 1}"
    assert len(frames) == 2
    assert shown("x", exc_info=(None, None, None)) == "x"
