"""Intervals: instants with the same distance, of which those at an excluded time of day are left out."""

from collections.abc import Iterator
from typing import Final

from whendue.schedules.calendar.exclusions import DAY_S, Exclusions, Spans, open_spans
from whendue.schedules.calendar.time_zones import Segment

DAY_MS: Final = DAY_S * 1000


def instants(
    anchor_ms: int, step_ms: int, excluded: Exclusions, segment: Segment, bounds_ms: tuple[int, int], *, backward: bool
) -> Iterator[int]:
    """Yield the instants of an interval that are not excluded, in order or the last first, ms UTC.

    Args:
        anchor_ms: one of its instants.
        step_ms: the distance between two.
        excluded: local days and times of day.
        segment: a range of time with one UTC offset.
        bounds_ms: from the first to before the second, within the segment.
        backward: the last one first.
    """
    shift_s = segment.offset_s
    spans = open_spans(excluded.days, segment.start_s + shift_s, segment.end_s + shift_s)
    for first_s, last_s in reversed(spans) if backward else spans:
        low, end = max(bounds_ms[0], (first_s - shift_s) * 1000), min(bounds_ms[1], (last_s - shift_s) * 1000)
        steps = range(low + (anchor_ms - low) % step_ms, end, step_ms)
        ordered = steps[::-1] if backward else steps
        yield from _open(ordered, shift_s * 1000, excluded.open_times) if excluded.times else ordered


def _open(steps: range, shift_ms: int, opened: Spans) -> Iterator[int]:
    """Yield the instants whose local time of day is in one of the open spans (seconds of the day)."""
    spans = [(low * 1000, high * 1000) for low, high in opened]
    while steps:
        second = (steps[0] + shift_ms) % DAY_MS
        found = [(first_hit(second, steps.step, DAY_MS, low, high), low, high) for low, high in spans]
        hits = [(number, low, high) for number, low, high in found if number is not None]
        if not hits or min(hits)[0] >= len(steps):
            return
        number, low, high = min(hits)
        steps = steps[number:]
        second = (steps[0] + shift_ms) % DAY_MS
        # How many of them there are up to the end of the span.
        run = -(-(high - second) // steps.step) if steps.step > 0 else (second - low) // -steps.step + 1
        yield from steps[:run]
        steps = steps[run:]


def first_hit(start: int, step: int, modulus: int, low: int, high: int) -> int | None:
    """Return the smallest n >= 0 for which (start + n * step) modulo a number is in [low, high); None if there is none.

    Args:
        start: where it begins, in [0, modulus).
        step: of either sign.
        modulus: the length of a day, for example.
        low, high: a range within [0, modulus].
    """
    if low <= start < high:
        return 0
    first = (low - start) % modulus
    return _first_multiple(step % modulus, modulus, first, first + high - low - 1)


def _first_multiple(step: int, modulus: int, low: int, high: int) -> int | None:
    """Return the smallest n for which n * step modulo a number is in [low, high], by Euclid's algorithm.

    If no multiple of the step lies in the range before the first wrap, one does after the k-th wrap for the smallest k
    for which k * -modulus modulo the step is in the range modulo the step: the same question, of smaller numbers.

    Args:
        step: in [0, modulus).
        modulus: what it wraps at.
        low, high: 0 < low <= high < modulus.
    """
    if step == 0:
        return None
    if 2 * step > modulus:
        return _first_multiple(modulus - step, modulus, modulus - high, modulus - low)
    number = -(-low // step)
    if number * step <= high:
        return number
    wraps = _first_multiple(-modulus % step, step, low % step, high % step)
    return None if wraps is None else -(-(low + modulus * wraps) // step)
