"""How many a second: over the last full second, or so far in this one if that is more."""

WINDOW_MS = 1000


class Rate:
    """Counts in windows of a second; not safe for threads by itself."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._window = 0
        self._current = 0
        self._last = 0

    def add(self, number: int, now_ms: int) -> None:
        """Count some."""
        self._move(now_ms)
        self._current += number

    def per_s(self, now_ms: int) -> int:
        """Return the rate; 0 once nothing was counted for two seconds."""
        self._move(now_ms)
        return max(self._current, self._last)

    def _move(self, now_ms: int) -> None:
        window = now_ms // WINDOW_MS
        if window != self._window:
            self._last = self._current if window == self._window + 1 else 0
            self._window, self._current = window, 0
