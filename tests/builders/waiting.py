"""Waiting for what takes real time: by a condition, never by a fixed sleep."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# Ends a run that hangs. It measures nothing: the machine may be as busy as it likes.
HANGS_S = 600


def eventually(
    get: Callable[[], T], good: Callable[[T], bool] = bool, *, timeout_s: float = HANGS_S, every_s: float = 0.05
) -> T:
    """Ask until the answer is good, and return it.

    Args:
        get: what to ask.
        good: which answer is good; a truthy one unless told.
        timeout_s: when to give up; shorter only where that is what is promised.
        every_s: how long to wait between two questions.

    Raises:
        AssertionError: no answer was good; the message shows the last one.
    """
    until = time.monotonic() + timeout_s
    while not good(answer := get()):
        assert time.monotonic() < until, f"not so within {timeout_s} s; the last answer was {answer!r}"
        threading.Event().wait(every_s)
    return answer
