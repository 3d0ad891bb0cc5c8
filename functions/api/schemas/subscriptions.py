"""Subscriptions and their deliveries as the API takes and shows them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.job_replies import AttemptReply, attempts_of
from functions.api.schemas.job_requests import Name, Priority, TypeName
from functions.api.schemas.reply import Reply, Time
from whendue.errors import HeaderInjectionError
from whendue.jobs.model import shown_state
from whendue.notifications.subscription import Subscription, Terms
from whendue.operations.reader import JobView
from whendue.outbound.signing import public_part
from whendue.quotas import SUBSCRIPTION_FILTERS
from whendue.support.text import NOT_IN_A_LINE, NOT_IN_LINES

EventName = Literal["succeeded", "dead", "cancelled", "attempt_failed", "schedule_missed", "queue_paused"]
# Fields of configurations that have several lines: bodies of mails.
BODIES = frozenset({("config", "text"), ("config", "html")})


class FilterBody(Body):
    """What to be told of only; an empty list is everything."""

    types: list[TypeName] = Field(default_factory=list, max_length=SUBSCRIPTION_FILTERS)
    priorities: list[Priority] = Field(default_factory=list, max_length=SUBSCRIPTION_FILTERS)
    schedules: list[Name] = Field(default_factory=list, max_length=SUBSCRIPTION_FILTERS)


class SubscriptionBody(Body):
    """A subscription to be."""

    channel: Name = Field(description="How to be told.", examples=["webhook"])
    config: dict[str, Any] = Field(
        description="Where to, as the channel takes it.", examples=[{"url": "https://hooks.example.com/whendue"}]
    )
    events: list[EventName] = Field(min_length=1, description="What to be told of.", examples=[["succeeded", "dead"]])
    applies: Literal["all", "named"] = Field(
        default="all", description="To all that happens, or only to jobs that name it in `notify`."
    )
    filter: FilterBody = FilterBody()

    @model_validator(mode="before")
    @classmethod
    def _begins_no_header(cls, value: Any) -> Any:
        """Refuse line breaks everywhere but in bodies: not as one mistake among others, as a 400 of its own."""
        for where, text in _texts(value):
            if ("\r" in text or "\n" in text) and where not in BODIES:
                places = [{"where": ".".join(where), "problem": "a line break"}]
                raise HeaderInjectionError(errors=places)
            if (NOT_IN_LINES if where in BODIES else NOT_IN_A_LINE).search(text):
                raise ValueError(f"{'.'.join(where)[:128]} has a control character, or one that turns the direction")
        return value

    @model_validator(mode="after")
    def _says_each_event_once(self) -> Self:
        if len(set(self.events)) < len(self.events):
            raise ValueError("an event is given twice")
        return self

    def terms(self) -> Terms:
        """Give what it says as the service takes it, but for its configuration."""
        return Terms(
            self.channel,
            "",
            tuple(self.events),
            self.applies,
            tuple(dict.fromkeys(self.filter.types)),
            tuple(dict.fromkeys(self.filter.priorities)),
            tuple(dict.fromkeys(self.filter.schedules)),
        )


def _texts(value: Any, *where: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give every text in a JSON value, names included, and where it stands."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield where, name
            yield from _texts(part, *where, name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _texts(part, *where, str(number))


class ShownFilter(Reply):
    """What to be told of only; an empty list is everything."""

    types: list[str]
    priorities: list[str]
    schedules: list[str]


class SubscriptionReply(Reply):
    """A subscription, without its secret."""

    name: str
    channel: str
    config: dict[str, Any]
    events: list[str]
    applies: str
    filter: ShownFilter
    created_at: Time | None
    active: bool
    failing_since: Time | None = Field(description="Of the first failed attempt since the last delivered one.")
    disabled_at: Time | None
    disabled_reason: str | None
    public_key: str | None = Field(description="With which to verify signatures of kind v1a.")
    old_key_until: Time | None = Field(description="So long the key before the last rotation signs, too.")


class NewKeyReply(SubscriptionReply):
    """A subscription, and its secret this once."""

    secret: str | None = Field(default=None, description="With which to verify signatures of kind v1; shown only here.")


class SubscriptionListReply(Reply):
    """All subscriptions of a tenant by name; the cursor is always null."""

    items: list[SubscriptionReply]
    cursor: None = None


class DeliveryReply(Reply):
    """A delivery; its id is what receivers get as `webhook-id`."""

    id: str
    subscription: str | None
    event: str = Field(description="Its type, as in job.succeeded.")
    state: str = Field(description="scheduled, queued, running, succeeded, dead or cancelled")
    created_at: Time | None
    due_at: Time | None = Field(description="When the next attempt may start.")
    finished_at: Time | None
    answer: Any = Field(default=None, description="What the receiver answered, once it was delivered.")
    payload: Any = Field(description="What is sent.")
    attempts: list[AttemptReply]


class DeliveryListReply(Reply):
    """A page of deliveries; a cursor of null is the end, a page may be short before it."""

    items: list[DeliveryReply]
    cursor: str | None


def subscription_fields(subscription: Subscription, now_ms: int) -> dict[str, Any]:
    """Give what is shown of a subscription."""
    terms = subscription.terms
    rotates = subscription.old_until is not None and now_ms < subscription.old_until
    return {
        "name": subscription.name,
        "channel": terms.channel,
        "config": json.loads(terms.config),
        "events": list(terms.events),
        "applies": terms.applies,
        "filter": ShownFilter(types=list(terms.types), priorities=list(terms.queues), schedules=list(terms.schedules)),
        "created_at": times.to_timestamp(subscription.created_at),
        "active": subscription.active,
        "failing_since": times.to_timestamp(subscription.failing_since),
        "disabled_at": times.to_timestamp(subscription.disabled_at),
        "disabled_reason": subscription.disabled_reason,
        "public_key": public_part(subscription.key),
        "old_key_until": times.to_timestamp(subscription.old_until) if rotates else None,
    }


def subscription_reply(subscription: Subscription, now_ms: int) -> SubscriptionReply:
    """Show a subscription; never its secret."""
    return SubscriptionReply(**subscription_fields(subscription, now_ms))


def new_key_reply(subscription: Subscription, now_ms: int, *, shown: bool) -> NewKeyReply:
    """Show a subscription, and its secret if it is a new one that whoever verifies needs."""
    secret = subscription.key if shown and public_part(subscription.key) is None else None
    return NewKeyReply(**subscription_fields(subscription, now_ms), secret=secret)


def delivery_reply(view: JobView, now_ms: int) -> DeliveryReply:
    """Show a delivery."""
    job = view.job
    payload = view.payload if isinstance(view.payload, dict) else {}
    return DeliveryReply(
        id=job.id,
        subscription=job.subscription,
        event=str(payload.get("type", "")),
        state=shown_state(job, now_ms),
        created_at=times.to_timestamp(job.created_at),
        due_at=times.to_timestamp(job.due_at),
        finished_at=times.to_timestamp(job.finished_at),
        answer=view.result,
        payload=view.payload,
        attempts=attempts_of(view),
    )
