"""Coroutines of users on threads: one event loop for each thread that runs any, kept from one call to the next.

asyncio is imported by the first coroutine: a process that runs none does without.
"""

import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from whendue.errors import Interrupted

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

# Time that everything a coroutine left running has to end, once it was cancelled. As long as an interrupted task has.
LEFTOVER_S: Final = 1.0

_thread: Final = threading.local()
# Thread -> cancels the coroutine that it runs.
_under_way: Final[dict[int, Callable[[], None]]] = {}


def finished(value: Any) -> Any:
    """Return a value as it is; of a coroutine, and of anything else that can be awaited, what it returns.

    It runs on this thread's event loop. Tasks that it left running are cancelled, and end before this returns. Those
    that do not end within LEFTOVER_S never run again: their loop is given up, and the thread's next coroutine has a new
    one.

    Args:
        value: what a function returned.

    Raises:
        Interrupted: this thread was interrupted; the coroutine was cancelled.
        RuntimeError: this thread runs an event loop already.
        BaseException: whatever the coroutine raises.
    """
    if type(value) is CoroutineType:
        return _run(value)
    return _run(_awaited(value)) if hasattr(type(value), "__await__") else value


def cancel(thread: int) -> None:
    """Cancel the coroutine that a thread runs, if it runs one: a loop that waits does not see that it is interrupted.

    Args:
        thread: its identifier.
    """
    if cancel_coroutine := _under_way.get(thread):
        # The loop may have been closed by now.
        with suppress(RuntimeError):
            cancel_coroutine()


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    if _is_in_loop():
        coroutine.close()
        raise RuntimeError("a coroutine cannot be run here: this thread's event loop is running")
    kept: _KeptLoop | None = getattr(_thread, "kept", None)
    # An interrupt may strike anywhere: the loop is kept again only once it is known to be clean.
    _thread.kept = None
    try:
        kept = kept or _KeptLoop()
        call = _Call(kept.loop, coroutine)
    except BaseException:
        coroutine.close()
        raise
    thread = threading.get_ident()
    _under_way[thread] = call.cancel_soon
    try:
        return call.result()
    finally:
        if call.ended_clean():
            _thread.kept = kept
        else:
            kept.close()
        _under_way.pop(thread, None)


def _is_in_loop() -> bool:
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True


class _KeptLoop:
    """An event loop that is closed with its thread."""

    def __init__(self) -> None:
        from asyncio import new_event_loop

        self.loop = new_event_loop()
        self.loop.set_exception_handler(_log_class_alone)

    def close(self) -> None:
        self.loop.close()

    def __del__(self) -> None:
        # Of one that could not be made, or at the end of the process.
        with suppress(Exception):
            self.close()


class _Call:
    """One coroutine on a loop, and all that it starts there."""

    def __init__(self, loop: "AbstractEventLoop", coroutine: Coroutine[Any, Any, Any]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._loop = loop
        # Of its own: what a call left in a thread does not take the threads of the next one.
        self._executor = ThreadPoolExecutor(thread_name_prefix="job-call")
        loop.set_default_executor(self._executor)
        self._interrupted = False
        self._cancelled: set[Task[Any]] = set()
        self._main = loop.create_task(coroutine)

    def cancel_soon(self) -> None:
        """Cancel it; for other threads."""
        self._loop.call_soon_threadsafe(self._interrupt)

    def result(self) -> Any:
        """Run it to its end."""
        from asyncio import CancelledError

        try:
            return self._loop.run_until_complete(self._main)
        except CancelledError:
            if self._interrupted:
                raise Interrupted from None
            raise
        except Interrupted:
            self._interrupted = True
        # The interrupt struck the loop, or the coroutine, which may still have an end of its own.
        self.ended_clean()
        if self._main.done() and not self._main.cancelled():
            return self._main.result()
        raise Interrupted

    def ended_clean(self) -> bool:
        """End what is left; return whether nothing is, and the loop can be used again."""
        try:
            self._loop.run_until_complete(self._end_all())
        except BaseException:  # noqa: BLE001 - what is left of it may raise anything; how the call ended is known
            return False
        finally:
            self._executor.shutdown(wait=False, cancel_futures=True)
            if self._main.done() and not self._main.cancelled():
                # Its error is known, and is not to be logged as one that nothing awaits.
                self._main.exception()
        # An interrupt may have torn the loop's own code.
        return not self._interrupted

    def _interrupt(self) -> None:
        self._interrupted = True
        self._cancel({self._main})

    def _cancel(self, tasks: "set[Task[Any]]") -> None:
        """Cancel tasks, each once: a second time would cut short what the first one lets them do."""
        for task in tasks - self._cancelled:
            task.cancel()
        self._cancelled |= tasks

    async def _end_all(self) -> None:
        from asyncio import all_tasks, current_task, sleep, timeout, wait

        async with timeout(LEFTOVER_S):
            # Async generators that were dropped are closed by tasks that begin now.
            await sleep(0)
            while left := all_tasks() - {current_task()}:
                self._cancel(left)
                await wait(left)


def _log_class_alone(_loop: "AbstractEventLoop", context: dict[str, Any]) -> None:
    """Log what nothing awaits; the text of an error may quote a payload."""
    error = context.get("exception")
    cause = f" ({type(error).__name__})" if error else ""
    logging.getLogger("whendue").warning("%s%s", context.get("message", "unexpected error in an event loop"), cause)
