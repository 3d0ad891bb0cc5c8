"""A retry: which errors another attempt can mend, which it cannot, and when to try again.

Shows the three ways to fail: raise anything (retry after the backoff), `Retry` (no sooner than the server asks), and
`GiveUp` (no attempt can help, the job is dead at once).

Run it: set `SHOP_URL`, copy this file to `functions/worker/tasks/`, run `make up`, and submit
`{"type": "example.order_status", "payload": {"order": 7}}`. `GET /jobs/{id}` shows every attempt, and when the next one
is due.
"""

import json
import os
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError

from pydantic import BaseModel

from whendue import Context, GiveUp, Retry, task


class Order(BaseModel):
    """Which order to look up."""

    order: int


# Backoff: 5 s, 10 s, 20 s, ... up to 10 minutes, each multiplied by a random number from 0 to 1.
@task("example.order_status", max_attempts=6, base_s=5, factor=2, cap_s=600, timeout_s=30)
def order_status(payload: Order, ctx: Context) -> dict[str, Any]:
    """Ask the shop for the status of an order."""
    url = f"{os.environ['SHOP_URL']}/orders/{payload.order}"
    try:
        # A soft timeout cannot interrupt a blocked socket: give each call a timeout of its own.
        with urllib.request.urlopen(url, timeout=min(10, ctx.remaining_s)) as reply:
            found: dict[str, Any] = json.load(reply)
            return found
    except HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            raise GiveUp(f"the shop has no order {payload.order}") from error
        if error.code == HTTPStatus.TOO_MANY_REQUESTS:
            raise Retry("the shop asks to wait", after=float(error.headers.get("Retry-After", 60))) from error
        raise
