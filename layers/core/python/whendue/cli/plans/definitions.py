"""Schedules as JSON, in a file or from the API, read into plans."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, cast

from whendue.errors import InvalidScheduleError
from whendue.quotas import NAME_BYTES, SCHEDULE_WEEKS_MAX
from whendue.schedule_quotas import SCHEDULE_RUNS
from whendue.schedules.calendar import durations
from whendue.schedules.calendar.recurrence import Recurrence, anchored, check
from whendue.support.timestamps import EPOCH, instant

_TEXTS = ("cron", "every", "at", "timezone", "start", "end", "gap", "fold", "anchor")
_CHOICES: Mapping[str, tuple[str, ...]] = {"gap": ("skip", "next"), "fold": ("once", "twice")}


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule by its name, and when it fires.

    Args:
        name: its name.
        recurrence: when it fires.
        runs: the number of fires that it runs from now on; None: no maximum.
    """

    name: str
    recurrence: Recurrence
    runs: int | None = None


class InvalidPlansError(Exception):
    """A file of schedules cannot be read.

    Attributes:
        problems: each with the schedule that it is about.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Name all of them."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def documents(text: str) -> list[Any]:
    """Return the schedules of a text: a JSON list, an object with `items`, a schedule, or a schedule a line.

    Raises:
        InvalidPlansError: it is neither.
    """
    try:
        return _listed(json.loads(text))
    except RecursionError:
        raise InvalidPlansError(["is nested too deeply"]) from None
    except ValueError as error:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise InvalidPlansError([f"is not JSON: {error}"]) from None


def _listed(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    items = document.get("items") if isinstance(document, dict) else None
    return items if isinstance(items, list) else [document]


def plans_of(
    items: Iterable[Any], now_ms: int, deployed: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Plan]:
    """Read schedules, each with its `name` and the fields of `PUT /schedules/{name}`; others are ignored.

    Args:
        items: the schedules as JSON.
        now_ms: an interval without `start` counts from here, as if it were put now, ms UTC.
        deployed: the schedules that are there already, by name, as the API returns them: an interval counts from when
            it was created, and runs that it has had count.

    Raises:
        InvalidPlansError: some are not valid; all of them are named.
    """
    plans: dict[str, Plan] = {}
    problems: list[str] = []
    for number, item in enumerate(items, 1):
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= NAME_BYTES:
            problems.append(f"schedule {number}: name must be a text of 1 to {NAME_BYTES} characters")
        elif name in plans:
            problems.append(f"{name}: comes twice")
        else:
            try:
                plans[name] = _plan(name, item, now_ms, (deployed or {}).get(name, {}))
            except InvalidScheduleError as error:
                problems.append(f"{name}: {error}")
    if problems:
        raise InvalidPlansError(problems)
    return plans


def _plan(name: str, item: Mapping[str, Any], now_ms: int, known: Mapping[str, Any]) -> Plan:
    since_ms = _time(known.get("createdAt"), "createdAt")
    recurrence = recurrence_of(item, now_ms if since_ms is None else since_ms)
    most = _number(item, "maxRuns", SCHEDULE_RUNS)
    if most is None:
        return Plan(name, recurrence)
    # As the API lists it, or as it was put: then less what it has run since its maximum was set.
    left = item.get("remainingRuns") if "remainingRuns" in item and not known else None
    had = (known.get("maxRuns") or 0) - (known.get("remainingRuns") or 0)
    return Plan(name, recurrence, left if isinstance(left, int) else max(0, most - had))


def recurrence_of(item: Mapping[str, Any], now_ms: int) -> Recurrence:
    """Read when a schedule fires.

    Args:
        item: the schedule as JSON.
        now_ms: as of `plans_of`.

    Raises:
        InvalidScheduleError: it is not valid; the error names the field.
    """
    texts = {name: _text(item, name) for name in _TEXTS}
    exclude = item.get("exclude") or []
    if not isinstance(exclude, list) or not all(isinstance(day, str) for day in exclude):
        raise InvalidScheduleError("exclude", "must be a list of dates and times of day")
    several = item.get("crons") or []
    if not isinstance(several, list) or not all(isinstance(text, str) for text in several):
        raise InvalidScheduleError("crons", "must be a list of cron expressions")
    recurrence = Recurrence(
        cron=texts["cron"],
        every_s=None if texts["every"] is None else durations.seconds(texts["every"]),
        at_ms=_time(texts["at"], "at"),
        timezone=texts["timezone"] or "UTC",
        gap=cast("Literal['skip', 'next'] | None", texts["gap"]),
        fold=cast("Literal['once', 'twice'] | None", texts["fold"]),
        start_ms=_time(texts["start"], "start"),
        end_ms=_time(texts["end"], "end"),
        exclude=tuple(exclude),
        crons=tuple(several),
        every_weeks=_number(item, "everyWeeks", SCHEDULE_WEEKS_MAX),
        anchor=texts["anchor"],
    )
    recurrence = anchored(recurrence, now_ms)
    check(recurrence)
    return recurrence


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidScheduleError(name, "must be a text")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise InvalidScheduleError(name, f"must be one of {', '.join(_CHOICES[name])}")
    return value


def _number(item: Mapping[str, Any], name: str, most: int) -> int | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidScheduleError(name, f"must be a number from 1 to {most}")
    return value


def _time(text: str | None, name: str) -> int | None:
    """Read a time to ms UTC, rounded up as the API does."""
    if text is None:
        return None
    at = instant(text)
    if at is None:
        raise InvalidScheduleError(name, "must be an RFC 3339 time with an offset, as in 2026-11-23T20:00:00Z")
    return -(-(at - EPOCH) // timedelta(milliseconds=1))
