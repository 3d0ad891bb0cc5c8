"""Timer function: one tick of promote and rescue, started every minute."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions import STARTING, end_start, log
from whendue.bootstrap import app
from whendue.metrics_export import export, timer_lag

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What is kept of the invocation's time to end in good order.
MARGIN_MS = 5_000


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:  # noqa: ARG001 - Lambda hands it in
    """Run a tick; answers with what it did, so that a tick by hand shows it."""
    whendue = app()
    ticked = whendue.tick.run(whendue.clock.now_ms() + context.get_remaining_time_in_millis() - MARGIN_MS)
    fields = {
        "planned": ticked.planned,
        "promoted": ticked.promoted,
        "rescued": dict(ticked.rescued),
        "behind": ticked.behind,
    }
    log.info("tick", **fields, **export(whendue, timer_lag(whendue, ticked.behind)))
    return fields


if STARTING:
    # Lambda gives a process more CPU while it starts, and SnapStart keeps what was done until now.
    _ = app().tick
    end_start()
