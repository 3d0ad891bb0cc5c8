"""Ends a process in which no thread of Python gets on: code in C that keeps the interpreter's lock stops all of them.

A regular expression of `re` that backtracks is such code. No signal and no thread of Python ends it, heartbeats stop,
and every other job of the process waits. The timer of `faulthandler` is a thread that needs no lock:
https://docs.python.org/3/library/faulthandler.html#dumping-the-tracebacks-after-a-timeout
"""

import faulthandler
import threading
from typing import Final

# As long as the probes of health wait for the server's own thread; longer than any lease's heartbeat is late.
HELD_S: Final = 60.0


def watch(held_s: float = HELD_S) -> None:
    """End the process with exit code 1 when the interpreter's lock is kept for so long.

    The functions that its threads are in are written to standard error, without values. Whoever has started the process
    starts it again; its jobs are taken over when their leases have ended, and one that does this again is a suspect.

    Args:
        held_s: seconds.
    """
    threading.Thread(target=_rearm, args=(held_s,), name="watchdog", daemon=True).start()


def _rearm(held_s: float) -> None:
    never = threading.Event()
    while True:
        faulthandler.dump_traceback_later(held_s, exit=True)
        never.wait(held_s / 10)
