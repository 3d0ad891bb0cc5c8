"""What may run away, counted in seconds of CPU so that a busy machine makes no difference, and what waits for ever."""

import multiprocessing
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Generic, TypeVar

T = TypeVar("T")
# A world takes a few milliseconds, the largest a few seconds.
WORLD_S = 15
# Who waits for what never comes uses no CPU: seconds of time for each second of CPU.
WAITING = 10


class HangError(BaseException):
    """A world does not come to an end. Not an Exception: nobody may catch it and go on."""


@contextmanager
def limited(cpu_s: float, wait_s: float | None = None) -> Iterator[None]:
    """Raise HangError in what takes longer than so many seconds of CPU, or waits ten times as long, or `wait_s`."""

    def hangs(signum: int, frame: FrameType | None) -> None:
        raise HangError(f"over {cpu_s} s of CPU, or waiting")

    longest_s = wait_s or WAITING * cpu_s
    timers = ((signal.ITIMER_VIRTUAL, signal.SIGVTALRM, cpu_s), (signal.ITIMER_REAL, signal.SIGALRM, longest_s))
    before = [signal.signal(number, hangs) for _, number, _ in timers]
    # Again and again: code that catches whatever is raised must not outlive it.
    for timer, _, limit_s in timers:
        signal.setitimer(timer, limit_s, 1)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Broken:
    """Work in a fork that gave no answer: what went wrong."""

    why: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What work in a fork gave."""

    value: T


def value_of(answer: Answer[T] | Broken) -> T:
    """Return what work gave.

    Raises:
        RuntimeError: it gave no answer.
    """
    if isinstance(answer, Answer):
        return answer.value
    raise RuntimeError(answer.why)


def forked(work: Callable[[], T], cpu_s: int) -> Answer[T] | Broken:
    """Do something in a fork of this process, so that this one stays as it is."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    dependent = os.fork()
    if dependent == 0:
        ours.close()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
        try:
            theirs.send(Answer(work()))
        except BaseException:  # noqa: BLE001 - whatever it is, the dependency must know
            theirs.send(Broken(traceback.format_exc()))
        sys.stdout.flush()
        os._exit(0)
    theirs.close()
    try:
        answer: Answer[T] | Broken = ours.recv()
    except EOFError:
        answer = Broken(f"the process died, or ran for over {cpu_s} s")
    os.waitpid(dependent, 0)
    return answer
