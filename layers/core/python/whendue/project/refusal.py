"""What answers at the API's address while the API cannot start: otherwise requests would wait without an end."""

import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

# As the API's own errors are written (RFC 9457).
CONTENT_TYPE: Final = "application/problem+json"
PROBLEM: Final = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": int(HTTPStatus.SERVICE_UNAVAILABLE),
    "code": "unavailable",
    "detail": "the API could not be started; `whendue dev` prints why, and starts it again after the next change",
}
# A request is read before it is answered, so that its sender sees the answer; no body of the API is larger.
BODY_BYTES: Final = 6 * 1024 * 1024
READ_S: Final = 5.0
LOOK_S: Final = 0.05


class Refusal:
    """Answers every request with 503, from now until `stop`.

    Args:
        listening: the socket; it stays open.
    """

    def __init__(self, listening: socket.socket) -> None:
        """Begin to answer."""
        self._server = _Server(("127.0.0.1", 0), _Refused, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening.dup()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_S,), name="refusal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Print nothing of a client that has gone."""


class _Refused(BaseHTTPRequestHandler):
    timeout = READ_S
    protocol_version = "HTTP/1.1"

    def _refuse(self) -> None:
        size = self.headers.get("Content-Length", "0")
        self.rfile.read(min(int(size), BODY_BYTES) if size.isascii() and size.isdigit() else 0)
        body = json.dumps(PROBLEM).encode()
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_: Any) -> None:
        """Print nothing: each request would be a line."""
