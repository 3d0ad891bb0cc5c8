"""A process that ends in good order: its health is served, a first signal drains it, a second one ends it at once."""

import os
import signal
from dataclasses import dataclass
from queue import SimpleQueue
from types import FrameType
from typing import Protocol

from whendue.bootstrap.application import App
from whendue.containers import log
from whendue.containers.health import Health, Liveness, serving


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
    health = Health(liveness, app.health.ready)
    with serving(health, probes.host, probes.port) as address:
        service.start()
        log.info("started", health=address)
        number = signals.get()
        health.draining = True
        service.drain()
        log.info("draining", signal=signal.Signals(number).name)
        ended = service.join()
    log.info("ended" if ended else "grace is over")
    if not ended:
        # Python would wait for the threads of pools, for as long as a call to AWS gets no answer.
        os._exit(1)
    return 0


def _signals() -> "SimpleQueue[int]":
    """Catch SIGTERM and SIGINT; a queue of this kind may be filled by a signal's handler."""
    caught: SimpleQueue[int] = SimpleQueue()
    seen: list[int] = []

    def catch(number: int, _frame: FrameType | None) -> None:
        if seen:
            os._exit(128 + number)
        seen.append(number)
        caught.put(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, catch)
    return caught
