"""Everything that is tried on LocalStack's own runtime: `make e2e-localstack`. Says loudly when it could not be."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from localstack.paths import LOCAL, ROOT
from tests.builders.backends import LOCALSTACK
from tests.localstack_host.host import Host, is_alone, running
from tests.localstack_host.needs import CannotRunError, ready

# What `.ci/run` repeats as its last word.
NOT_TRIED = LOCAL / "not-tried.txt"
# Tests of the end-to-end suite that show jobs through all parts; the others look at MiniStack's own sides.
# The test of a REST API beside the suite's is none here, where all is behind one.
HEART = ("tests/e2e/test_jobs.py", "tests/e2e/test_schedules.py", "-k", "not on_a_rest_api_too")
# https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
LISTEN, LOOPBACK = "0A", "0100007F:"
STEPS: list[str] = []


def main() -> int:
    """Run all steps; return the exit code."""
    NOT_TRIED.unlink(missing_ok=True)
    try:
        with TemporaryDirectory(prefix="whendue-localstack-") as folder, running(Path(folder) / "host") as host:
            good = _try(host, Path(folder))
    except CannotRunError as error:
        said = f"LOCALSTACK WAS NOT TRIED: {error}"
        NOT_TRIED.write_text(f"{said}\n")
        print(f"\n{'!' * len(said)}\n{said}\n{'!' * len(said)}\n", flush=True)
        return 0
    print("\nOn LocalStack's runtime:", *STEPS, sep="\n  ", flush=True)
    return 0 if good else 1


def _try(host: Host, folder: Path) -> bool:
    clone = _clone(folder / "clone")
    # The functions print into LocalStack's log: it is shown when something went wrong.
    good = (
        _step("contract suite", ROOT, host, *_pytest("tests/contract", "-k", "localstack"))
        and (_nothing_beyond_loopback(host) or not is_alone(ready()))
        and _step("deploy from a fresh clone", clone, host, "make", "up")
        and _step("again, with nothing changed", clone, host, "make", "up")
        and _step("demonstration", clone, host, "make", "demo")
        and _step("end-to-end suite's heart", ROOT, host, *_pytest(*HEART))
    )
    if not good:
        print(f"The end of {host.log}:\n{host.log.read_text(errors='replace')[-10_000:]}", flush=True)
    return good


def _nothing_beyond_loopback(host: Host) -> bool:
    """Look at what the host's processes listen on: it takes any credentials, and nearby machines must not use it."""
    if found := beyond_loopback(host.pid):
        print(f"LocalStack listens beyond loopback: {', '.join(found)}", flush=True)
    return not found


def beyond_loopback(pid: int) -> list[str]:
    """List the TCP addresses (as the kernel writes them) on which a process, or one below it, listens for all."""
    inodes = {inode for item in _family(pid) for inode in _sockets(item)}
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    listening = [(row[1], row[9]) for row in rows if row[3] == LISTEN]
    return [address for address, inode in listening if inode in inodes and not address.startswith(LOOPBACK)]


def _family(pid: int) -> Iterator[int]:
    yield pid
    for dependents in Path(f"/proc/{pid}/task").glob("*/children"):
        for dependent in _read(dependents).split():
            yield from _family(int(dependent))


def _sockets(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            yield descriptor.readlink().name.removeprefix("socket:[").removesuffix("]")


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""


def _clone(to: Path) -> Path:
    """Copy what is tracked: nothing that was made here before, but the Python environment."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (source := ROOT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name)
    (to / ".local").mkdir()
    (to / ".local/venv").symlink_to((LOCAL / "venv").resolve())
    return to


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", *arguments]


def _step(name: str, where: Path, host: Host, *command: str) -> bool:
    """Run a command; says whether it ended well."""
    print(f"\n--- LocalStack: {name}", flush=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment |= {"EMULATOR": "localstack", "AWS_ENDPOINT_URL": host.endpoint_url, LOCALSTACK: host.endpoint_url}
    with _timed(name):
        return subprocess.run(command, cwd=where, env=environment, check=False).returncode == 0


@contextmanager
def _timed(name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    STEPS.append(f"{name}: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
