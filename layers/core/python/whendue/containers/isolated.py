"""One message in a process of its own: what a worker starts for a job that may kill the process it runs in.

`python -m whendue.containers.isolated FD [described]` reads a line of JSON with the message from its standard input and
handles it as any worker would; `described`: as a process that runs no task of users. It writes to the file descriptor
FD: that it is ready, then what became of the message. The end of its input means that the worker is gone.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import IO

from whendue.adapters.child_processes import DESCRIBED, READY
from whendue.bootstrap.process import app
from whendue.containers import log
from whendue.engine.ports import ReceivedMessage
from whendue.metrics_export import export


class Drain:
    """Receives from the worker when what still runs is to be given back.

    Args:
        requests: lines of JSON, each with `drain_ms`; their end means at once.
        now_ms: the clock.
    """

    def __init__(self, requests: IO[str], now_ms: Callable[[], int]) -> None:
        """Begin to listen."""
        self._now_ms = now_ms
        self._at_ms: int | None = None
        threading.Thread(target=self._listen, args=(requests,), name="drain", daemon=True).start()

    def at_ms(self) -> int | None:
        """Return when this process must stop, ms UTC; None if it was not asked to."""
        return self._at_ms

    def _listen(self, requests: IO[str]) -> None:
        for line in requests:
            self._at_ms = json.loads(line)["drain_ms"]
        self._at_ms = self._now_ms()


def main(answer_to: int, *, described: bool = False) -> None:
    """Handle the message, and end this process: a task that did not stop when it was interrupted ends with it."""
    try:
        _handle(answer_to, described=described)
    except Exception as error:  # noqa: BLE001 - without an answer the job counts as lost
        log.failed("isolated failed", error)
        os._exit(1)
    os._exit(0)


def _handle(answer_to: int, *, described: bool) -> None:
    request = json.loads(sys.stdin.readline())
    whendue = app(isolated=True, described=described)
    drain = Drain(sys.stdin, whendue.clock.now_ms)
    os.write(answer_to, READY)
    worked = whendue.work.handle([ReceivedMessage(**request["message"])], request["deadline_ms"], drain.at_ms)
    log.info("isolated", outcomes=dict(worked.counts), **export(whendue))
    os.write(answer_to, json.dumps({"unsettled": worked.unsettled, "counts": worked.counts}).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), described=DESCRIBED in sys.argv[2:])
