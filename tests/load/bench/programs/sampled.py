"""Runs a worker and samples what its threads do: the profile that explains a missed target.

`python -m tests.load.bench.programs.sampled MODULE ARGUMENTS...` writes `BENCH_SAMPLES/<pid>.json`: samples by layer.
A sample counts the CPU time that its thread has used since the last one, where the system says so (Linux); elsewhere
threads in functions that are known to wait are left out. cProfile would make many small calls look dear.
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


def used_ns(native_id: int) -> int | None:
    """Return the CPU time of a thread of this process; None where it cannot be known.

    The number of the clock is made as in include/linux/posix-timers.h: the thread id inverted, and the bits for "of
    a thread" and "as scheduled". A thread that has ended is an error, and harmless.
    """
    try:
        return time.clock_gettime_ns((~native_id << 3) | 6) if sys.platform == "linux" else None
    except OSError:
        return 0


def waits(frame: FrameType) -> bool:
    """Return whether a thread's innermost function is one that waits."""
    return (Path(frame.f_code.co_filename).name, frame.f_code.co_name) in WAITING


def layer_of(frame: FrameType | None) -> str:
    """Return the layer of a thread's stack."""
    while frame:
        for part, layer in LAYERS:
            if part in frame.f_code.co_filename:
                return layer
        frame = frame.f_back
    return "other"


def sample(folder: Path) -> None:
    """Sample all other threads until the process ends."""
    counts, taken, own = Counter[str](), 0, threading.get_ident()
    before: dict[int, int] = {}
    path = folder / f"{os.getpid()}.json"
    while True:
        time.sleep(EVERY_S)
        native = {thread.ident: thread.native_id for thread in threading.enumerate()}
        for thread, frame in sys._current_frames().items():
            if thread == own:
                continue
            native_id = native.get(thread) or 0
            now_ns = used_ns(native_id)
            if now_ns is None:
                counts[layer_of(frame)] += 0 if waits(frame) else int(EVERY_S * 1e9)
            else:
                counts[layer_of(frame)] += max(0, now_ns - before.get(native_id, now_ns))
                before[native_id] = now_ns
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
