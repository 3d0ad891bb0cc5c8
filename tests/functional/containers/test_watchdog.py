"""whendue.containers.watchdog: a process that code in C has stopped ends by itself."""

import subprocess
import sys

from localstack.paths import ROOT

STUCK = """
import re
import sys
from whendue.containers.watchdog import watch

def stuck() -> None:
    re.match("(a+)+$", "a" * 60 + "!")

watch(0.5)
stuck()
"""
BUSY = """
import time
from whendue.containers.watchdog import watch

watch(0.5)
until = time.monotonic() + 2
while time.monotonic() < until:
    pass
"""

SERVICE = """
import re
from types import SimpleNamespace
from whendue.containers import health, process, watchdog

def stuck() -> None:
    re.match("(a+)+$", "a" * 60 + "!")

process.watch = lambda: watchdog.watch(0.5)
app = SimpleNamespace(health=SimpleNamespace(ready=dict))
liveness = health.Liveness(lambda: 0, 60)
process.run(app, SimpleNamespace(start=stuck), liveness, process.Probes("127.0.0.1", 0))
"""


def run(source: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PYTHONPATH": str(ROOT / "layers/core/python")}
    command = [sys.executable, "-c", source]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_that_is_stuck_in_c_ends_and_says_where() -> None:
    """The expression would take until the end of time, and no time limit of Python reaches it."""
    ended = run(STUCK)
    assert ended.returncode == 1
    assert "in stuck" in ended.stderr
    assert "aaaa" not in ended.stderr


def test_a_process_that_is_busy_goes_on() -> None:
    """Code of Python gives the lock away now and then."""
    ended = run(BUSY)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_each_process_of_a_deployment_is_watched() -> None:
    """Worker, timer and API are run by the same function; this service is stuck as it starts."""
    ended = run(SERVICE)
    assert ended.returncode == 1
    assert "in stuck" in ended.stderr
