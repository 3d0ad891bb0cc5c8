"""Clients of an emulator talk to that one, whatever is exported: localstack-client itself obeys the environment."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProfileNotFound
from localstack_client.session import Session

from localstack import emulator as emulator_process
from localstack.__main__ import main
from localstack.deploy import clients
from localstack.deploy.clients import Clients

HERE = "http://127.0.0.1:41999"
ELSEWHERE = "http://127.0.0.1:9"


@pytest.fixture
def _nobodys_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


class Asked(BaseHTTPRequestHandler):
    """An emulator that knows no queue."""

    paths: list[str]

    def do_POST(self) -> None:
        """Answer with an empty list."""
        self.paths.append(self.headers["Authorization"].partition("/")[0])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def emulator() -> Iterator[tuple[str, list[str]]]:
    """A server on a free port, and the credentials that it was asked with."""
    asked: Any = type("AskedHere", (Asked,), {"paths": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked.paths
        server.shutdown()


@pytest.mark.usefixtures("_nobodys_configuration")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", ""),
        ("AWS_ENDPOINT_URL", ELSEWHERE),
        ("AWS_ENDPOINT_URL_SQS", ELSEWHERE),
        ("LOCALSTACK_HOST", "127.0.0.1:9"),
        ("EDGE_PORT", "9"),
        ("USE_SSL", "1"),
        ("USE_LEGACY_PORTS", "1"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
    ],
)
def test_a_client_asks_its_own_emulator_whatever_is_exported(
    emulator: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Otherwise a deploy would make, and a test delete, things in somebody else's stack."""
    url, asked = emulator
    if name:
        monkeypatch.setenv(name, value)
    assert Clients(url).sqs.list_queues().get("QueueUrls", []) == []
    assert asked == ["AWS4-HMAC-SHA256 Credential=test"]


@pytest.mark.usefixtures("_nobodys_configuration")
def test_a_client_that_is_led_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the library change: an error that names what to unset, and no call."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", ELSEWHERE)
    monkeypatch.setattr(clients, "session", lambda _: Session("test", "test", localstack_host="127.0.0.1:41999"))
    with pytest.raises(RuntimeError, match="unset AWS_ENDPOINT_URL") as caught:
        Clients(HERE).client("sqs")
    assert HERE in str(caught.value)
    assert ELSEWHERE in str(caught.value)


def test_the_embedded_emulator_is_started_without_what_is_exported_for_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """USE_SSL=1 made it speak TLS on port 443, and nobody understood it."""
    exported = ("AWS_ENDPOINT_URL", "EDGE_PORT", "LOCALSTACK_HOST", "MINISTACK_REGION", "SERVICES", "USE_SSL")
    for name in exported:
        monkeypatch.setenv(name, "1")
    given: dict[str, str] = {}

    def started(_command: Any, *, env: dict[str, str], **_: Any) -> Any:
        given.update(env)
        raise OSError

    monkeypatch.setattr(emulator_process, "install", lambda: None)
    monkeypatch.setattr("subprocess.Popen", started)
    with pytest.raises(OSError):
        emulator_process.start(tmp_path)
    assert not given.keys() & set(exported)
    assert given["LAMBDA_EXECUTOR"] == "local"
    assert "PATH" in given


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_the_dev_loop_does_not_care_for_a_profile_of_an_account(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen before: `AWS_PROFILE=nope make up` ended in a traceback."""
    monkeypatch.setenv(name, "nope")
    with pytest.raises(ProfileNotFound):
        Clients("http://127.0.0.1:1").client("sqs")
    main(["status"])
    assert Clients("http://127.0.0.1:1").client("sqs")
