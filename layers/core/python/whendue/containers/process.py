"""A process that ends in good order: its health is served, a first signal drains it, a second one ends it at once."""

import os
import signal
import socket
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from whendue.bootstrap.application import App
from whendue.containers import log
from whendue.containers.health import Health, Liveness, serving
from whendue.containers.watchdog import watch
from whendue.metrics_export import export


@dataclass(frozen=True, slots=True)
class Probes:
    """Where health is served."""

    host: str
    port: int


class Service(Protocol):
    """What runs in the process."""

    def start(self) -> None:
        """Begin."""

    def drain(self) -> None:
        """Begin to end."""

    def join(self) -> bool:
        """Wait for the end, for as long as the grace lasts; False if something is still under way."""


def run(app: App, service: Service, liveness: Liveness, probes: Probes) -> int:
    """Run until a signal is received and the service has ended; end the process with 1 if it has not."""
    signals = _signals()
    watch()
    health = Health(liveness, app.health.ready)
    with serving(health, probes.host, probes.port) as address:
        service.start()
        log.info("started", health=address)
        number = signals.get()
        health.draining = True
        service.drain()
        log.info("draining", signal=signal.Signals(number).name)
        ended = service.join()
    # With what was counted since the last write.
    log.info("ended" if ended else "grace is over", **export(app))
    if not ended:
        # Python would wait for the threads of pools, for as long as a call to AWS gets no answer.
        os._exit(1)
    return 0


def _signals() -> "SimpleQueue[int]":
    """Catch SIGTERM and SIGINT: the first one is returned by the queue, the second one ends the process.

    The kernel may hand a signal to any thread, and Python's handlers run in the main thread alone: while that waits,
    they do not. But Python writes the signal's number to a descriptor at once, whichever thread it is in, and a thread
    of ours reads it: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    caught: SimpleQueue[int] = SimpleQueue()
    reading, writing = socket.socketpair()
    writing.settimeout(0)

    def read() -> None:
        with reading, writing:
            caught.put(reading.recv(1)[0])
            os._exit(128 + reading.recv(1)[0])

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing.fileno())
    threading.Thread(target=read, name="signals", daemon=True).start()
    return caught
