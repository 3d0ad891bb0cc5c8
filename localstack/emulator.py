"""The embedded emulator (MiniStack) as a process of this machine: started on a free loopback port, ended by its pid."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from localstack.paths import EMULATOR_PYTHON, LOCAL
from localstack.venvs import ensure

PROGRAM = "ministack"
READY_S = 60
STOP_S = 15
# What emulators read; ours is the same on every machine.
_OF_EMULATORS = ("AWS_", "PYTHON", "LAMBDA_", "LOCALSTACK_", "MINISTACK_")
_OF_EMULATORS_EACH = frozenset({"AUTH", "EDGE_PORT", "PERSIST_STATE", "SERVICES", "STATE_DIR", "USE_SSL"})
# Emulators that this very process started, so that their ends are collected.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator.

    Args:
        endpoint_url: where its AWS APIs are.
        pid: its process, leader of a process group of its own.
        directory: its log and temporary files.
    """

    endpoint_url: str
    pid: int
    directory: Path

    @property
    def log(self) -> Path:
        """What it prints: its own lines and those of the functions."""
        return self.directory / "emulator.log"

    def alive(self) -> bool:
        """Return whether its process still runs; a zombie does not, nor does another process that reuses its pid."""
        return PROGRAM in _command(self.pid)


def install() -> None:
    """Make the emulator's own virtual environment, unless it is there and current."""
    ensure("emulator")


def start(directory: Path = LOCAL) -> Emulator:
    """Start an emulator and wait until it is healthy.

    Args:
        directory: where its log and temporary files go.

    Raises:
        RuntimeError: it ended or did not become healthy; the message has the end of its log.
    """
    install()
    directory.mkdir(parents=True, exist_ok=True)
    scratch = directory / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not _is_of_emulators(name)}
    environment |= {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        # Each warm process takes 20 to 40 MB.
        "LAMBDA_ACCOUNT_CONCURRENCY": "24",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Its processes' temporary files, so that they can be cleaned up with it.
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
    }
    with (directory / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [str(EMULATOR_PYTHON), "-m", PROGRAM],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    _CHILDREN[process.pid] = process
    emulator = Emulator(f"http://127.0.0.1:{port}", process.pid, directory)
    try:
        _await_health(emulator, process)
    except BaseException:
        stop(emulator)
        raise
    return emulator


def stop(emulator: Emulator) -> None:
    """End the emulator and the function processes that it started; safe to repeat."""
    if _command(emulator.pid) and not emulator.alive():
        return
    _end_group(emulator.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_S
    while emulator.alive() and time.monotonic() < until:
        time.sleep(0.05)
    _end_group(emulator.pid, signal.SIGKILL)
    if child := _CHILDREN.pop(emulator.pid, None):
        child.wait(STOP_S)
    shutil.rmtree(emulator.directory / "tmp", ignore_errors=True)


@contextmanager
def running(directory: Path) -> Iterator[Emulator]:
    """Run an emulator for the length of a block."""
    emulator = start(directory)
    try:
        yield emulator
    finally:
        stop(emulator)


def free_port() -> int:
    """Find a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_of_emulators(name: str) -> bool:
    """Return whether a variable would change the emulator: users of LocalStack may have some exported."""
    return name.startswith(_OF_EMULATORS) or name in _OF_EMULATORS_EACH


def _await_health(emulator: Emulator, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        # A port that another process took first answers, too; only who holds it says so in our log.
        if f"Running on {emulator.endpoint_url} " in emulator.log.read_text(errors="replace"):
            try:
                with urlopen(f"{emulator.endpoint_url}/_ministack/health", timeout=2):
                    return
            except (URLError, OSError):
                pass
        time.sleep(0.05)
    tail = emulator.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"the emulator did not start; the end of {emulator.log}:\n{tail}")


def _command(pid: int) -> str:
    """Return a process's command line; empty if there is no such process, or it is a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _end_group(pid: int, number: signal.Signals) -> None:
    with suppress(OSError):
        os.killpg(pid, number)
