"""Query parameters that lists share."""

from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from functions.api.schemas.shared.policy import Name, QueueName, Rfc3339, TypeName
from whendue.errors import InvalidRequestError
from whendue.quotas import PAGE_DEFAULT, PAGE_MAX, TAG_KEY_BYTES, TAG_VALUE_BYTES, TAGS
from whendue.settings import QUEUES


def queue_of(priority: str | None, queue: str | None = None) -> str | None:
    """Return the queue that a list is filtered by, by whichever parameter it was sent.

    Raises:
        InvalidRequestError: there is no such priority, or both were sent.
    """
    if priority not in (None, *QUEUES):
        raise InvalidRequestError(f"priority must be one of {', '.join(QUEUES)}; queue is the name of any queue")
    if priority is not None and queue is not None:
        raise InvalidRequestError("send queue or priority, not both")
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
ScheduleParameter = Annotated[
    Name | None, Query(description="Only jobs that the schedule with this name created. Default: all.")
]
WorkflowParameter = Annotated[
    Annotated[str, StringConstraints(pattern="^[0-9a-f-]{36}$")] | None,
    Query(description="Only jobs that the workflow, or the `forEach` job, with this id created. Default: all."),
]
