"""Values read a moment ago: a cache by key, each entry for a few seconds."""

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from whendue.effects import Effects

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Fresh(Generic[K, V]):
    """Remembers values for a while. It holds no more than was asked for during that while.

    Args:
        effects: the clock.
        ttl_ms: how old a value may be; its age counts from before it was read.
    """

    def __init__(self, effects: Effects, ttl_ms: int) -> None:
        """Start with none."""
        self._effects = effects
        self._ttl_ms = ttl_ms
        self._known: dict[K, tuple[int, V]] = {}

    def get_many(self, keys: Sequence[K], load: Callable[[Sequence[K]], Sequence[V]]) -> dict[K, V]:
        """Give the values of keys; `load` is called once, with those that are not known, and may raise."""
        now_ms = self._effects.now_ms()
        # A clock that was set back makes a value old, not young for ever.
        self._known = {key: one for key, one in self._known.items() if 0 <= now_ms - one[0] < self._ttl_ms}
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        if missing:
            self._known |= {key: (now_ms, value) for key, value in zip(missing, load(missing), strict=True)}
        return {key: self._known[key][1] for key in keys}
