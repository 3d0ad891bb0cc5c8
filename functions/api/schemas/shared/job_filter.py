"""Which jobs a request means: fields as they are sent, in a query or a body, as the filter that lists take."""

from collections.abc import Sequence

from functions.api.http import times
from functions.api.schemas.shared.list_parameters import split_tag
from whendue.errors import InvalidRequestError
from whendue.operations.listing import JobFilter


def job_filter(
    *,
    where: str = "query",
    state: str | None = None,
    type: str | None = None,  # noqa: A002 - the field's name
    queue: str | None = None,
    priority: str | None = None,
    fingerprint: str | None = None,
    tags: Sequence[str] | None = None,
    schedule: str | None = None,
    workflow: str | None = None,
    created_after: str | None = None,
    created_before: str | None = None,
    finished_after: str | None = None,
    finished_before: str | None = None,
) -> JobFilter:
    """Return the filter that these fields make; None selects all.

    Args:
        where: the place in the request that they are in, for errors: `query`, or as `body.filter`.
        state, type, fingerprint, schedule: as of `JobFilter`.
        queue, priority: two names of the same.
        tags: each `name:value`.
        workflow: id of the workflow, or `forEach` job, that created them.
        created_after, finished_after: RFC 3339, inclusive.
        created_before, finished_before: RFC 3339, exclusive.

    Raises:
        InvalidRequestError: `queue` and `priority` differ, or no time is between two times.
        ValueError: a time is none; requests are checked before.
    """
    if None not in (queue, priority) and queue != priority:
        raise _wrong(f"{where}.queue", "must be the same as priority; leave one of them out")
    created_from, created_until = _range(where, "created", created_after, created_before)
    finished_from, finished_until = _range(where, "finished", finished_after, finished_before)
    return JobFilter(
        state=state,
        type=type,
        queue=priority if queue is None else queue,
        fingerprint=fingerprint,
        tags=tuple(split_tag(text) for text in tags or ()),
        schedule=schedule,
        parent_id=workflow,
        created_from=created_from,
        created_until=created_until,
        finished_from=finished_from,
        finished_until=finished_until,
    )


def _range(where: str, name: str, after: str | None, before: str | None) -> tuple[int | None, int | None]:
    """Return the first and the last time that are selected, ms UTC."""
    first_ms = None if after is None else times.read(after)
    last_ms = None if before is None else times.read(before) - 1
    if last_ms is not None and last_ms < max(0, first_ms or 0):
        raise _wrong(f"{where}.{name}Before", f"{name}Before must be later than {name}After, and than 1970")
    return first_ms, last_ms


def _wrong(where: str, problem: str) -> InvalidRequestError:
    return InvalidRequestError(f"{where}: {problem}", errors=[{"where": where, "problem": problem}])
