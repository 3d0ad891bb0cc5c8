"""Runner without threads: calls run one after the other, in order, when they are waited for."""

from collections.abc import Callable, Sequence
from typing import Any


class InlineRunner:
    """Runs calls in the caller's thread, so that a run can be repeated to the letter."""

    def start(self, calls: Sequence[Callable[[], Any]]) -> "InlineRunning":
        """Take the calls; none has begun."""
        return InlineRunning(calls)


class InlineRunning:
    """Calls of which the first few have ended."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        """Begin with none."""
        self._waiting = list(enumerate(calls))

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:  # noqa: ARG002 - a call cannot be left half way
        """Run the next call to its end."""
        if not self._waiting:
            return []
        index, call = self._waiting.pop(0)
        try:
            return [(index, call())]
        except Exception as error:  # noqa: BLE001 - as the real one has it
            return [(index, error)]

    def interrupt(self, index: int, error: type[BaseException]) -> None:  # noqa: ARG002 - nothing runs between waits
        """Forget a call that has not begun."""
        self._waiting = [(number, call) for number, call in self._waiting if number != index]
