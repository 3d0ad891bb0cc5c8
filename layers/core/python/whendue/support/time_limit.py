"""Code of users that others wait for: it ends in time, or it is ended.

A validator that never ends would hold up the request, or every tenant's timer.
"""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import NoReturn, TypeVar

from whendue.errors import Interrupted, UnavailableError
from whendue.quotas import HUNG_TENANTS, VALIDATION_S, VALIDATIONS_S
from whendue.support import coroutines

R = TypeVar("R")


class OutOfTimeError(Interrupted):
    """It did not end in time. Not an `Exception`, so that code of users does not catch it by accident."""


class _Scope:
    """What one request, or one tick, has spent: the time by which all is over, and whose code was ended."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._until_ms = now_ms() + VALIDATIONS_S * 1000
        self._hung: set[tuple[str, str]] = set()

    def call(self, call: Callable[[], R], tenant: str, name: str) -> R:
        left_s = (self._until_ms - self._now_ms()) / 1000
        if left_s <= 0 or self._is_hopeless(tenant, name):
            raise UnavailableError(f"there was no time left to validate the payload of {name}; send the request again")
        try:
            return _ended_after(min(VALIDATION_S, left_s), call)
        except OutOfTimeError:
            self._hung.add((tenant, name))
            if left_s < VALIDATION_S:
                raise UnavailableError(
                    f"there was not enough time left to validate the payload of {name}; send the request again"
                ) from None
            raise

    def _is_hopeless(self, tenant: str, name: str) -> bool:
        """Return whether to skip a validation now: it hung for this tenant, or for too many others."""
        return (tenant, name) in self._hung or sum(other == name for _, other in self._hung) >= HUNG_TENANTS


_scope: ContextVar[_Scope | None] = ContextVar("scope", default=None)


@contextmanager
def validations(now_ms: Callable[[], int]) -> Iterator[None]:
    """Let all that is validated within share one bounded time.

    Args:
        now_ms: the clock.
    """
    token = _scope.set(_Scope(now_ms))
    try:
        yield
    finally:
        _scope.reset(token)


def in_time(call: Callable[[], R], tenant: str, name: str) -> R:
    """Call code of users that validates a value, for VALIDATION_S seconds at most.

    Args:
        call: the code.
        tenant: whose value it is.
        name: of the task or channel whose code it is.

    Raises:
        OutOfTimeError: it did not end, and was ended.
        UnavailableError: what was validated before has used up the time; a later try may have it.
    """
    scope = _scope.get()
    return scope.call(call, tenant, name) if scope else _ended_after(VALIDATION_S, call)


def interrupt(thread: threading.Thread, error: type[BaseException]) -> None:
    """Raise an error inside a thread; one that is blocked in C code notices when it comes back.

    A coroutine that it runs is cancelled, too, so that one that waits is woken.

    Source: https://docs.python.org/3/c-api/threads.html#c.PyThreadState_SetAsyncExc
    """
    import ctypes

    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(error))
        coroutines.cancel(thread.ident)


def _ended_after(seconds: float, call: Callable[[], R]) -> R:
    # Only the main thread gets signals, which end regular expressions of `re`, too.
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        return _by_alarm(seconds, call)
    return _beside(seconds, call)


def _by_alarm(seconds: float, call: Callable[[], R]) -> R:
    before = signal.signal(signal.SIGALRM, _ring)
    # Again and again: code that catches whatever is raised must not outlive it.
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        try:
            return call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        # The next check may ring while the timer is being stopped; one that goes on would end the process.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(_number: int, _frame: FrameType | None) -> NoReturn:
    raise OutOfTimeError


def _beside(seconds: float, call: Callable[[], R]) -> R:
    ended: queue.SimpleQueue[tuple[R | None, BaseException | None]] = queue.SimpleQueue()
    context = copy_context()

    def run() -> None:
        with suppress(OutOfTimeError):
            try:
                ended.put((context.run(call), None))
            except OutOfTimeError:
                raise
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                ended.put((None, error))

    thread = threading.Thread(target=run, name="validation", daemon=True)
    thread.start()
    try:
        value, error = ended.get(timeout=seconds)
    except BaseException as cause:
        interrupt(thread, OutOfTimeError)
        if isinstance(cause, queue.Empty):
            raise OutOfTimeError from None
        raise
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
