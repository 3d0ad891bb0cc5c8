"""Processes of the benchmark: start them, end them by their ids, and read what they have used."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from localstack.paths import ROOT

END_S = 10
PROC = Path("/proc")
KIB = 1024
# Fields of /proc/<pid>/stat behind the name: proc(5).
STATE, PPID, UTIME, STIME = 0, 1, 11, 12


def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[str]":
    """Start a process that leads a group of its own; its input and output are pipes, its errors go to a log."""
    with log.open("a") as errors:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )


def quiet(command: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a process that leads a group of its own; all that it prints goes to a log."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Ask processes to end, and kill the groups of those that do not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + END_S
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
    kill(processes)


def kill(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Kill processes with all that they have started, as the kernel does when memory is short."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tree(roots: Iterable[int]) -> set[int]:
    """Return processes and all that they have started, as far as they are alive."""
    found, children = set(roots), _children()
    waiting = list(found)
    while waiting:
        new = [child for child in children.get(waiting.pop(), ()) if child not in found]
        found.update(new)
        waiting += new
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Add up the CPU time of processes, user and system, in seconds."""
    if PROC.is_dir():
        ticks = sum(int(fields[UTIME]) + int(fields[STIME]) for pid in pids if (fields := _stat(pid)))
        return ticks / os.sysconf("SC_CLK_TCK")
    return sum(_clock_s(line) for line in _ps("time=", pids))


def memory_mib(pids: Iterable[int]) -> float:
    """Add up the memory of processes in MiB; pages that several share are counted once where the system says so."""
    if PROC.is_dir():
        return sum(_pss_kib(pid) for pid in pids) / KIB
    return sum(int(line) for line in _ps("rss=", pids)) / KIB


def _children() -> dict[int, list[int]]:
    """Map each process to those that it has started."""
    children: dict[int, list[int]] = {}
    if PROC.is_dir():
        pairs = [(int(path.name), fields) for path in PROC.glob("[0-9]*") if (fields := _stat(int(path.name)))]
        parents = [(pid, int(fields[PPID])) for pid, fields in pairs]
    else:
        lines = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
        parents = [(int(pid), int(parent)) for pid, parent in map(str.split, lines.splitlines())]
    for pid, parent in parents:
        children.setdefault(parent, []).append(pid)
    return children


def _stat(pid: int) -> list[str] | None:
    """Return the fields behind the process's name, None if it is gone or only waits to be collected."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[STATE] == "Z" else fields


def _pss_kib(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _ps(column: str, pids: Iterable[int]) -> list[str]:
    wanted = ",".join(map(str, pids))
    return subprocess.run(
        ["ps", "-o", column, "-p", wanted], check=False, capture_output=True, text=True
    ).stdout.split()


def _clock_s(text: str) -> float:
    """Read a time as ps shows it: [[dd-]hh:]mm:ss[.cc]."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86_400 * int(days or 0)
