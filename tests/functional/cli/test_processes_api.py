"""The command `whendue api` as its own process: signals while a request is under way, and what it refuses."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from localstack import token
from localstack.paths import ROOT
from tests.builders import web
from tests.builders.api import SECRET, a_token
from tests.builders.waiting import eventually
from whendue.containers.health import READY

pytestmark = pytest.mark.thorough

HANGS_S = 600
PATHS = os.pathsep.join((str(ROOT / "layers/core/python"), str(ROOT)))
GIVEN = {
    "PYTHONPATH": PATHS,
    "PATH": os.environ["PATH"],
    "WHENDUE_TABLE": "table",
    "WHENDUE_BUCKET": "bucket",
    "WHENDUE_QUEUES": '{"critical":"u","high":"u","normal":"u","low":"u","notifications":"u"}',
    "WHENDUE_DEAD_LETTER_QUEUE": "u",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    **token.environment(SECRET, "s" * 40),
}
# What reads of a table find that holds nothing but the mark that it needs no upgrade.
EMPTY = b'{"Items": [], "Count": 0, "Responses": {}, "UnprocessedKeys": {}, "Item": {"finished": {"BOOL": true}}}'
LISTENING = ["--host", "127.0.0.1", "--port", "0", "--health-host", "127.0.0.1", "--health-port", "0"]


@dataclass
class Running:
    """A process whose requests wait for the table.

    Args:
        process: of `whendue api`.
        url: of the API.
        health: of the probes.
        asked: set when a request has asked the table.
        answer: lets the table answer.
    """

    process: "subprocess.Popen[str]"
    url: str
    health: str
    asked: threading.Event
    answer: threading.Event

    def request(self) -> Any:
        """Ask for the list of jobs; return what waits for the answer."""
        found: list[httpx.Response] = []
        headers = {"Authorization": f"Bearer {a_token()}"}

        def ask() -> None:
            # There is no answer where the process is ended at once.
            with suppress(httpx.TransportError):
                found.append(httpx.get(f"{self.url}/jobs", headers=headers, timeout=HANGS_S))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        assert self.asked.wait(HANGS_S)

        def result() -> httpx.Response:
            thread.join(HANGS_S)
            [response] = found
            return response

        return result


@contextmanager
def running(*arguments: str, folder: Path = ROOT, **changed: str) -> Iterator[Running]:
    """Run it in a folder before a table that answers when it is told to."""
    asked, answer = threading.Event(), threading.Event()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        answer.wait(HANGS_S)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-amz-json-1.0")
        handler.send_header("Content-Length", str(len(EMPTY)))
        handler.end_headers()
        handler.wfile.write(EMPTY)

    command = [sys.executable, "-m", "whendue.cli", "api", *LISTENING, *arguments]
    with web.serving() as table:
        table.reply = reply
        given = GIVEN | {"AWS_ENDPOINT_URL": table.url("")} | changed
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=given, cwd=folder) as process:
            assert process.stdout
            lines = {line["message"]: line for line in map(json.loads, [next(process.stdout) for _ in range(2)])}
            try:
                yield Running(process, lines["listening"]["url"], lines["started"]["health"], asked, answer)
            finally:
                answer.set()
                process.kill()


def refused(url: str) -> bool:
    """Return whether nothing listens there."""
    try:
        httpx.get(url, timeout=HANGS_S)
    except httpx.TransportError:
        return True
    return False


def messages(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout
    return [json.loads(line)["message"] for line in process.stdout]


def test_a_request_under_way_is_answered_after_sigterm_and_nothing_else_is_accepted() -> None:
    """The process is not ready in the meantime, and ends by itself when the last request has."""
    with running() as api:
        answer = api.request()
        api.process.terminate()
        eventually(lambda: refused(api.url))
        assert httpx.get(api.health + READY, timeout=HANGS_S).json()["wrong"]["process"] == "draining"
        assert api.process.poll() is None
        api.answer.set()
        assert (answer().status_code, answer().json()["items"]) == (200, [])
        assert api.process.wait(HANGS_S) == 0
        noted = messages(api.process)
        assert (noted[0], noted[-1], "request" in noted) == ("draining", "ended", True)


def test_a_request_that_outlasts_the_grace_is_given_up() -> None:
    """The exit code says so; the thread that still waits for the table does not hold up the end."""
    with running("--grace", "2") as api:
        answer = api.request()
        api.process.terminate()
        assert api.process.wait(HANGS_S) == 1
        assert (answer().status_code, answer().json()["code"]) == (503, "shutting_down")
        assert messages(api.process)[-1] == "grace is over"


def test_a_second_signal_ends_it_at_once() -> None:
    """Like a crash: the request gets no answer."""
    with running("--grace", "3600") as api:
        api.request()
        api.process.terminate()
        eventually(lambda: refused(api.url))
        api.process.terminate()
        assert api.process.wait(HANGS_S) == 128 + 15


@pytest.mark.parametrize(
    ("arguments", "changed", "named"),
    [
        (["--trusted-proxies", "proxy.example.com"], {}, "--trusted-proxies"),
        (["--threads", "0"], {}, "--threads"),
        (["--port", "70000"], {}, "--port"),
        ([], {"WHENDUE_JWT_ALGORITHM": "none"}, "WHENDUE_JWT_ALGORITHM"),
        ([], {"WHENDUE_TABLE": ""}, "WHENDUE_TABLE"),
    ],
)
def test_what_is_wrongly_configured_is_named(arguments: list[str], changed: dict[str, str], named: str) -> None:
    """Before it listens, with the exit code of the other commands."""
    command = [sys.executable, "-m", "whendue.cli", "api", *LISTENING, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=GIVEN | changed, timeout=HANGS_S)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_it_finds_the_apis_code_that_the_package_carries(tmp_path: Path) -> None:
    """In a project of one's own there is no folder `functions`."""
    with running(folder=tmp_path, PYTHONPATH=str(ROOT / "layers/core/python"), WHENDUE_TASKS="") as api:
        assert httpx.get(f"{api.url}/health", timeout=HANGS_S).json() == {"status": "UP"}


def test_without_the_server_library_the_command_says_what_to_install() -> None:
    """Workers and timers do not need it; the other commands are unaffected."""
    # As if it were not installed.
    code = "import sys; sys.modules['uvicorn'] = None; from whendue.cli.processes import main; sys.exit(main(['api']))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=GIVEN)
    assert done.returncode == 2
    assert "whendue[api,server]" in done.stderr
    assert "Traceback" not in done.stderr
