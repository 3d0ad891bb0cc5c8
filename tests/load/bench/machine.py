"""The machine that a run was made on."""

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.load.bench.systems.base import PYTHON

VERSIONS = ("boto3", "botocore", "celery", "dramatiq", "dramatiq-sqs", "kombu", "redis")
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
        load: the system's load average over five minutes when the run began: others who used the machine.
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
            load=round(os.getloadavg()[1], 2),
            versions=dict(zip(VERSIONS, asked.stdout.split(), strict=True)) | {"ministack": _ministack()},
        )
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _ministack() -> str:
    lock = Path(__file__).parents[3] / "requirements/emulator.txt"
    pinned = next(line for line in lock.read_text().splitlines() if line.startswith("ministack=="))
    return pinned.split()[0].removeprefix("ministack==")
