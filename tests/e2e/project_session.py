"""A project in a folder of its own, with an environment that has the wheel alone: its commands, and `whendue dev`."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.builders.waiting import eventually


class Session:
    """A running `whendue dev`: what it has printed, and its API."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process, self.folder = process, folder
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        url, token = self.said(r"API +(http://\S+)"), self.said(r"Token +(\S+)")
        # An API that is replaced closes the connections that are kept; new ones wait for the next API.
        each_alone = httpx.Limits(max_keepalive_connections=0)
        self.token = token
        bearer = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=url, headers=bearer, timeout=60, limits=each_alone)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self._reader.join()
        self.http.close()
        return code

    def said(self, pattern: str, since: int = 0) -> str:
        """Wait for a line, and return what the pattern's group has of it."""

        def found() -> "re.Match[str] | None":
            assert self.process.poll() is None, "".join(self.lines)
            return re.search(pattern, "".join(self.lines[since:]))

        match = eventually(found)
        assert match
        return match[1]

    def submit(self, kind: str, payload: Any) -> str:
        reply = self.http.post("/jobs", json={"type": kind, "payload": payload})
        assert reply.status_code == 202, reply.text
        return str(reply.json()["id"])

    def ended(self, job: str) -> dict[str, Any]:
        def current() -> dict[str, Any]:
            read: dict[str, Any] = self.http.get(f"/jobs/{job}").raise_for_status().json()
            return read

        return eventually(current, lambda read: read["state"] in ("succeeded", "dead"), every_s=0.02)

    def result(self, kind: str, payload: Any) -> Any:
        return self.ended(self.submit(kind, payload))["result"]


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return kept | {
        "HOME": str(folder / "home"),
        "PATH": f"{folder / 'venv/bin'}{os.pathsep}{os.environ['PATH']}",
        "LANG": "C.UTF-8",
    }


@contextmanager
def running(base: Path) -> Iterator[Session]:
    process = subprocess.Popen(
        ["whendue", "dev"],
        executable=str(base / "venv/bin/whendue"),
        cwd=base / "shop",
        env=environment(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Session(process, base / "shop")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def processes_of(base: Path) -> list[str]:
    """Return the command lines of all processes that run from a folder's environments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(base) in command and int(entry.name) != os.getpid():
            found.append(command)
    return found


def ran(base: Path, folder: Path, program: str, *arguments: str) -> str:
    """Run a program of the environment to its end; return its output."""
    command = [str(base / "venv/bin" / program), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(base), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
