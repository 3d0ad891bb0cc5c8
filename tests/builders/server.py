"""The real API behind a loopback HTTP server, on memory adapters: what API Gateway does, and nothing more."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from functions.api.app import Api
from tests.builders.gateway import Context
from tests.builders.world import World


def event_of(method: str, target: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Return an HTTP API's event of a request (payload format 2.0): its path decoded, its body as base64."""
    path, _, query = target.partition("?")
    decoded = unquote(path)
    return {
        "version": "2.0",
        "rawPath": decoded,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"stage": "$default", "http": {"method": method, "path": decoded}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@contextmanager
def serving(api: Api, world: World) -> Iterator[str]:
    """Serve an API, one request at a time as a function does; return its URL. Time goes on by a second a request."""
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            # As a gateway: bodies are read whole, chunked ones are not taken.
            length = self.headers.get("content-length", "0")
            body = self.rfile.read(int(length)) if length.isdigit() else b""
            together: dict[str, str] = {}
            for name, value in self.headers.items():
                low = name.lower()
                together[low] = f"{together[low]},{value}" if low in together else value
            with turn:
                world.clock.advance(1)
                reply = api(event_of(self.command, self.path, together, body), Context())
            content = reply["body"].encode()
            self.send_response(reply["statusCode"])
            for name, value in reply["headers"].items():
                self.send_header(name, value)
            if reply["statusCode"] != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD" and reply["statusCode"] != 204:
                self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            """Answer every method, known or not."""
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            """Refuse what is too long for this server, as a gateway does before anything of ours is asked."""
            content = json.dumps(
                {
                    "type": "urn:gateway",
                    "title": message or "",
                    "status": code,
                    "code": "uri_too_long",
                    "detail": explain or "",
                }
            ).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
