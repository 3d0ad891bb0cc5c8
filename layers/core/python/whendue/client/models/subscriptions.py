"""Subscriptions and deliveries, as the API answers with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from whendue.client.json_values import from_header
from whendue.client.models.common import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which jobs the subscription applies to; an empty list means all.

    Args:
        types: Task types.
        priorities: Priorities.
        schedules: Names of schedules.
    """

    types: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription, without its secret.

    Args:
        name: Name of the subscription.
        channel: How notifications are sent.
        config: Settings of the channel.
        events: Events to be notified of.
        applies: `all`, or `named`: only to jobs that name it in `notify`.
        created_at: When it was created.
        active: Whether notifications are sent; false when it is disabled.
        failing_since: When the first attempt failed since the last successful delivery; None if none has.
        disabled_at: When it was disabled; None if it is active.
        disabled_reason: Why it was disabled; None if it is active.
        public_key: Public key to verify `v1a` signatures with; None if it uses a secret.
        old_key_until: Until when the previous key signs as well; None outside of a rotation.
        etag: Names this version; send it as `if_match`. None in lists.
    """

    name: str
    channel: str
    config: Mapping[str, Any]
    events: tuple[str, ...]
    applies: str
    filter: EventFilter
    created_at: datetime | None
    active: bool
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    public_key: str | None
    old_key_until: datetime | None
    etag: str | None = from_header("etag")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionWithSecret(Subscription):
    """A subscription with its secret, which is returned only once.

    Args:
        secret: Secret to verify `v1` signatures with. Store it: it is not returned again.
    """

    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery: one event sent to one subscription, with its attempts.

    Args:
        id: Id of the delivery; webhooks carry it as `webhook-id`.
        subscription: Name of the subscription.
        event: Type of the event, such as `job.succeeded`.
        state: `scheduled`, `queued`, `running`, `succeeded`, `dead` or `cancelled`.
        created_at: When it was created.
        due_at: When the next attempt may start.
        finished_at: When it ended; None before.
        answer: What the receiver answered; None until it was delivered.
        payload: The notification that is sent.
        attempts: Its attempts, oldest first.
    """

    id: str
    subscription: str | None
    event: str
    state: str
    created_at: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    answer: Any = None
    payload: Any
    attempts: tuple[Attempt, ...]
