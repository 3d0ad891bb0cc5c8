"""The job's work, the same in every system: sleep for as long as asked, and note when it ran."""

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

# Lines of one length, so that the number of jobs is read from the size of a file.
LINE_BYTES = 80


def run(payload: dict[str, Any]) -> dict[str, Any]:
    """Run a job.

    Args:
        payload: `n`, the job's number; `at_ns`, when it was submitted, ns since 1970; `sleep_s`.
    """
    started_ns = time.time_ns()
    if payload["sleep_s"]:
        time.sleep(payload["sleep_s"])
    line = f"{payload['n']} {payload['at_ns']} {started_ns} {time.time_ns()} {os.getpid()}"
    os.write(_file(os.getpid()), line.ljust(LINE_BYTES - 1).encode() + b"\n")
    return {"n": payload["n"]}


@cache
def _file(pid: int) -> int:
    """Open a process's own file: a fork begins another one."""
    path = Path(os.environ["BENCH_NOTES"]) / str(pid)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
