"""What tests of running things share: waiting for a condition, never for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, timeout_s: float = 15, pause_s: float = 0.05) -> T:
    """Ask again and again until the answer is truthy; give it.

    Args:
        condition: what to ask.
        timeout_s: when to give up.
        pause_s: how long to wait between two questions.

    Raises:
        AssertionError: the last answer was still falsy; the message shows it.
    """
    until = time.monotonic() + timeout_s  # noqa: TID251 - the deadline of a test, not of the code under test
    while not (answer := condition()):
        if time.monotonic() > until:  # noqa: TID251 - as above
            raise AssertionError(f"still {answer!r} after {timeout_s} s")
        threading.Event().wait(pause_s)
    return answer
