"""Usage: what jobs have consumed, and what that costs by list prices."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, identity_of
from functions.api.schemas.shared.usage import UsageReply, usage_reply
from whendue.adapters.auth import OPERATOR
from whendue.metrics.prices import price_list
from whendue.metrics.usage import month_of

router = APIGatewayHttpRouter()
Month = Annotated[
    str | None,
    Query(
        pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$",
        description="UTC month, as in 2026-11. Months are kept for 400 days. Default: the current one.",
        examples=["2026-11"],
    ),
]


@router.get("/usage", tags=["metrics"], summary="Get usage and estimated cost of a month", operation_id="getUsage")
def usage(month: Month = None) -> UsageReply:
    """Return what the tenant's jobs have consumed in a month, by task type, and what that costs by list prices.

    With the scope `operator`: of all tenants together, also by tenant. The newest minute may be missing.
    """
    app, tenant = caller(router)
    sees_all = identity_of(router).may(OPERATOR)
    asked = month or month_of(app.clock.now_ms())
    used = app.counters.read_usage(asked, None if sees_all else tenant)
    return usage_reply(asked, used, price_list(), all_tenants=sees_all)
