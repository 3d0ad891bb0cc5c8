"""whendue.client.wire: answers that are slow or too large, and where a token must not be."""

import logging
import pickle
import time
import traceback
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from tests.functional.client.servers import answer, both, dropped, misbehaving, problem
from whendue.client import ApiError, Client, ClientError, RetryPolicy, TransportError, UnexpectedAnswerError, wire
from whendue.client.actions import Exchange
from whendue.support.clock import ManualClock, system_clock

SECRET = "a.very.secret-token"
ONCE = RetryPolicy(attempts=1)


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Answer nothing until the client has hung up."""
    handler.connection.settimeout(10)
    handler.rfile.read(1)


def dribbling(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True


@pytest.mark.parametrize("reply", [silent, dribbling])
def test_an_answer_that_does_not_come_ends_in_time(reply: object) -> None:
    """Nor may one hold a caller for ever that sends a byte now and then. On real time, as sockets time out."""
    with misbehaving(reply) as web:  # type: ignore[arg-type]
        options = {"timeout_s": 0.2, "retry": ONCE, "clock": system_clock()}
        for _, _, error in both(web, lambda client: client.get_usage(), **options):
            assert isinstance(error, TransportError)
            assert error.sent


def test_an_answer_that_is_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not of this API, and memory has an end."""
    monkeypatch.setattr(wire, "ANSWER_BYTES", 1000)
    with misbehaving(answer(200, b" " * 1001)) as web:
        for _, _, error in both(web, lambda client: client.get_metrics()):
            assert isinstance(error, UnexpectedAnswerError)
    with misbehaving(answer(200, b" " * 1000)) as web:
        for _, _, metrics in both(web, lambda client: client.get_metrics()):
            assert metrics == " " * 1000


def test_what_a_body_takes_is_bounded_by_the_exchange() -> None:
    """By the clock of the client."""
    clock = ManualClock()
    body = wire.Body(Exchange(method="GET", url="http://x", headers={}, timeout_s=3), clock.as_clock())
    clock.advance(3)
    body.add(b"x")
    clock.advance(0.001)
    with pytest.raises(TransportError, match="not complete within 3 s"):
        body.add(b"x")


@pytest.mark.parametrize("reply", [dropped, problem(401, "unauthenticated"), answer(200, b"x"), answer(302)])
def test_a_token_is_in_no_error_and_in_no_log(reply: object, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the text, the causes, the local variables of our frames, nor in a pickle."""
    caplog.set_level(logging.DEBUG)
    with misbehaving(reply) as web:  # type: ignore[arg-type]
        for _, _, error in both(web, lambda client: client.get_usage(), token=SECRET, retry=ONCE):
            assert isinstance(error, ClientError)
            assert web.seen[-1].headers["Authorization"] == f"Bearer {SECRET}"
            assert error.__cause__ is None
            seen = traceback.TracebackException.from_exception(error, capture_locals=True)
            ours = [frame for frame in seen.stack if "whendue/client" in frame.filename]
            shown = [str(error), repr(error), repr(vars(error)), *(repr(frame.locals) for frame in ours)]
            assert ours
            assert SECRET not in "".join(shown)
            assert not isinstance(error.__context__, httpx.HTTPError)
            again = pickle.loads(pickle.dumps(error))
            assert (type(again), str(again), again.attempts) == (type(error), str(error), 1)
    assert SECRET not in caplog.text


def test_a_token_is_in_no_repr() -> None:
    """Of the client, and of what it keeps."""
    with Client("http://127.0.0.1:1", SECRET) as client:
        assert SECRET not in repr(client) + repr(vars(client)) + repr(client._settings)


def test_an_error_keeps_its_problem_in_a_pickle() -> None:
    """A job of a process pool raises it in another process."""
    with misbehaving(problem(409, "state_conflict")) as web:
        for _, _, error in both(web, lambda client: client.cancel_job("j")):
            again = pickle.loads(pickle.dumps(error))
            assert isinstance(again, ApiError)
            assert (again.code, again.status) == ("state_conflict", 409)
