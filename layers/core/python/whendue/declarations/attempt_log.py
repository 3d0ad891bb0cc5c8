"""What one attempt logs: its first lines and its last ones, bounded in number and in bytes."""

import json
import logging
from collections import deque
from collections.abc import Iterable
from itertools import count
from typing import Final, NamedTuple

from whendue.errors import Interrupted
from whendue.jobs.failures import Raised, clip, line_of, raised, said, type_name
from whendue.quotas import LOG_BYTES, LOG_FIRST_LINES, LOG_LAST_LINES, LOG_MESSAGE_BYTES
from whendue.support.text import NOT_IN_LINES

# Bytes of the names of a logger and of a level.
_LOGGER_BYTES: Final = 128
_LEVEL_BYTES: Final = 16


class LogLine(NamedTuple):
    """One line of a log; `at_ms` is ms UTC."""

    at_ms: int
    level: str
    logger: str
    message: str


class KeptLines(NamedTuple):
    """What is kept of a log.

    Args:
        text: the lines as JSON, each an array of the fields of `LogLine`; oldest first.
        dropped: how many lines were left out.
        dropped_after: the number of lines before those.
    """

    text: str
    dropped: int
    dropped_after: int


class AttemptLog:
    """The lines of one attempt. Threads may share it: no lock is held that an interrupted one could keep."""

    def __init__(self) -> None:
        """Begin with none."""
        self._first: list[LogLine] = []
        self._last: deque[LogLine] = deque(maxlen=LOG_LAST_LINES)
        self._numbers = count()
        self._is_closed = False

    def add(self, line: LogLine) -> None:
        """Add a line; one that comes after the end is ignored."""
        if self._is_closed:
            return
        number = next(self._numbers)
        if number < LOG_FIRST_LINES:
            self._first.append(line)
        else:
            self._last.append(line)

    def close(self) -> KeptLines:
        """End the log and return what is kept of it."""
        self._is_closed = True
        added = next(self._numbers)
        texts = list(map(_text, self._first.copy()))
        # The last lines get the larger share: they are more often those that say what went wrong.
        first = _fitting(texts, LOG_BYTES // 4)
        rest = [*texts[len(first) :], *map(_text, self._last.copy())]
        last = _fitting(reversed(rest), LOG_BYTES - sum(map(_size, first)))[::-1]
        return KeptLines(f"[{','.join([*first, *last])}]", added - len(first) - len(last), len(first))


def _text(line: LogLine) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _size(text: str) -> int:
    # And the comma.
    return len(text.encode()) + 1


def _fitting(texts: Iterable[str], size: int) -> list[str]:
    """Return the first of some texts that have `size` bytes together."""
    fitting = list[str]()
    for text in texts:
        size -= _size(text)
        if size < 0:
            break
        fitting.append(text)
    return fitting


def read_lines(text: str) -> list[LogLine]:
    """Read lines as they are kept.

    Raises:
        TypeError, ValueError: they are none.
    """
    return [LogLine(*fields) for fields in json.loads(text)]


def line_of_record(record: logging.LogRecord, now_ms: int) -> LogLine:
    """Make a line of a record: users' code may be behind its message, and raise anything."""
    try:
        return LogLine(
            now_ms, line_of(record.levelname, _LEVEL_BYTES), line_of(record.name, _LOGGER_BYTES), _message(record)
        )
    except Interrupted:
        raise
    except BaseException as error:  # noqa: BLE001 - a task does not fail of what it logs
        return LogLine(now_ms, "ERROR", "", f"(the line cannot be shown: {type_name(error)})")


def _message(record: logging.LogRecord) -> str:
    text = _formatted(record)
    error = record.exc_info[1] if record.exc_info else None
    # No more of it is looked at than can be left of it.
    shown = str.__getitem__(text, slice(LOG_MESSAGE_BYTES + 1))
    if error is not None:
        shown = "\n".join([clip(shown, LOG_MESSAGE_BYTES // 2), *_lines_of(error)])
    return clip(NOT_IN_LINES.sub(" ", shown), LOG_MESSAGE_BYTES)


def _formatted(record: logging.LogRecord) -> str:
    """Return a record's message with its arguments, or why they do not fit: an own `__str__` may fail, too."""
    try:
        return record.getMessage()
    except Interrupted:
        raise
    except BaseException as error:  # noqa: BLE001 - the line is of use without them
        template = record.msg if type(record.msg) is str else type_name(record.msg)
        return f"{template[:LOG_MESSAGE_BYTES]} (cannot be formatted: {type_name(error)})"


def _lines_of(error: BaseException) -> list[str]:
    """Show the error that a record carries: its kind, its words, and its frames, innermost first."""
    origin: Raised = raised(error)
    frames = (origin.stack or origin.where).split("\n")
    return [f"{type_name(error)}: {said(error)}", *(f"  at {frame}" for frame in reversed(frames) if frame)]
