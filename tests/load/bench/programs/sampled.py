"""Runs a worker and samples what its threads do: the profile that explains a missed target.

`python -m tests.load.bench.programs.sampled MODULE ARGUMENTS...` writes `BENCH_SAMPLES/<pid>.json`: samples by layer.
A thread that waits (for an answer, a message, a lock) is not counted. Sampling is cheap and even: cProfile would make
many small calls look dear.
"""

import json
import os
import runpy
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S, WRITE_EVERY = 0.004, 50
# Functions whose innermost Python frame waits.
WAITING = {
    ("threading.py", "wait"),
    ("threading.py", "acquire"),
    ("threading.py", "join"),
    ("threading.py", "_wait_for_tstate_lock"),
    ("socket.py", "readinto"),
    ("socket.py", "accept"),
    ("selectors.py", "select"),
    ("queue.py", "get"),
    ("thread.py", "_worker"),
    ("note.py", "run"),
    ("poll.py", "poll"),
    ("eventio.py", "poll"),
}
# Parts of a path -> layer, the first that matches. What matches none belongs to its caller.
LAYERS = (
    ("/botocore/validate.py", "botocore: parameter validation"),
    ("/botocore/serialize.py", "botocore: serialization"),
    ("/botocore/parsers.py", "botocore: parsing"),
    ("/botocore/auth.py", "botocore: signing"),
    ("/botocore/signers.py", "botocore: signing"),
    ("/botocore/", "botocore: the rest"),
    ("/boto3/", "botocore: the rest"),
    ("/urllib3/", "HTTP"),
    ("/http/client.py", "HTTP"),
    ("/email/", "HTTP"),
    ("/pycurl", "HTTP"),
    ("/pydantic", "pydantic"),
    ("/concurrent/futures/", "threads"),
    ("/threading.py", "threads"),
    ("/whendue/adapters/", "whendue: adapters"),
    ("/whendue/worker/", "whendue: worker"),
    ("/whendue/containers/", "whendue: worker"),
    ("/whendue/", "whendue: the rest"),
    ("/kombu/", "kombu"),
    ("/celery/", "celery"),
    ("/bench/programs/", "the bench's own program"),
)


def layer_of(frame: FrameType | None) -> str | None:
    """Return the layer of a thread's stack; None if it waits."""
    if frame is None or (Path(frame.f_code.co_filename).name, frame.f_code.co_name) in WAITING:
        return None
    while frame:
        for part, layer in LAYERS:
            if part in frame.f_code.co_filename:
                return layer
        frame = frame.f_back
    return "other"


def sample(folder: Path) -> None:
    """Sample all other threads until the process ends."""
    counts, taken, own = Counter[str](), 0, threading.get_ident()
    path = folder / f"{os.getpid()}.json"
    while True:
        time.sleep(EVERY_S)
        frames = sys._current_frames()
        counts.update(
            layer for thread, frame in frames.items() if thread != own and (layer := layer_of(frame)) is not None
        )
        taken += 1
        if taken % WRITE_EVERY == 0:
            draft = path.with_suffix(".draft")
            draft.write_text(json.dumps(counts))
            draft.replace(path)


def main() -> None:
    """Sample, and be the module."""
    threading.Thread(target=sample, args=(Path(os.environ["BENCH_SAMPLES"]),), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
