"""Query parameters that lists share."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.api.schemas.shared.policy import TypeName
from whendue.quotas import PAGE_DEFAULT, PAGE_MAX

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
        description="Only this state: `scheduled`, `queued`, `waiting`, `running`, `succeeded`, `dead` or `cancelled`. "
        "Default: all."
    ),
]
TypeParameter = Annotated[TypeName | None, Query(description="Only jobs of this task. Default: all.")]
PriorityParameter = Annotated[
    str | None, Query(description="Only this priority: `critical`, `high`, `normal` or `low`. Default: all.")
]
