"""A task that is a coroutine function: its calls wait side by side, on one thread.

Shows `async def`, a backoff of the task's own, and a dataclass with a Decimal and a time as the result.

Run it: copy this file to `functions/worker/tasks/`, run `make up`, and submit a job:

    curl -s "$(make -s url)/jobs" -H "Authorization: Bearer $(make -s token)" -H "Content-Type: application/json" \
      -d '{"type": "example.quotes", "payload": {"shops": ["north", "south"]}}'

Whatever the coroutine leaves running is cancelled when it ends, or when its timeout is over.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel, Field

from whendue import task


class Question(BaseModel):
    """The shops to ask."""

    shops: list[str] = Field(min_length=1, max_length=100)


@dataclass
class Quotes:
    """Their prices: `{"prices": {"north": "5.00"}, "asked_at": "2030-01-01T00:00:00Z"}` as JSON."""

    prices: dict[str, Decimal]
    asked_at: datetime


def backoff_s(attempt: int) -> float:
    """Wait 5 s after the first attempt, a minute after each other one."""
    return 5 if attempt == 1 else 60


async def price_of(shop: str) -> Decimal:
    """Stand for a call over HTTP."""
    await asyncio.sleep(0.01)
    if shop == "closed":
        raise ConnectionError("the shop is closed")
    return Decimal(len(shop)).quantize(Decimal("0.01"))


@task("example.quotes", max_attempts=5, timeout_s=30, backoff=backoff_s)
async def quotes(payload: Question) -> Quotes:
    """Ask all shops at once; if one fails, the other calls are cancelled and the attempt has failed."""
    async with asyncio.TaskGroup() as group:
        calls = {shop: group.create_task(price_of(shop)) for shop in payload.shops}
    return Quotes({shop: call.result() for shop, call in calls.items()}, datetime.now(UTC))
