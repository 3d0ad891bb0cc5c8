"""A project outside of this repository: from the wheel to changed code at work, and back to nothing.

`python -m pytest tests/e2e/test_project.py -s`; it builds the wheel and makes a virtual environment, so it takes about
two minutes. In the container home there is nothing else to test: these are processes anyway.
"""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders.waiting import eventually
from tests.functional.project.wheel import build_wheel

pytestmark = pytest.mark.skipif(
    os.environ.get("WHENDUE_E2E_HOME") == "container", reason="a stack of its own, the same in each home"
)
EDITS = 5
SLOW = '''"""Tasks that take their time."""

import time

from pydantic import BaseModel

from whendue import task


class Slow(BaseModel):
    """How long."""

    seconds: float
    begun: str


@task("slow.run")
def run(payload: Slow) -> str:
    """Say that it runs, and take its time."""
    with open(payload.begun, "w") as file:
        file.write("begun")
    time.sleep(payload.seconds)
    return "first code"
'''


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


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty folder with a virtual environment that has the wheel, and nothing of this repository."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "home").mkdir()
    wheel = build_wheel(folder)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, f"{wheel}[dev]"], check=True, env=environment(folder), cwd=folder)
    return folder


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


def files_of(base: Path) -> dict[str, int]:
    installed = base / "venv"
    return {str(path): path.stat().st_mtime_ns for path in installed.rglob("*") if path.is_file()}


def test_a_project_from_the_wheel_to_ctrl_c(base: Path) -> None:
    """What docs/guide/own-project.md promises, in its order."""
    made = subprocess.run(
        [str(base / "venv/bin/whendue"), "new", "shop"], cwd=base, env=environment(base), check=True, text=True,
        capture_output=True,
    )  # fmt: skip
    assert "shop/whendue.toml" in made.stdout
    tested = subprocess.run(
        [str(base / "venv/bin/pytest"), "-q"], cwd=base / "shop", env=environment(base), check=False, text=True,
        capture_output=True,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    before = files_of(base)
    with running(base) as session:
        assert session.result("greetings.send", {"name": "Ada"}) == {"greeting": "Hello, Ada!"}
        assert session.http.get("/docs", headers={"Accept": "text/html"}).status_code == 200
        assert session.http.post("/jobs", json={"type": "greetings.sent", "payload": {}}).status_code == 422
        changed_code_is_at_work(session)
        a_running_job_is_kept(session, base)
        a_broken_import_is_shown_and_heals(session)
        assert {line.partition("|")[0].strip() for line in session.lines} == {
            "dev", "services", "worker", "api", "timer",
        }  # fmt: skip
        assert session.end() == 0
    assert processes_of(base) == []
    assert files_of(base) == before


def changed_code_is_at_work(session: Session) -> None:
    source = session.folder / "tasks/greetings.py"
    original = source.read_text()
    took = []
    for number in range(EDITS):
        wanted = f"Hello {number}, "
        began = time.perf_counter()
        source.write_text(original.replace("Hello, ", wanted))
        while session.result("greetings.send", {"name": "Ada"}) != {"greeting": f"{wanted}Ada!"}:
            pass
        took.append(time.perf_counter() - began)
    print(f"\nfrom save to first result: median {statistics.median(took):.2f} s of {[round(one, 2) for one in took]}")
    source.write_text(original)


def a_running_job_is_kept(session: Session, base: Path) -> None:
    (session.folder / "tasks/slow.py").write_text(SLOW)
    session.said(r"(tasks: greetings.send, slow.run)")
    begun = base / "begun"
    job = eventually(lambda: submitted(session, {"seconds": 6, "begun": str(begun)}))
    eventually(begun.exists)
    since = len(session.lines)
    (session.folder / "tasks/slow.py").write_text(SLOW.replace("first code", "second code"))
    session.said(r"(new code at work)", since)
    assert session.result("greetings.send", {"name": "Bob"}) == {"greeting": "Hello, Bob!"}
    assert session.http.get(f"/jobs/{job}").json()["state"] == "running"
    ended = session.ended(job)
    assert (ended["result"], len(ended["attempts"])) == ("first code", 1), ended


def submitted(session: Session, payload: Any) -> str:
    """Submit once the API knows the task, too."""
    reply = session.http.post("/jobs", json={"type": "slow.run", "payload": payload})
    return str(reply.json()["id"]) if reply.status_code == 202 else ""


def a_broken_import_is_shown_and_heals(session: Session) -> None:
    source = session.folder / "tasks/slow.py"
    since = len(session.lines)
    source.write_text(f"{SLOW}\nimport no_such_module\n")
    session.said(r"(worker +\| ERROR tasks.slow cannot be imported)", since)
    session.said(r"(worker +\| +import no_such_module\n)", since)
    session.said(r"(worker +\| ModuleNotFoundError: No module named 'no_such_module')", since)
    session.said(r"(new code at work)", since)
    assert session.result("greetings.send", {"name": "Eve"}) == {"greeting": "Hello, Eve!"}
    since = len(session.lines)
    source.write_text(SLOW)
    session.said(r"(tasks: greetings.send, slow.run)", since)
    begun = session.folder.parent / "begun-again"
    job = eventually(lambda: submitted(session, {"seconds": 0, "begun": str(begun)}))
    assert session.ended(job)["state"] == "succeeded"


def test_a_project_is_built_and_its_terraform_written_from_the_wheel(base: Path) -> None:
    """What the wheel carries is all that both need, with pip's own index."""
    ran(base, base, "new", "built")
    reply = json.loads(ran(base, base / "built", "build", "--json"))
    assert all((base / "built/.local/build" / name).is_file() for name in reply["zips"])
    ran(base, base / "built", "terraform")
    assert (base / "built/infra/whendue/terraform/main.tf").is_file()


def ran(base: Path, folder: Path, *arguments: str) -> str:
    """Run a command to its end; return its output."""
    command = [str(base / "venv/bin/whendue"), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(base), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
