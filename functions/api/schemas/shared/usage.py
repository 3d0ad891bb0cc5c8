"""Usage as the API shows it: what jobs have consumed in a month, and what that costs by list prices."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import Field

from functions.api.schemas.reply import Reply
from whendue.metrics.prices import PriceList
from whendue.metrics.usage import (
    INVOCATIONS,
    OTHER,
    READS,
    REQUESTS,
    THOUSANDTHS,
    WRITES,
    Consumer,
    Usage,
    cost_usd,
    gb_seconds,
)
from whendue.quotas import USAGE_NAMED

MILLION: Final = 1_000_000
# What stands for all others in a list.
OTHERS: Final = "other"


class UsedReply(Reply):
    """What was consumed."""

    submitted: int = Field(description="Jobs submitted.")
    attempts: int = Field(description="Attempts that started.")
    ended: int = Field(description="Jobs that ended, in any state.")
    write_units: float = Field(description="DynamoDB write units.")
    read_units: float = Field(description="DynamoDB read units.")
    queue_requests: float = Field(description="SQS requests. Those for a batch are divided among its jobs.")
    invocations: float = Field(description="Lambda invocations. One invocation is divided among the jobs of its batch.")
    gb_seconds: float = Field(description="Billed time of these invocations in GB-seconds.")
    cost: float = Field(description="Estimated cost in US dollars, by list prices.")
    cost_per_million: float | None = Field(
        description="Estimated cost of a million jobs like these in US dollars: the cost divided by the jobs that were "
        "submitted or that ended, whichever are more. Null if there are none."
    )


class TypeUsageReply(UsedReply):
    """What the jobs of a task type have consumed."""

    type: str = Field(description=f"The task's name; `{OTHERS}` sums up those that the list does not name.")


class TenantUsageReply(UsedReply):
    """What the jobs of a tenant have consumed."""

    tenant: str = Field(description=f"The tenant; `{OTHERS}` sums up those that the list does not name.")


class UsageReply(Reply):
    """Usage of a month: of all tenants with the scope `operator`, otherwise of the token's tenant."""

    month: str = Field(description="The UTC month.", examples=["2026-11"])
    region: str = Field(description="AWS region of the prices.", examples=["us-east-1"])
    prices_checked: str = Field(
        description="Day on which the prices were looked up.",
        examples=["2026-11-27"],
        json_schema_extra={"format": "date"},
    )
    total: UsedReply = Field(description="The sum over all task types.")
    types: list[TypeUsageReply] = Field(description=f"By task type, the most expensive first; at most {USAGE_NAMED}.")
    tenants: list[TenantUsageReply] | None = Field(
        description=f"By tenant, the most expensive first; at most {USAGE_NAMED}. Null without the scope `operator`."
    )


def usage_reply(month: str, usage: Usage, prices: PriceList, *, all_tenants: bool) -> UsageReply:
    """Show what was consumed in a month.

    Args:
        month: as in 2026-11.
        usage: by tenant and type.
        prices: the list prices.
        all_tenants: name the tenants.
    """
    types = ranked(usage, lambda consumer: consumer.type, prices, USAGE_NAMED)
    tenants = ranked(usage, lambda consumer: consumer.tenant, prices, USAGE_NAMED) if all_tenants else None
    return UsageReply(
        month=month,
        region=prices.region,
        prices_checked=prices.checked,
        total=UsedReply(**_used(summed(usage), prices)),
        types=[TypeUsageReply(type=name, **_used(used, prices)) for name, used in types.items()],
        tenants=None
        if tenants is None
        else [TenantUsageReply(tenant=name, **_used(used, prices)) for name, used in tenants.items()],
    )


def summed(usage: Usage) -> Counter[str]:
    """Add up what all have consumed."""
    total: Counter[str] = Counter()
    for used in usage.values():
        total.update(used)
    return total


def ranked(
    usage: Usage, name_of: Callable[[Consumer], str], prices: PriceList, most: int
) -> Mapping[str, Counter[str]]:
    """Add up by a name, the most expensive first; after the first `most` names, `other` sums up the rest."""
    sums: dict[str, Counter[str]] = {}
    for consumer, used in usage.items():
        sums.setdefault(name_of(consumer), Counter()).update(used)
    rest = sums.pop(name_of(OTHER), Counter())
    names = sorted(sums, key=lambda name: (-cost_usd(sums[name], prices.usd), name))
    for name in names[most:]:
        rest.update(sums[name])
    return {name: sums[name] for name in names[:most]} | ({OTHERS: rest} if rest else {})


def _used(used: Mapping[str, int], prices: PriceList) -> dict[str, Any]:
    cost, submitted, ended = cost_usd(used, prices.usd), used.get("submitted", 0), used.get("ended", 0)
    # Jobs under way have not cost all of it yet; those of a schedule, or of the month before, are in one number alone.
    jobs = max(submitted, ended)
    return {
        "submitted": submitted,
        "attempts": used.get("attempts", 0),
        "ended": ended,
        "write_units": used.get(WRITES, 0) / THOUSANDTHS,
        "read_units": used.get(READS, 0) / THOUSANDTHS,
        "queue_requests": used.get(REQUESTS, 0) / THOUSANDTHS,
        "invocations": used.get(INVOCATIONS, 0) / THOUSANDTHS,
        "gb_seconds": gb_seconds(used),
        "cost": cost,
        "cost_per_million": cost / jobs * MILLION if jobs else None,
    }
