"""The client in force: the one that `task.delay(...)` and its like use, which are given none."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from whendue.client.async_client import AsyncClient
from whendue.client.sync_client import Client

AnyClient = Client | AsyncClient
_USED: Final = ContextVar[AnyClient | None]("whendue_client", default=None)


class _Configured:
    """The client of this process; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: AnyClient | None = None

    def put(self, client: AnyClient | None) -> None:
        with self._lock:
            self._client = client

    def get(self) -> AnyClient:
        with self._lock:
            if self._client is None:
                self._client = Client.from_env()
            return self._client


_CONFIGURED: Final = _Configured()


@contextmanager
def use(client: AnyClient) -> Iterator[None]:
    """Let a client be in force within a block, for this thread, and for the coroutines that are started in it."""
    token = _USED.set(client)
    try:
        yield
    finally:
        _USED.reset(token)


def configure(client: AnyClient | None) -> None:
    """Let a client be in force in this process wherever no block uses another one.

    Args:
        client: the client, which is not closed here. None: one of the environment, made at its first use.
    """
    _CONFIGURED.put(client)


def current_client() -> AnyClient:
    """Return the client in force: that of the block, else that of the process, else one of the environment.

    Raises:
        ValueError: there is none, and the environment names none, see `Client.from_env`.
    """
    return _USED.get() or _CONFIGURED.get()
