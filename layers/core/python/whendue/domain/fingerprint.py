"""Failures made from errors, with a fingerprint that groups the same error across jobs."""

import hashlib
import re
import traceback

from whendue.domain.job import Failure, Job
from whendue.limits import ERROR_MESSAGE_BYTES, ERROR_TYPE_BYTES
from whendue.text import one_line

_VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"|\d+", re.IGNORECASE
)


def fingerprint(error_type: str, message: str, where: str) -> str:
    """Hash an error without what varies from one job to the next: numbers, ids, quoted values, line numbers."""
    place = where.rpartition(":")[0]
    text = "\n".join((error_type, place, _VARIABLE.sub("?", message)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def failure(job: Job, error_type: str, message: str, *, failed_at: int, where: str = "") -> Failure:
    """Describe how the job's current attempt failed; texts are one line of up to 256 bytes, `failed_at` is ms UTC."""
    kind = line_of(error_type, ERROR_TYPE_BYTES)
    short, place = line_of(message, ERROR_MESSAGE_BYTES), line_of(where, ERROR_MESSAGE_BYTES)
    return Failure(
        type=kind,
        message=short,
        where=place,
        fingerprint=fingerprint(kind, short, place),
        attempt=job.failures + 1,
        generation=job.generation,
        started_at=job.started_at,
        failed_at=failed_at,
    )


def line_of(text: str, size: int) -> str:
    """Make one line of at most `size` bytes of a text that comes from elsewhere, as errors do."""
    return clip(one_line(text), size)


def clip(text: str, size: int) -> str:
    """Cut a text to at most `size` bytes of UTF-8, never inside a character."""
    raw = text.encode(errors="replace")
    return raw.decode() if len(raw) <= size else raw[: size - 3].decode(errors="ignore") + "…"


def where_raised(error: BaseException) -> str:
    """Name the innermost frame of an error as `module:function:line`, empty where there is none."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return ""
    frame, line = frames[-1]
    return clip(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{line}", ERROR_MESSAGE_BYTES)
