"""The service of `whendue api`: uvicorn on a thread of its own, and the threads that answer requests."""

import asyncio
import logging
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from uvicorn import Config, Server

from whendue.containers import log
from whendue.containers.health import Liveness
from whendue.containers.http_server import bounds
from whendue.containers.http_server.application import TIMES, Application, Handler, Times
from whendue.containers.http_server.protocol import BoundedProtocol
from whendue.containers.http_server.proxies import Proxies
from whendue.containers.http_server.request_threads import RequestThreads
from whendue.errors import ConfigurationError
from whendue.support.clock import Clock

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

THREAD: Final = "server"
# Of the grace, what uvicorn's own steps take: it looks every 0.1 s whether to end, and closes connections.
CLOSING_S: Final = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of the server.

    Args:
        host: the address to listen at.
        port: 0 picks a free one.
        threads: maximum number of requests that are answered concurrently.
        grace_s: seconds that requests get to end.
        proxies: whose X-Forwarded-For is believed.
        descriptor: of a listening socket that another process has opened; then there is no own one.
    """

    host: str
    port: int
    threads: int
    grace_s: int
    proxies: Proxies = field(default_factory=Proxies)
    descriptor: int | None = None


class HttpServer:
    """A server that runs until it is drained.

    Args:
        handler: answers an event; it is called by several threads at once.
        options: what is asked of it.
        clock: the clock.
        liveness: learns of its threads.
        times: how long a request may take.
    """

    def __init__(
        self, handler: Handler, options: Options, clock: Clock, liveness: Liveness, times: Times = TIMES
    ) -> None:
        """Make ready; nothing listens yet."""
        self._options = options
        self._clock = clock
        self._liveness = liveness
        waiting = options.threads * bounds.WAITING_PER_THREAD
        self._threads = RequestThreads(options.threads, waiting, clock.now_ms, bounds.HUNG_S, liveness)
        self._application = Application(handler, self._threads, options.proxies, clock, times)
        self._server = Server(_config(self._application, options.grace_s))
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._drained_ms = 0
        self.address = ""

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: nothing can listen there.
        """
        _take_logs()
        listening = _listening(self._options)
        host, port = listening.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._socket = listening
        self._threads.start()
        self._thread.start()
        log.info("listening", url=self.address)

    def drain(self) -> None:
        """Accept nothing more; requests under way go on."""
        self._drained_ms = self._clock.now_ms()
        self._application.draining = True
        self._server.should_exit = True

    def join(self) -> bool:
        """Wait for the end of the requests under way, no longer than the grace; False if one still goes on."""
        self._thread.join(self._options.grace_s)
        left_s = self._options.grace_s - (self._clock.now_ms() - self._drained_ms) / 1000
        return self._threads.wait_idle(max(0.0, left_s)) and not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - its silence is what health reports
            log.failed("server failed", error)

    async def _serve(self) -> None:
        beating = asyncio.create_task(self._beat())
        await self._server.serve(sockets=[self._socket])
        beating.cancel()

    async def _beat(self) -> None:
        while True:
            self._liveness.beat(THREAD)
            self._threads.beat()
            await asyncio.sleep(1)


def _config(application: Application, grace_s: int) -> Config:
    return Config(
        # Its own types of messages are narrower than ASGI's.
        cast("ASGIApplication", application),
        loop="asyncio",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        # Addresses are ours to believe: proxies.py.
        proxy_headers=False,
        server_header=False,
        backlog=bounds.BACKLOG,
        h11_max_incomplete_event_size=bounds.HEAD_BYTES,
        timeout_keep_alive=bounds.KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, grace_s - CLOSING_S),
    )


def _listening(options: Options) -> socket.socket:
    if options.descriptor is not None:
        return _inherited(options.descriptor)
    host, port = options.host, options.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=bounds.BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"the API cannot be served at {host}:{port}: {error.strerror}") from error


def _inherited(descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise ConfigurationError(f"the file descriptor {descriptor} is no open socket: {error.strerror}") from error


class _OurLog(logging.Handler):
    """Logs the unexpected errors of others by type and place; their texts may quote a request."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record that has an error."""
        if record.exc_info and record.exc_info[1]:
            log.failed("server failed", record.exc_info[1])


def _take_logs() -> None:
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], False
        logger.setLevel(logging.ERROR)
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addHandler(_OurLog())
