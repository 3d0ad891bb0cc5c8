"""The machine that a run was made on."""

import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.load.bench.systems.base import PYTHON

VERSIONS = ("boto3", "botocore", "celery", "dramatiq", "dramatiq-sqs", "kombu", "redis")
STAT = Path("/proc/stat")
WATCHED_S = 5
ASK = "import importlib.metadata as m, sys; print(*[m.version(name) for name in sys.argv[1:]])"


@dataclass(frozen=True, slots=True)
class Machine:
    """What figures depend on.

    Args:
        processor: its model.
        cores: that this process may use.
        memory_gib: of the machine.
        system: its operating system.
        python: the version.
        load: how many processors others kept busy just before the run began.
        versions: of what was measured.
    """

    processor: str
    cores: int
    memory_gib: int
    system: str
    python: str
    load: float
    versions: dict[str, str]


def describe() -> dict[str, Any]:
    """Describe this machine."""
    asked = subprocess.run([str(PYTHON), "-c", ASK, *VERSIONS], check=True, capture_output=True, text=True)
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return asdict(
        Machine(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_gib=round(pages * page / 2**30),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            python=platform.python_version(),
            load=round(_busy_processors(), 2),
            versions=dict(zip(VERSIONS, asked.stdout.split(), strict=True)) | {"ministack": _ministack()},
        )
    )


def _busy_processors() -> float:
    """Watch the processors for `WATCHED_S`; where that cannot be read, the load average of a minute has to do."""
    if not STAT.exists():
        return os.getloadavg()[0]
    first = _jiffies()
    time.sleep(WATCHED_S)
    total, idle = (after - before for before, after in zip(first, _jiffies(), strict=True))
    return (total - idle) / max(total, 1) * (os.cpu_count() or 1)


def _jiffies() -> tuple[int, int]:
    """Return the time of all processors since the start, and of that the idle one: proc_stat(5)."""
    user, nice, system, idle, iowait, *others = map(int, STAT.read_text().partition("\n")[0].split()[1:9])
    return user + nice + system + idle + iowait + sum(others), idle + iowait


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _ministack() -> str:
    lock = Path(__file__).parents[3] / "requirements/emulator.txt"
    pinned = next(line for line in lock.read_text().splitlines() if line.startswith("ministack=="))
    return pinned.split()[0].removeprefix("ministack==")
