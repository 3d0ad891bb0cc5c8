"""Records of the standard `logging` that a task makes go to its attempt; nothing more is printed than without it.

Which attempt a record belongs to is in a context variable: records of jobs that run side by side never mix, also where
they are coroutines of one thread. Threads that a task starts begin without it, as they do with all context variables.
"""

import logging
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final, Protocol


class Attempt(Protocol):
    """What keeps the records."""

    @property
    def job_id(self) -> str:
        """The job's id."""

    @property
    def attempt(self) -> int:
        """The number of the attempt."""

    def note(self, record: logging.LogRecord) -> None:
        """Keep a record. Does not fail."""


# What boto3 logs below INFO has the headers of its requests, with the session token of the worker's role.
_AWS_LOGGERS: Final = ("boto3", "botocore", "s3transfer")
# The attempt that runs here; None outside of tasks.
CURRENT: Final = ContextVar["Attempt | None"]("whendue_attempt", default=None)


class _OurLevel(int):
    """The root logger's level as set here: a later one of the same number, set by users, is another object."""


class _Unprinted(logging.Filter):
    """Keeps from other handlers what only the lower level of the root logger lets through."""

    def __init__(self) -> None:
        """Begin with nothing lowered."""
        super().__init__()
        self.level = _OurLevel(logging.NOTSET)
        self.former_level = logging.NOTSET

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record would be there without us."""
        is_ours = logging.root.level is self.level and _nearest_level(record.name) is self.level
        return record.levelno >= self.former_level or not is_ours


class _ToAttempt(logging.Handler):
    """Hands records to the attempt that they are made in; gets those of all levels, as the last resort needs them."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        super().__init__()
        self.kept_level = logging.INFO

    def createLock(self) -> None:  # noqa: N802 - the name in logging
        """Need no lock: an interrupted task could leave it locked, for all tasks."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Note a record. Without any other handler, Python's last resort prints it, as if this one was not there."""
        attempt = CURRENT.get()
        if attempt is not None and self._keeps(record):
            # What is logged while the record is made text belongs to nobody: it could go on without an end.
            token = CURRENT.set(None)
            try:
                attempt.note(record)
            finally:
                CURRENT.reset(token)
        last = logging.lastResort
        if last and record.levelno >= last.level and record.name != TASK_LOGGER.name and _is_alone(record.name):
            last.handle(record)
        return True

    def _keeps(self, record: logging.LogRecord) -> bool:
        least = logging.INFO if record.name.partition(".")[0] in _AWS_LOGGERS else logging.NOTSET
        return record.levelno >= max(self.kept_level, least)


class _TaskLogger(logging.Logger):
    """A logger that `logging` does not list: no configuration of users disables it or takes its handler."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name in logging
        """Return whether a level is logged; nothing is remembered, as only listed loggers are made to forget."""
        return level >= self.level and level > self.manager.disable


class AttemptLogger(logging.LoggerAdapter[logging.Logger]):
    """The logger of one attempt, `ctx.log`: its records are kept, and printed nowhere. Any thread may use it."""

    def __init__(self, attempt: Attempt) -> None:
        """Log to an attempt."""
        super().__init__(TASK_LOGGER, {})
        self._attempt = attempt

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Leave everything as it is."""
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message, as all other methods do through this one."""
        token = CURRENT.set(self._attempt)
        try:
            super().log(level, msg, *args, **kwargs)
        finally:
            CURRENT.reset(token)


TO_ATTEMPT: Final = _ToAttempt()
UNPRINTED: Final = _Unprinted()
TASK_LOGGER: Final = _TaskLogger("whendue.task", logging.INFO)
TASK_LOGGER.addHandler(TO_ATTEMPT)


def capture(level: int) -> None:
    """Keep the records of tasks from a level on. After the modules of tasks are imported; again if `logging` changed.

    The root logger's level is lowered if it lets less through. The handlers that are there do not print more: they get
    a filter. Their own levels, and those of other loggers, stay.
    """
    TO_ATTEMPT.kept_level = TASK_LOGGER.level = level
    root = logging.getLogger()
    if TO_ATTEMPT not in root.handlers:
        root.addHandler(TO_ATTEMPT)
    if root.level > level:
        UNPRINTED.former_level, UNPRINTED.level = root.level, _OurLevel(level)
        loggers = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
        for handler in {handler for logger in [root, *loggers] for handler in logger.handlers} - {TO_ATTEMPT}:
            handler.addFilter(UNPRINTED)
        root.setLevel(UNPRINTED.level)
    if not getattr(logging.getLogRecordFactory(), "names_attempts", False):
        _name_attempts()


def _name_attempts() -> None:
    """Let each record of an attempt say which that is: `whendue_job_id` and `whendue_attempt`, for users' formats."""
    make = logging.getLogRecordFactory()

    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record, attempt = make(*args, **kwargs), CURRENT.get()
        if attempt:
            record.whendue_job_id, record.whendue_attempt = attempt.job_id, attempt.attempt
        return record

    made.names_attempts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(made)


def _logger(name: str) -> logging.Logger:
    """Return a logger, or the nearest one above it that exists."""
    known = logging.root.manager.loggerDict
    while name:
        found = known.get(name)
        if isinstance(found, logging.Logger):
            return found
        name = name.rpartition(".")[0]
    return logging.root


def _nearest_level(name: str) -> int:
    """Return the level that decides about a logger's records."""
    logger: logging.Logger | None = _logger(name)
    while logger and not logger.level:
        logger = logger.parent
    return logger.level if logger else logging.NOTSET


def _is_alone(name: str) -> bool:
    """Return whether no other handler gets a logger's records."""
    logger: logging.Logger | None = _logger(name)
    while logger:
        if any(handler is not TO_ATTEMPT for handler in logger.handlers):
            return False
        logger = logger.parent if logger.propagate else None
    return True
