"""Failures made from errors, with a fingerprint that groups the same error across jobs."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, dropwhile
from types import FrameType
from typing import Any, Final, NamedTuple

from whendue.aws_quotas import ERROR_CAUSES_BYTES, ERROR_MESSAGE_BYTES, ERROR_STACK_BYTES, ERROR_TYPE_BYTES
from whendue.jobs.model import Failure, Job, State
from whendue.support.text import one_line

# Of the text of an error that cannot be shown, or of one without a name.
UNSHOWN: Final = "(the error cannot be shown)"
NAMELESS: Final = "Error"
_NAME: Final = type.__dict__["__name__"]
_TRACEBACK: Final = vars(BaseException)["__traceback__"]
# Read as the interpreter does: a class of users may have its own idea of them.
_CAUSE, _CONTEXT, _IS_SUPPRESSED = (
    vars(BaseException)[name] for name in ("__cause__", "__context__", "__suppress_context__")
)
_MEMBERS: Final = vars(BaseExceptionGroup)["exceptions"]

# A frame, and its line.
Step = tuple[FrameType, int]
# Bytes of a frame, and of each text of a cause.
_FRAME_BYTES: Final = 160
# Frames at each end of a stack that are named at all: more never fit.
_FRAMES: Final = 64
# Places of a payload that a message names.
_PLACES: Final = 3
# Causes that are shown, and those that are looked at to find the last one.
_CAUSES: Final = 4
_CAUSES_READ: Final = 100
_WHENDUE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - texts, as code has
# Where no code of users is: the standard library, the layers of a function with whendue, what Lambda brings itself.
_LIBRARIES: Final = tuple(
    f"{folder}{os.sep}"
    for folder in (os.path.dirname(os.__file__), os.path.dirname(_WHENDUE), "/var/runtime")  # noqa: PTH120 - as above
)
_PACKAGES: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
# What calls a task, and the event loop that runs its coroutine.
_RUNNERS: Final = tuple(
    os.path.join(*parts)  # noqa: PTH118 - as above
    for parts in (
        (_WHENDUE, "worker", ""),
        (_WHENDUE, "declarations", ""),
        (_WHENDUE, "support", "coroutines.py"),
        (os.path.dirname(os.__file__), "asyncio", ""),  # noqa: PTH120 - as above
    )
)

_VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"|\d+", re.IGNORECASE
)


def fingerprint(error_type: str, message: str, where: str) -> str:
    """Hash an error without what varies from one job to the next: numbers, ids, quoted values, line numbers."""
    location = where.rpartition(":")[0]
    text = "\n".join((error_type, location, _VARIABLE.sub("?", message)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Raised(NamedTuple):
    """Where an error was raised, without a value of any variable.

    Args:
        where: `module:function:line` of the innermost frame of the user's own code; of any code if none is the user's;
            empty for an error that was never raised.
        stack: all frames, one a line, outermost first; None where it would say no more than `where`.
        causes: what it was raised from, a line for each: type, message and `where`, parted by tabs; None for nothing.
    """

    where: str = ""
    stack: str | None = None
    causes: str | None = None


class Cause(NamedTuple):
    """An error that another one was raised from, or while it was handled."""

    type: str
    message: str
    where: str


def failure(
    job: Job,
    error_type: str,
    message: str,
    *,
    failed_at: int,
    raised_at: Raised = Raised(),  # noqa: B008 - a value that cannot change
) -> Failure:
    """Describe how the job's current attempt failed, or why the job ended without one; `failed_at` is ms UTC.

    Users' code chose the words: each is cut, and made one line (the message of up to 256 bytes), so that any
    client that reads the job can read it.
    """
    name = line_of(error_type, ERROR_TYPE_BYTES).strip() or NAMELESS
    short, location = line_of(message, ERROR_MESSAGE_BYTES), line_of(raised_at.where, ERROR_MESSAGE_BYTES)
    return Failure(
        type=name,
        message=short,
        where=location,
        fingerprint=fingerprint(name, short, location),
        attempt=job.failures + 1,
        generation=job.generation,
        started_at=job.started_at if job.state is State.RUNNING else None,
        failed_at=failed_at,
        stack=raised_at.stack,
        causes=raised_at.causes,
    )


def began(failure: Failure) -> bool:
    """Return whether a failure is one of an attempt; else it only says why its job ended."""
    return failure.started_at is not None


def cause_of_unasked_cancel(job: Job, at_ms: int, *, superseded: bool) -> Failure | None:
    """Return why whendue cancelled a job of which nobody asked for it, and with which no cause is stored.

    The cancel of a member, and of a run for which a newer fire is to run, stores none: many are cancelled at once.

    Args:
        job: the job.
        at_ms: when it was cancelled, ms UTC.
        superseded: whether whendue asked for the cancel while it ran or waited for its members.
    """
    if job.parent_id is not None:
        message = f"the job {job.parent_id} that created it was cancelled, failed or passed its deadline"
        return failure(job, "parent_ended", message, failed_at=at_ms)
    if superseded and job.schedule is not None:
        return failure(job, "superseded", "a later fire of its schedule replaced it (cancel_running)", failed_at=at_ms)
    return None


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


def named_places(details: Mapping[str, object]) -> str:
    """Return the first places that a refusal names, to stand behind its message; empty if it names none.

    Args:
        details: of an error; users' code may have made them.
    """
    try:
        errors: Any = details["errors"]
        named = [f"{each['where'] or 'the payload'}: {each['problem']}" for each in errors[:_PLACES]]
    except Exception:  # noqa: BLE001 - users' code may have put anything there
        return ""
    return f": {'; '.join(named)}" if named else ""


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


def raised(error: BaseException) -> Raised:
    """Describe where an error was raised and what it was raised from. Never raises; linear in the number of frames."""
    try:
        steps = _steps(error)
        texts = _shortened(list(dropwhile(_is_runner, steps)) or steps)
        where = _where(steps)
        causes = _lines_of(_cause(each) for each in _chain(error))
        return Raised(where, None if texts in ([], [where]) else "\n".join(texts), causes or None)
    except Exception:  # noqa: BLE001 - the globals and classes of users' code may be anything
        return Raised(where_raised(error))


def stack_of(failure: Failure) -> list[str]:
    """Return the frames of a failure, outermost first."""
    return (failure.stack or failure.where).split("\n") if failure.where else []


def causes_of(failure: Failure) -> list[Cause]:
    """Return what a failure's error was raised from, the nearest first; the last one is where it began."""
    lines = (line.split("\t") for line in (failure.causes or "").split("\n"))
    return [Cause(*texts) for texts in lines if len(texts) == len(Cause._fields)]


def _steps(error: BaseException) -> list[Step]:
    steps, step = list[Step](), _TRACEBACK.__get__(error)
    while step:
        steps.append((step.tb_frame, step.tb_lineno))
        step = step.tb_next
    return steps


def _where(steps: Sequence[Step]) -> str:
    if not steps:
        return ""
    return _frame(next((step for step in reversed(steps) if _is_own(step[0].f_code.co_filename)), steps[-1]))


def _frame(step: Step) -> str:
    frame, line = step
    module = frame.f_globals.get("__name__")
    return line_of(f"{module if type(module) is str else '?'}:{frame.f_code.co_name}:{line}", _FRAME_BYTES)


@lru_cache(1024)
def _is_own(file: str) -> bool:
    """Return whether a file is of the user's own code. Code without a file (`<string>`) is made by libraries."""
    return not file.startswith((*_LIBRARIES, "<")) and not any(name in file for name in _PACKAGES)


def _is_runner(step: Step) -> bool:
    return step[0].f_code.co_filename.startswith(_RUNNERS)


def _shortened(steps: Sequence[Step]) -> list[str]:
    """Name frames within their bytes: of a stack that is too long, a number stands for those in the middle."""
    count = len(steps)
    named = steps if count <= 2 * _FRAMES else [*steps[:_FRAMES], *steps[-_FRAMES:]]
    texts = [_frame(step) for step in named]
    if count == len(named) and len(_fitting(texts, ERROR_STACK_BYTES)) == count:
        return texts
    inner = _fitting(reversed(texts), ERROR_STACK_BYTES * 5 // 8)[::-1]
    outer = _fitting(texts[: len(texts) - len(inner)], ERROR_STACK_BYTES * 2 // 8)
    return [*outer, f"({count - len(inner) - len(outer)} frames)", *inner]


def _fitting(texts: Iterable[str], size: int) -> list[str]:
    """Return the first of some lines that have `size` bytes together."""
    fitting = list[str]()
    for text in texts:
        size -= len(text.encode()) + 1
        if size < 0:
            break
        fitting.append(text)
    return fitting


def _chain(error: BaseException) -> list[BaseException]:
    """Return what an error was raised from, the nearest first: of a long chain the first ones and the last."""
    causes, seen = list[BaseException](), {id(error)}
    for cause in _causes(error):
        if id(cause) in seen or len(causes) == _CAUSES_READ:
            break
        seen.add(id(cause))
        causes.append(cause)
    return causes if len(causes) <= _CAUSES else [*causes[: _CAUSES - 1], causes[-1]]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Follow `raise ... from`, a group's first error, or what was being handled; a chain may be a circle."""
    while (cause := _next_cause(error)) is not None:
        yield cause
        error = cause


def _next_cause(error: BaseException) -> BaseException | None:
    cause: BaseException | None = _CAUSE.__get__(error)
    if cause is None and issubclass(type(error), BaseExceptionGroup):
        # The group itself says only how many there were.
        cause = _MEMBERS.__get__(error)[0]
    return _CONTEXT.__get__(error) if cause is None and not _IS_SUPPRESSED.__get__(error) else cause


def _cause(error: BaseException) -> str:
    texts = (type_name(error), said(error, _FRAME_BYTES), _where(_steps(error)))
    return "\t".join(line_of(text, _FRAME_BYTES) for text in texts)


def _lines_of(causes: Iterable[str]) -> str:
    """Join causes within their bytes; the last one, where all began, is kept before those between."""
    lines = list(causes)
    kept = _fitting(chain(lines[-1:], lines[:-1]), ERROR_CAUSES_BYTES)
    return "\n".join([*kept[1:], *kept[:1]])
