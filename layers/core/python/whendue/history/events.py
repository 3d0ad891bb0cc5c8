"""What happened to a job, from its item, its kept changes and its failed attempts. Pure.

Events are in the order of cause and effect: by generation, and within one by what can follow what. Their times are
those of the processes that wrote them, whose clocks may differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from whendue.jobs.failures import cause_of_unasked_cancel
from whendue.jobs.model import Failure, Job, State
from whendue.jobs.transition import how_it_stands


class EventType(StrEnum):
    """What can happen to a job; the ends have the names of their states."""

    SUBMITTED = "submitted"
    RESCHEDULED = "rescheduled"
    REPRIORITISED = "reprioritised"
    STARTED = "started"
    LOST = "lost"
    CANCEL_REQUESTED = "cancel_requested"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REDRIVEN = "redriven"
    REDRIVE_UNDONE = "redrive_undone"


ENDS: Final = (EventType.SUCCEEDED, EventType.DEAD, EventType.CANCELLED, EventType.EXPIRED)
# Within a generation: what begins it, workers lost before the last run, that run, its end. The rank of workers that
# were lost after it is between the last two.
_RANKS: Final[Mapping[EventType, int]] = {
    EventType.SUBMITTED: 0,
    EventType.RESCHEDULED: 1,
    EventType.REPRIORITISED: 1,
    EventType.REDRIVEN: 1,
    EventType.LOST: 2,
    EventType.STARTED: 3,
    EventType.CANCEL_REQUESTED: 4,
    EventType.REDRIVE_UNDONE: 4,
    EventType.FAILED: 5,
    **dict.fromkeys(ENDS, 7),
}
_LOST_LAST: Final = 6


class Position(NamedTuple):
    """Where an event stands among those of its job; no two have the same."""

    generation: int
    rank: int


class Event(NamedTuple):
    """One thing that happened to a job.

    Args:
        type: what.
        at: when, ms UTC; of lost workers, when it was known at the latest.
        position: where it stands.
        by: who asked for it; None where nobody did, or whendue itself.
        operation: the bulk operation that it was asked for with.
        attempt: number of the attempt that started or failed.
        failure: why an attempt failed, or the job ended.
        due_at, was_due_at: the new due time and the one before, ms UTC.
        queue, was_queue: the new queue and the one before.
        workers: number of workers that were lost since submit or redrive.
        expires_at: the expiry that kept the next attempt of a dead job from beginning, ms UTC.
    """

    type: EventType
    at: int
    position: Position
    by: str | None = None
    operation: str | None = None
    attempt: int | None = None
    failure: Failure | None = None
    due_at: int | None = None
    was_due_at: int | None = None
    queue: str | None = None
    was_queue: str | None = None
    workers: int | None = None
    expires_at: int | None = None


class Span(NamedTuple):
    """A job from its submit, or a redrive, to its end, or to now; see `how_it_stands`."""

    state: str
    generation: int
    at: int | None = None
    started_at: int | None = None
    failures: int = 0
    lost: int = 0


def events_of(job: Job, changes: Sequence[Mapping[str, Any]], failures: Sequence[Failure]) -> list[Event]:
    """Return what happened to a job, first things first.

    Args:
        job: as read.
        changes: what was asked of it, in any order; some may be missing.
        failures: its failed attempts, in any order, with the last one.
    """
    known = {int(change["number"]): change for change in changes}
    asked = [known[number] for number in sorted(known)]
    spans = [_span(change["was"]) for change in asked if "was" in change]
    spans.append(_span(how_it_stands(job)))
    events = [_at(EventType.SUBMITTED, job.created_at, 0), *(_change(change) for change in asked)]
    asked_by = {change["generation"]: change.get("by") for change in asked if change["kind"] == "cancel_requested"}
    undone = {change["generation"] for change in asked if change["kind"] == EventType.REDRIVE_UNDONE}
    firsts = [0, *(span.generation + 1 for span in spans[:-1])]
    last_end: Event | None = None
    for first, span in zip(firsts, spans, strict=True):
        own = [failure for failure in failures if first <= failure.generation <= span.generation]
        events += _attempts_of_span(span, own, job.scheduled_at)
        if span.at is not None:
            end = _end(job, span, own, asked_by)
            last_end = _as_before(end, last_end) if last_end and span.generation in undone else end
            events.append(last_end)
    # The first of two that would stand in one place.
    unique = {event.position: event for event in reversed(events)}
    return [unique[position] for position in sorted(unique)]


def checked_change(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a change if events can be made of it.

    Raises:
        KeyError, TypeError, ValueError: it lacks something, or has something else there.
    """
    span = _span(change["was"]) if "was" in change else None
    numbers = (change["number"], change["at"], change["generation"], *((span.generation,) if span else ()))
    if EventType(change["kind"]) is EventType.REDRIVEN and span is None:
        raise KeyError("was")
    if any(type(number) is not int for number in numbers):
        raise TypeError("a change has a text where a number belongs")
    return change


def _span(values: Mapping[str, Any]) -> Span:
    return Span(**{name: values[name] for name in Span._fields if name in values})


def _at(kind: EventType, at: int, generation: int, **more: Any) -> Event:
    return Event(kind, at, Position(generation, _RANKS[kind]), **more)


def _change(change: Mapping[str, Any]) -> Event:
    names = ("by", "operation", "due_at", "was_due_at", "queue", "was_queue")
    values = {name: change[name] for name in names if name in change}
    return _at(EventType(change["kind"]), change["at"], change["generation"], **values)


def _counted(span: Span, failures: Sequence[Failure]) -> list[Failure]:
    """Return the failed attempts: a failure beyond those that are counted is why the job ended."""
    return [failure for failure in failures if failure.attempt <= span.failures]


def _attempts_of_span(span: Span, failures: Sequence[Failure], scheduled_at: int) -> Iterator[Event]:
    attempts = _counted(span, failures)
    for failure in attempts:
        if failure.started_at is not None:
            yield _at(EventType.STARTED, failure.started_at, failure.generation, attempt=failure.attempt)
        values = {"attempt": failure.attempt, "failure": failure}
        yield _at(EventType.FAILED, failure.failed_at, failure.generation, **values)
    if span.started_at is not None and span.started_at not in {failure.started_at for failure in attempts}:
        yield _at(EventType.STARTED, span.started_at, span.generation, attempt=span.failures + 1)
    if span.lost:
        yield _lost(span, scheduled_at)


def _end(job: Job, span: Span, failures: Sequence[Failure], asked_by: Mapping[int, str | None]) -> Event:
    """Say how a job ended, and why: of a cancelled one, who asked for it or why whendue did.

    Args:
        job: as read.
        span: the part of its life that ended.
        failures: its failures in that part.
        asked_by: who asked for a cancel, by the generation in which that was; None for whendue.
    """
    at_ms = span.at or 0
    cause = max(failures, key=lambda failure: failure.generation, default=None)
    values: dict[str, Any] = {}
    if span.state == State.DEAD.value:
        values = {"failure": cause, "expires_at": cause.expires_at if cause else None}
    elif cause not in _counted(span, failures):
        values = {"failure": cause}
    if span.state == State.CANCELLED.value:
        by, superseded = asked_by.get(span.generation), span.generation in asked_by
        values |= {"by": by}
        if by is None and values.get("failure") is None:
            values |= {"failure": cause_of_unasked_cancel(job, at_ms, superseded=superseded)}
    return _at(EventType(span.state), at_ms, span.generation, **values)


def _as_before(end: Event, before: Event) -> Event:
    """Return the end of a job whose redrive was undone: it has ended for the reason for which it had before."""
    return end._replace(failure=before.failure, by=before.by, expires_at=before.expires_at)


def _lost(span: Span, scheduled_at: int) -> Event:
    """Say how many workers were lost, at the first time at which all of them certainly were."""
    if span.at is not None and span.state != State.SUCCEEDED.value:
        return Event(EventType.LOST, span.at, Position(span.generation, _LOST_LAST), workers=span.lost)
    at = scheduled_at if span.started_at is None else span.started_at
    return _at(EventType.LOST, at, span.generation, workers=span.lost)
