"""A child process that does what its message's body says; run as `python -m tests.builders.child FD`."""

import json
import os
import sys
import threading
from pathlib import Path

from whendue.adapters.child_processes import READY


def main(answer_to: int) -> None:
    """Do it."""
    request = json.loads(sys.stdin.readline())
    what, message = request["message"]["body"], request["message"]["id"]
    if what == "dies early":
        os._exit(9)
    os.write(answer_to, READY)
    answer = json.dumps({"unsettled": [message] if what == "leaves" else [], "counts": {what: 1}}).encode()
    if what == "dies":
        os._exit(9)
    if what == "hangs":
        threading.Event().wait()
    if what == "leaves one behind" and os.fork() == 0:
        # It holds the pipe open, as a daemon that a task has started would.
        sys.stdin.close()
        threading.Event().wait(30)
    if what == "drained":
        answer = sys.stdin.readline().encode()
    if what == "signals its group":
        os.killpg(0, 9)
    if what == "shows its surroundings":
        seen = {os.environ.get("SEEN", "none"): 1, str(Path.cwd()): 1}
        answer = json.dumps({"unsettled": [], "counts": seen}).encode()
    os.write(answer_to, answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
