"""Failures made from errors, with a fingerprint that groups the same error across jobs."""

import hashlib
import re
from typing import Any, Final

from whendue.aws_quotas import ERROR_MESSAGE_BYTES, ERROR_TYPE_BYTES
from whendue.jobs.model import Failure, Job
from whendue.support.text import one_line

# Of the text of an error that cannot be shown, or of one without a name.
UNSHOWN: Final = "(the error cannot be shown)"
NAMELESS: Final = "Error"
_NAME: Final = type.__dict__["__name__"]
_TRACEBACK: Final = vars(BaseException)["__traceback__"]

_VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"|\d+", re.IGNORECASE
)


def fingerprint(error_type: str, message: str, where: str) -> str:
    """Hash an error without what varies from one job to the next: numbers, ids, quoted values, line numbers."""
    location = where.rpartition(":")[0]
    text = "\n".join((error_type, location, _VARIABLE.sub("?", message)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def failure(job: Job, error_type: str, message: str, *, failed_at: int, where: str = "") -> Failure:
    """Describe how the job's current attempt failed; `failed_at` is ms UTC.

    Users' code chose the words: each is cut, and made one line (the message of up to 256 bytes), so that any
    client that reads the job can read it.
    """
    name = line_of(error_type, ERROR_TYPE_BYTES).strip() or NAMELESS
    short, location = line_of(message, ERROR_MESSAGE_BYTES), line_of(where, ERROR_MESSAGE_BYTES)
    return Failure(
        type=name,
        message=short,
        where=location,
        fingerprint=fingerprint(name, short, location),
        attempt=job.failures + 1,
        generation=job.generation,
        started_at=job.started_at,
        failed_at=failed_at,
    )


def line_of(text: str, size: int) -> str:
    """Make one line of at most `size` bytes of a text that comes from elsewhere, as errors do."""
    # No more of it is looked at than can be left of it.
    return clip(one_line(text[: size + 1]), size)


def clip(text: str, size: int) -> str:
    """Cut a text to at most `size` bytes of UTF-8, never inside a character; what is no character becomes `?`."""
    # No more of it is looked at than can be left of it.
    raw = text[: size + 1].encode(errors="replace")
    return raw.decode() if len(raw) <= size else raw[: size - 3].decode(errors="ignore") + "…"


def type_name(value: object) -> str:
    """Name a value's class, whatever its metaclass says."""
    return str(_NAME.__get__(type(value)))


def said(error: BaseException, size: int = ERROR_MESSAGE_BYTES) -> str:
    """Return an error's message, cut to a number of characters; the error's own code may raise."""
    try:
        return str.__getitem__(str(error), slice(size + 1))
    except BaseException:  # noqa: BLE001 - `__str__` is users' code
        return UNSHOWN


def where_raised(error: BaseException) -> str:
    """Name the innermost frame of an error as `module:function:line`, empty where there is none."""
    try:
        step: Any = _TRACEBACK.__get__(error)
        while step.tb_next:
            step = step.tb_next
        code, module = step.tb_frame.f_code, step.tb_frame.f_globals.get("__name__", "?")
        return line_of(f"{module}:{code.co_name}:{step.tb_lineno}", ERROR_MESSAGE_BYTES)
    except Exception:  # noqa: BLE001 - it was never raised, or the globals of users' code may be anything
        return ""
