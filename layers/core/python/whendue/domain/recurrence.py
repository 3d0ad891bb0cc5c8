"""When a schedule fires: nominal times from cron, interval or one instant (stand-in: UTC only)."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Literal, NamedTuple

from whendue.errors import InvalidScheduleError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What a schedule says of its times; exactly one of `cron`, `every_s` and `at_ms`."""

    cron: str | None = None
    every_s: int | None = None
    at_ms: int | None = None
    timezone: str = "UTC"
    gap: Literal["skip", "next"] | None = None
    fold: Literal["once", "twice"] | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    exclude: tuple[str, ...] = ()


class Nominal(NamedTuple):
    """A time at which the schedule fires, ms UTC, and why it is odd where it is."""

    at_ms: int
    note: str | None = None


def check(recurrence: Recurrence) -> None:
    """Refuse what cannot be computed.

    Raises:
        InvalidScheduleError: it says none or several of its kinds, or something that does not exist.
    """
    if [recurrence.cron, recurrence.every_s, recurrence.at_ms].count(None) != 2:  # noqa: PLR2004
        raise InvalidScheduleError("give exactly one of cron, every and at")
    if recurrence.timezone != "UTC":
        raise InvalidScheduleError("only UTC is known here")
    if recurrence.every_s is not None and recurrence.every_s < 1:
        raise InvalidScheduleError("every must be at least one second")
    try:
        next(after(recurrence, 0), None)
    except ValueError as error:
        raise InvalidScheduleError(f"the schedule is not valid: {error}") from error


def after(recurrence: Recurrence, after_ms: int) -> Iterator[Nominal]:
    """Give the nominal times after an instant, strictly increasing."""
    after_ms = max(after_ms, (recurrence.start_ms or 0) - 1)
    for at_ms in _forward(recurrence, after_ms):
        if recurrence.end_ms is not None and at_ms > recurrence.end_ms:
            return
        if not _excluded(recurrence, at_ms):
            yield Nominal(at_ms)


def latest(recurrence: Recurrence, after_ms: int, until_ms: int, count: int) -> list[Nominal]:
    """Give the last `count` nominal times in (after, until], oldest first."""
    after_ms = max(after_ms, (recurrence.start_ms or 0) - 1)
    until_ms = until_ms if recurrence.end_ms is None else min(until_ms, recurrence.end_ms)
    inside = (at_ms for at_ms in _backward(recurrence, after_ms, until_ms) if not _excluded(recurrence, at_ms))
    return [Nominal(at_ms) for at_ms in islice(inside, count)][::-1]


def jitter_ms(identity: str, jitter_s: int) -> int:
    """Give a stable offset from 0 to the jitter for this identity."""
    return zlib.crc32(identity.encode()) % (jitter_s * 1000) if jitter_s else 0


def local(recurrence: Recurrence, at_ms: int) -> str:  # noqa: ARG001 - UTC only
    """Write an instant as local time with its offset."""
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat()


def _forward(recurrence: Recurrence, after_ms: int) -> Iterator[int]:
    if recurrence.at_ms is not None:
        yield from [recurrence.at_ms] if recurrence.at_ms > after_ms else []
    elif recurrence.every_s is not None:
        step, anchor = recurrence.every_s * 1000, recurrence.start_ms or 0
        at_ms = anchor + ((after_ms - anchor) // step + 1) * step
        while True:
            yield at_ms
            at_ms += step
    else:
        from croniter import croniter  # noqa: PLC0415 - heavy, and few processes need it

        walk = croniter(recurrence.cron or "", after_ms // 1000, second_at_beginning=True)
        while True:
            yield round(walk.get_next(float)) * 1000


def _backward(recurrence: Recurrence, after_ms: int, until_ms: int) -> Iterator[int]:
    if recurrence.at_ms is not None:
        yield from [recurrence.at_ms] if after_ms < recurrence.at_ms <= until_ms else []
    elif recurrence.every_s is not None:
        step, anchor = recurrence.every_s * 1000, recurrence.start_ms or 0
        yield from range(anchor + (until_ms - anchor) // step * step, max(after_ms, anchor - 1), -step)
    else:
        from croniter import croniter  # noqa: PLC0415 - heavy, and few processes need it

        walk = croniter(recurrence.cron or "", until_ms // 1000 + 1, second_at_beginning=True)
        while (at_ms := round(walk.get_prev(float)) * 1000) > after_ms:
            yield at_ms


def _excluded(recurrence: Recurrence, at_ms: int) -> bool:
    day = (EPOCH + timedelta(milliseconds=at_ms)).date()
    return any(_covers(text, day) for text in recurrence.exclude)


def _covers(text: str, day: date) -> bool:
    first, _, last = text.partition("/")
    return date.fromisoformat(first) <= day <= date.fromisoformat(last or first)
