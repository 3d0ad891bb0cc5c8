"""Health that means progress: every thread gets on, and table and queues answer."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from whendue.errors import ConfigurationError

LIVE, READY = "/health/live", "/health/ready"


class Liveness:
    """When each thread last got on.

    Args:
        now_ms: the clock.
        silent_s: a thread that is silent for longer hangs.
    """

    def __init__(self, now_ms: Callable[[], int], silent_s: int) -> None:
        """Begin without threads."""
        self._now_ms = now_ms
        self._silent_ms = silent_s * 1000
        self._last: dict[str, int] = {}

    def beat(self, thread: str) -> None:
        """Note that a thread gets on."""
        self._last[thread] = self._now_ms()

    def silent(self) -> list[str]:
        """Name the threads that hang."""
        oldest_ms = self._now_ms() - self._silent_ms
        return sorted(thread for thread, at_ms in self._last.items() if at_ms < oldest_ms)


class Health:
    """What probes receive.

    Args:
        liveness: of the process's threads.
        answers: asks table and queues; name -> `ok` or an error's code.
    """

    def __init__(self, liveness: Liveness, answers: Callable[[], Mapping[str, str]]) -> None:
        """Begin as ready."""
        self._liveness = liveness
        self._answers = answers
        self.draining = False

    def live(self) -> dict[str, str]:
        """Name what does not get on; only a new process helps."""
        return dict.fromkeys(self._liveness.silent(), "silent")

    def ready(self) -> dict[str, str]:
        """Name what keeps the process from working now."""
        # Whatever table and queues answer, and however long they take to.
        if self.draining:
            return {"process": "draining"}
        return {name: answer for name, answer in self._answers().items() if answer != "ok"}


@contextmanager
def serving(health: Health, host: str, port: int) -> Iterator[str]:
    """Answer probes for the length of a block; yield the address.

    Raises:
        ConfigurationError: nothing can listen there.
    """
    probes = {LIVE: health.live, READY: health.ready}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer a probe: 200, or 503 with what is wrong."""
            if self.path not in probes:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            wrong = probes[self.path]()
            body = json.dumps({"status": "DOWN" if wrong else "UP", "wrong": wrong}).encode()
            self.send_response(HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: a probe every few seconds is not worth a line."""

    with _listening(host, port, Handler) as server:
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        yield f"http://{host}:{server.server_port}"
        server.shutdown()


def _listening(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise ConfigurationError(f"health probes cannot be served at {host}:{port}: {error.strerror}") from error
