"""Code of users that others wait for: it ends in time, or it is ended.

A validator that never ends would hold up the request, or every tenant's timer.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import Final, NoReturn, TypeVar

from whendue.errors import Interrupted, UnavailableError
from whendue.quotas import HUNG_TENANTS, VALIDATION_S, VALIDATIONS_S
from whendue.support import coroutines
from whendue.support.clock import system_clock

R = TypeVar("R")
# Of a timer whose time has passed: 0 would stop it.
SOONEST_S: Final = 0.000_001


class OutOfTimeError(Interrupted):
    """It did not end in time. Not an `Exception`, so that code of users does not catch it by accident."""


class _Scope:
    """What one request, tick or attempt has spent: the time by which all is over, and whose code was ended.

    Args:
        now_ms: the clock.
        within_s: the time of all validations together, seconds.
        again: what is validated is validated again later, so that a validator that was ended refuses nothing yet.
    """

    def __init__(self, now_ms: Callable[[], int], within_s: float, *, again: bool) -> None:
        self._now_ms = now_ms
        self._until_ms = now_ms() + within_s * 1000
        self._again = again
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
            if self._again:
                raise UnavailableError(f"the validator of {name} did not end within {VALIDATION_S:g} s") from None
            raise

    def _is_hopeless(self, tenant: str, name: str) -> bool:
        """Return whether to skip a validation now: it hung for this tenant, or for too many others."""
        return (tenant, name) in self._hung or sum(other == name for _, other in self._hung) >= HUNG_TENANTS


_scope: ContextVar[_Scope | None] = ContextVar("scope", default=None)
_signals_are_users: ContextVar[bool] = ContextVar("signals_are_users", default=False)


@contextmanager
def validations(now_ms: Callable[[], int]) -> Iterator[None]:
    """Let all that is validated within share one bounded time.

    Args:
        now_ms: the clock.
    """
    with _in_scope(_Scope(now_ms, VALIDATIONS_S, again=False)):
        yield


@contextmanager
def attempt_validations(now_ms: Callable[[], int], within_s: float | None = None) -> Iterator[None]:
    """Let all that is validated within an attempt share one bounded time, and let none of it end the job for good.

    In a worker other jobs run beside a validator: one that keeps the interpreter to itself leaves the validator no
    time, which is no fault of the value. So whatever did not end is left to another attempt.

    Args:
        now_ms: the clock.
        within_s: the time of all validations together, seconds. Default: that of a request.
    """
    with _in_scope(_Scope(now_ms, VALIDATIONS_S if within_s is None else within_s, again=True)):
        yield


@contextmanager
def _in_scope(scope: _Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def without_signals() -> Iterator[None]:
    """Use no signal and no timer within: they are those of the program whose process this is."""
    token = _signals_are_users.set(True)
    try:
        yield
    finally:
        _signals_are_users.reset(token)


def in_time(call: Callable[[], R], tenant: str, name: str) -> R:
    """Call code of users that validates a value, for VALIDATION_S seconds at most.

    Args:
        call: the code.
        tenant: whose value it is.
        name: of the task or channel whose code it is.

    Raises:
        OutOfTimeError: it did not end, and was ended.
        UnavailableError: what was validated before has used up the time, and a later try may have it; or it did not
            end, and is called again by another attempt.
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
    return _by_alarm(seconds, call) if _may_ring() else _beside(seconds, call)


def _may_ring() -> bool:
    """Return whether an alarm can end a call here. Only the main thread gets signals, which end `re`'s loops, too."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return False
    # A handler that was not set by Python could not be put back.
    return not _signals_are_users.get() and signal.getsignal(signal.SIGALRM) is not None


def _by_alarm(seconds: float, call: Callable[[], R]) -> R:
    now_ms = system_clock().now_ms
    began_ms = now_ms()
    # Of whoever has set one: it goes on afterwards, and rings at once if its time has passed.
    theirs_s, theirs_every_s = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, _ring)
    try:
        # Again and again: code that catches whatever is raised must not outlive it.
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        try:
            return call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        # The next check may ring while the timer is being stopped; one that goes on would end the process.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs_s:
            left_s = theirs_s - (now_ms() - began_ms) / 1000
            signal.setitimer(signal.ITIMER_REAL, max(left_s, SOONEST_S), theirs_every_s)


def _ring(_number: int, _frame: FrameType | None) -> NoReturn:
    raise OutOfTimeError


def _beside(seconds: float, call: Callable[[], R]) -> R:
    outcomes: list[tuple[R | None, BaseException | None]] = []
    # Not a `SimpleQueue`: a signal at the end of its timeout lets it wait for ever.
    ended = threading.Event()
    context = copy_context()

    def run() -> None:
        with suppress(OutOfTimeError):
            try:
                outcomes.append((context.run(call), None))
            except OutOfTimeError:
                raise
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                outcomes.append((None, error))
            ended.set()

    thread = threading.Thread(target=run, name="validation", daemon=True)
    thread.start()
    try:
        has_ended = ended.wait(seconds)
    except BaseException:
        interrupt(thread, OutOfTimeError)
        raise
    if not has_ended:
        interrupt(thread, OutOfTimeError)
        raise OutOfTimeError
    [(value, error)] = outcomes
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
