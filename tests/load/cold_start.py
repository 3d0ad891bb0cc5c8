"""`python -m tests.load.cold_start`: what a cold start of each function costs, as a multiple of a bare handler's.

A bare handler makes the two boto3 clients that every function has, DynamoDB's and SQS's, and imports nothing else. All
start as Lambda starts them, from what is built for the embedded emulator, in its interpreter with nothing beside it:
layers in one folder, then the function's own. Counted is the CPU time of the process, so that what else the machine
does matters less; trials are interleaved, and the median counts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from localstack import build as builder
from localstack import emulator
from localstack.build import Built
from localstack.paths import EMULATOR_PYTHON
from localstack.topology import topology

TRIALS: Final = 9
BARE: Final = "import boto3; boto3.client('dynamodb'); boto3.client('sqs')"
# What the demonstration's tasks import: a task has a pydantic model.
BARE_WITH_TASKS: Final = f"{BARE}; from pydantic import BaseModel, Field"
QUEUES: Final = (*topology().queues.priorities, topology().queues.notifications.queue)
ENVIRONMENT: Final[Mapping[str, str]] = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    # What Lambda says of a process that it starts: the handler prepares what its first invocation needs.
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "WHENDUE_TABLE": "table",
    "WHENDUE_BUCKET": "bucket",
    "WHENDUE_QUEUES": json.dumps({name: f"http://127.0.0.1/0/{name}" for name in QUEUES}),
    "WHENDUE_DEAD_LETTER_QUEUE": "http://127.0.0.1/0/dead_letter",
    "WHENDUE_SECRET": "t" * 40,
    "WHENDUE_JWT_ALGORITHM": "HS256",
    "WHENDUE_JWT_SECRET": "s" * 40,
    "WHENDUE_JWT_ISSUER": "issuer",
    "WHENDUE_JWT_AUDIENCE": "audience",
}
# Without tasks of users: `WHENDUE_TASKS` names no package.
NO_TASKS: Final = {"WHENDUE_TASKS": ""}


@dataclass(frozen=True, slots=True)
class Start:
    """One kind of start.

    Args:
        name: as it is printed.
        code: what is run.
        folder: the function's folder; None for the layers alone.
        environment: further variables.
    """

    name: str
    code: str
    folder: str | None = None
    environment: Mapping[str, str] | None = None


def _importing(function: str) -> str:
    return f"import {topology().functions[function].handler.rpartition('.')[0]}"


STARTS: Final = (
    Start("bare", BARE),
    Start("worker", _importing("worker"), "worker", NO_TASKS),
    Start("notifier", _importing("notifier"), "notifier", NO_TASKS),
    Start("dead_letter", _importing("dead_letter"), "dead_letter", NO_TASKS),
    Start("timer", _importing("timer"), "timer", NO_TASKS),
    Start("api", _importing("api"), "api", NO_TASKS),
    Start("bare with the demonstration's models", BARE_WITH_TASKS),
    Start("worker with the demonstration's tasks", _importing("worker"), "worker"),
)


def unpack(built: Built, folder: Path) -> Path:
    """Unpack layers and functions as Lambda does: all layers into `opt`, each function into its own folder."""
    for path in built.layers.values():
        zipfile.ZipFile(path).extractall(folder / "opt")
    for name, path in built.functions.items():
        zipfile.ZipFile(path).extractall(folder / name)
    return folder


def run(start: Start, unpacked: Path, more: str = "") -> str:
    """Start once; return what is printed.

    Args:
        start: what is started.
        unpacked: where layers and functions are.
        more: code to run afterwards.

    Raises:
        RuntimeError: it did not start.
    """
    folders = [str(unpacked / start.folder)] if start.folder else []
    code = f"import sys; sys.path[:0] = {[*folders, str(unpacked / 'opt/python')]!r}\n{start.code}\n{more}"
    environment = {**ENVIRONMENT, **(start.environment or {})}
    command = [str(EMULATOR_PYTHON), "-I", "-S", "-B", "-c", code]
    started = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if started.returncode:
        raise RuntimeError(f"{start.name} did not start: {started.stderr}")
    return started.stdout


def modules(start: Start, unpacked: Path) -> set[str]:
    """Return the names of the modules that a start has imported."""
    return set(run(start, unpacked, "print('\\n'.join(sys.modules))").split())


def measure(unpacked: Path, trials: int, starts: Sequence[Start] = STARTS) -> dict[str, list[float]]:
    """Return name -> milliseconds of CPU of each trial."""
    times: dict[str, list[float]] = {start.name: [] for start in starts}
    for _ in range(trials):
        for start in starts:
            before = _cpu_s()
            run(start, unpacked)
            times[start.name].append((_cpu_s() - before) * 1000)
    return times


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(times: Mapping[str, Sequence[float]], counts: Mapping[str, int]) -> str:
    """Return the measured as a table in Markdown."""
    bare = median(times["bare"])
    lines = ["| start | CPU, ms (range) | CPU time (bare handler = 1) | modules |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {median(ms):.0f} ({min(ms):.0f}-{max(ms):.0f}) | {median(ms) / bare:.2f} | {counts[name]} |"
        for name, ms in times.items()
    ]
    return "\n".join(lines)


def main() -> int:
    """Build, measure and print."""
    parser = argparse.ArgumentParser(description="What a cold start costs, from what is built.")
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"trials of each start (default {TRIALS})")
    trials = parser.parse_args().trials
    emulator.install()
    with TemporaryDirectory() as folder:
        unpacked = unpack(builder.build("local"), Path(folder))
        counts = {start.name: len(modules(start, unpacked)) for start in STARTS}
        times = measure(unpacked, trials)
    load = os.getloadavg()[0]
    sys.stdout.write(f"{table(times, counts)}\n\n{trials} interleaved trials, load average {load:.1f}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
