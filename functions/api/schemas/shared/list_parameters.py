"""Query parameters that lists share, and the filter of jobs that they make."""

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from functions.api.http import times
from functions.api.schemas.shared.policy import Name, QueueName, Rfc3339, TypeName
from whendue.errors import InvalidRequestError
from whendue.operations.listing import JobFilter
from whendue.quotas import PAGE_DEFAULT, PAGE_MAX, TAG_KEY_BYTES, TAG_VALUE_BYTES, TAGS
from whendue.settings import QUEUES


def queue_of(priority: str | None, queue: str | None = None, where: str = "query") -> str | None:
    """Return the queue that jobs are selected by, by whichever field it was sent.

    Args:
        priority: one of the four.
        queue: any queue's name.
        where: the place in the request that they are in, for errors.

    Raises:
        InvalidRequestError: there is no such priority, or both were sent.
    """
    if priority not in (None, *QUEUES):
        raise _wrong(f"{where}.priority", f"must be one of {', '.join(QUEUES)}; queue is the name of any queue")
    if priority is not None and queue is not None:
        raise _wrong(f"{where}.queue", "send queue or priority, not both")
    return priority if queue is None else queue


def split_tag(text: str) -> tuple[str, str]:
    """Return name and value of a tag."""
    name, _, value = text.partition(":")
    return name, value


def _tag(text: str) -> str:
    name, colon, value = text.partition(":")
    if not colon or not 0 < len(name.encode()) <= TAG_KEY_BYTES or len(value.encode()) > TAG_VALUE_BYTES:
        limits = f"a name of 1 to {TAG_KEY_BYTES} bytes and a value of at most {TAG_VALUE_BYTES} bytes"
        raise ValueError(f"must be name:value, {limits}, as in team:billing")
    return text


# Whatever is no cursor of the list is refused by the list itself, an endless one as well.
CursorParameter = Annotated[
    str | None, Query(description="`cursor` of the previous page. Default: start with the first page.")
]
PageLimit = Annotated[
    int, Query(ge=1, le=PAGE_MAX, description=f"Maximum number of items in the page. Default: {PAGE_DEFAULT}.")
]
StateParameter = Annotated[
    str | None,
    Query(
        description="Only this state: `scheduled`, `queued`, `waiting`, `running`, `succeeded`, `dead`, `cancelled` or "
        "`expired`. Default: all."
    ),
]
TypeParameter = Annotated[TypeName | None, Query(description="Only jobs of this task. Default: all.")]
PriorityParameter = Annotated[
    str | None, Query(description="Only this priority: `critical`, `high`, `normal` or `low`. Default: all.")
]
QueueParameter = Annotated[
    QueueName | None,
    Query(
        description="Only jobs in this queue, one of the four priorities or of the deployment's own. Send this or "
        "`priority`. Default: all."
    ),
]
FingerprintParameter = Annotated[
    Name | None,
    Query(
        description="Only jobs with this fingerprint of their last error, as `error.fingerprint` of a job or "
        "`GET /dead-letters` shows it. Default: all.",
        examples=["3f2a9c0d1e4b5a69"],
    ),
]
TagsParameter = Annotated[
    list[Annotated[str, BeforeValidator(unquote), AfterValidator(_tag)]] | None,
    Query(
        alias="tag",
        max_length=TAGS,
        description="Only jobs with this tag, as `name:value`; the name ends at the first colon. Send it several times "
        "for jobs with all of the tags. Default: all.",
        examples=[["team:billing"]],
    ),
]
CreatedAfterParameter = Annotated[
    Rfc3339 | None, Query(alias="createdAfter", description="Only jobs submitted at this time or later. Default: all.")
]
CreatedBeforeParameter = Annotated[
    Rfc3339 | None, Query(alias="createdBefore", description="Only jobs submitted before this time. Default: all.")
]
FinishedAfterParameter = Annotated[
    Rfc3339 | None,
    Query(alias="finishedAfter", description="Only jobs that ended at this time or later. Default: all."),
]
FinishedBeforeParameter = Annotated[
    Rfc3339 | None, Query(alias="finishedBefore", description="Only jobs that ended before this time. Default: all.")
]
OrderParameter = Annotated[
    Literal["newest", "oldest"],
    Query(
        description="`newest`: the newest first. `oldest`: the oldest first, up to the time of the first request. "
        "Default: `newest`."
    ),
]
ScheduleParameter = Annotated[
    Name | None, Query(description="Only jobs that the schedule with this name created. Default: all.")
]
WorkflowParameter = Annotated[
    Annotated[str, StringConstraints(pattern="^[0-9a-f-]{36}$")] | None,
    Query(description="Only jobs that the workflow, or the `forEach` job, with this id created. Default: all."),
]


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
        queue, priority: as of `queue_of`.
        tags: each `name:value`.
        workflow: id of the workflow, or `forEach` job, that created them.
        created_after, finished_after: RFC 3339, inclusive.
        created_before, finished_before: RFC 3339, exclusive.

    Raises:
        InvalidRequestError: as `queue_of`, or no time is between two times.
        ValueError: a time is none; requests are checked before.
    """
    created_from, created_until = _range(where, "created", created_after, created_before)
    finished_from, finished_until = _range(where, "finished", finished_after, finished_before)
    return JobFilter(
        state=state,
        type=type,
        queue=queue_of(priority, queue, where),
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
