"""Values that are read again once they are of a certain age: what a process may know by heart, and for how long."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeGuard, TypeVar

from whendue.errors import UnavailableError
from whendue.support.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class _Known(NamedTuple, Generic[V]):
    value: V
    as_of_ms: int


class TtlCache(Generic[K, V]):
    """Caches values by key, each for a limited time, and a limited number of them.

    Args:
        clock: the clock.
        max_age_ms: a value of this age is read again. It is as old as the moment at which it was asked for.
        size: maximum number of values; the one that was read first is evicted first.
    """

    def __init__(self, clock: Clock, max_age_ms: int, size: int) -> None:
        """Start with nothing known."""
        self._clock = clock
        self._max_age_ms = max_age_ms
        self._size = size
        self._known: dict[K, _Known[V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K, read: Callable[[], V], *, stale: bool = False) -> V:
        """Return a value, read now if it is missing or too old. What `read` raises is raised, and not cached.

        Args:
            key: which value.
            read: reads it.
            stale: an old value will do while `read` says that it is unavailable.

        Raises:
            UnavailableError: it cannot be read, and none is known that would do.
        """
        asked_ms = self._clock.now_ms()
        known = self._known.get(key)
        if self._is_fresh(known, asked_ms):
            return known.value
        try:
            value = read()
        except UnavailableError:
            if stale and known is not None:
                return known.value
            raise
        self._remember(key, _Known(value, asked_ms))
        return value

    def get_many(self, keys: Sequence[K], read: Callable[[Sequence[K]], Sequence[V]]) -> dict[K, V]:
        """Return the values of keys; `read` is called at most once, with the missing keys, and may raise."""
        asked_ms = self._clock.now_ms()
        found = {key: known.value for key in keys if self._is_fresh(known := self._known.get(key), asked_ms)}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        for key, value in zip(missing, read(missing) if missing else (), strict=True):
            found[key] = value
            self._remember(key, _Known(value, asked_ms))
        return found

    def forget(self, key: K) -> None:
        """Let the next one who asks read."""
        with self._lock:
            self._known.pop(key, None)

    def _is_fresh(self, known: _Known[V] | None, now_ms: int) -> TypeGuard[_Known[V]]:
        # A clock that was set back makes no value younger.
        return known is not None and 0 <= now_ms - known.as_of_ms < self._max_age_ms

    def _remember(self, key: K, known: _Known[V]) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = known
            while len(self._known) > self._size:
                del self._known[next(iter(self._known))]
