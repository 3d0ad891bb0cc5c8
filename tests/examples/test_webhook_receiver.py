"""examples/webhook_receiver.py: whendue's own deliveries are taken, and nothing else."""

import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.notified import Notified, fresh_resources
from whendue.outbound.signing import headers as signed

SECRET = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
BODY = b'{"type": "job.dead", "data": {"jobId": "0190"}}'
Post = Callable[[bytes, dict[str, str]], int]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The example's receiver on loopback."""
    from examples import webhook_receiver

    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    monkeypatch.setattr(webhook_receiver.Receiver, "log_message", lambda *_: None)
    webhook_receiver.SEEN.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), webhook_receiver.Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def post(port: int) -> Post:
    def send(body: bytes, headers: dict[str, str]) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    return send


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Notified:
    made = Notified()
    fresh_resources(monkeypatch).provide("notify", lambda: made.app.notify)
    return made


def test_a_delivery_of_whendue_is_taken(
    world: Notified, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the secret that the API gave, also while two keys sign."""
    client = Client(api_of(world), a_token())
    hook = {"channel": "webhook", "config": {"url": f"http://127.0.0.1:{port}/"}, "events": ["succeeded"]}
    secret = client.send("PUT", "/subscriptions/hook", hook).json["secret"]
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    client.send("POST", "/subscriptions/hook/rotate-secret")
    job = client.submit()
    world.work()
    [delivery] = client.send("GET", "/subscriptions/hook/deliveries").json["items"]
    assert delivery["state"] == "succeeded"
    assert capsys.readouterr().out == f"job.succeeded {job['id']}\n"


def test_a_repetition_is_taken_and_does_nothing(
    world: Notified, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the same id; without a 2xx it would come again."""
    headers = signed([SECRET], "id-1", world.system.now_ms() // 1000, BODY)
    assert (post(BODY, headers), post(BODY, headers)) == (204, 204)
    assert capsys.readouterr().out == "job.dead 0190\n"


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (BODY + b" ", {}),
        (BODY, {"webhook-id": "another"}),
        (BODY, {"webhook-timestamp": "1"}),
        (BODY, {"webhook-signature": "v1,AAAA"}),
        (BODY, {"webhook-signature": "v1,\u00e4"}),
    ],
)
def test_what_was_changed_is_refused(world: Notified, post: Post, body: bytes, changed: dict[str, str]) -> None:
    """Body, id and time are all signed."""
    headers = signed([SECRET], "id-1", world.system.now_ms() // 1000, BODY)
    assert post(body, headers | changed) == 401


@pytest.mark.parametrize("off_s", [-400, 400])
def test_what_was_signed_at_another_time_is_refused(world: Notified, post: Post, off_s: int) -> None:
    """Somebody may have recorded it."""
    assert post(BODY, signed([SECRET], "id-1", world.system.now_ms() // 1000 + off_s, BODY)) == 401


def test_what_is_not_signed_is_refused(post: Post) -> None:
    """Anybody can find the address."""
    assert post(BODY, {}) == 401
