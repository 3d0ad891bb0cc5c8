"""Timer function: one tick of promote and rescue, started every minute."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions import STARTING, end_start, log
from whendue.bootstrap.process import app
from whendue.metrics_export import export, timer_lag
from whendue.timer.fan_out import from_event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What is kept of the invocation's time to end in good order.
MARGIN_MS = 5_000


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Run a tick, or a part of one; answers with what it did, so that a tick by hand shows it."""
    whendue = app(described=True)
    deadline_ms = whendue.clock.now_ms() + context.get_remaining_time_in_millis() - MARGIN_MS
    ticked = whendue.tick.run(deadline_ms, from_event(event, whendue.settings.shards, whendue.settings.all_queues))
    fields = {
        "planned": ticked.planned,
        "promoted": ticked.promoted,
        "rescued": dict(ticked.rescued),
        "behind": ticked.behind,
        "timers": ticked.timers,
    }
    log.info("tick", **fields, **export(whendue, timer_lag(whendue, ticked.behind)))
    return fields


if STARTING:
    # Lambda gives a process more CPU while it starts, and SnapStart keeps what was done until now.
    _ = app(described=True).tick
    end_start()
