"""Subscriptions and their deliveries as the API takes and shows them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from functions.api.http import times
from functions.api.http.problems import location
from functions.api.schemas.base import Body
from functions.api.schemas.reply import ALWAYS_WHOLE, CURSOR, MISSING, Missing, Reply, Time
from functions.api.schemas.shared.attempts import AttemptReply, attempts_of
from functions.api.schemas.shared.policy import Name, Priority, TypeName
from whendue.errors import HeaderInjectionError, InvalidRequestError
from whendue.jobs.model import shown_state
from whendue.notifications.subscription import Subscription, Terms
from whendue.operations.reader import JobView
from whendue.outbound.signing import public_part
from whendue.quotas import SUBSCRIPTION_FILTERS
from whendue.support.text import NOT_IN_A_LINE, NOT_IN_LINES

EventName = Literal["succeeded", "dead", "cancelled", "expired", "attempt_failed", "schedule_missed", "queue_paused"]
# Fields of configurations that have several lines: bodies of mails.
BODIES = frozenset({("config", "text"), ("config", "html")})


class FilterBody(Body):
    """Which jobs the subscription applies to; an empty list means all."""

    model_config = ConfigDict(json_schema_extra={"example": {"types": ["demo.greet"]}})

    types: list[TypeName] = Field(
        default_factory=list, max_length=SUBSCRIPTION_FILTERS, description="Task types. Default: all."
    )
    priorities: list[Priority] = Field(
        default_factory=list, max_length=SUBSCRIPTION_FILTERS, description="Priorities. Default: all."
    )
    schedules: list[Name] = Field(
        default_factory=list, max_length=SUBSCRIPTION_FILTERS, description="Names of schedules. Default: all."
    )


class SubscriptionBody(Body):
    """A whole subscription."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "channel": "webhook",
                "config": {"url": "https://hooks.example.com/whendue"},
                "events": ["succeeded", "dead"],
            }
        }
    )

    channel: Name = Field(
        description="How notifications are sent: `webhook`, `email`, `sns`, or a channel of your own.",
        examples=["webhook"],
    )
    config: dict[str, Any] = Field(
        description="Settings of the channel, such as the `url` of a webhook.",
        examples=[{"url": "https://hooks.example.com/whendue"}],
    )
    events: list[EventName] = Field(
        min_length=1, description="Events to be notified of, each once.", examples=[["succeeded", "dead"]]
    )
    applies: Literal["all", "named"] = Field(
        default="all", description="`all`: to all jobs; `named`: only to jobs that name it in `notify`."
    )
    filter: FilterBody = Field(default=FilterBody(), description="Which jobs it applies to. Default: all.")

    @model_validator(mode="before")
    @classmethod
    def _begins_no_header(cls, value: Any) -> Any:
        """Refuse line breaks everywhere but in bodies: not as one mistake among others, as a 400 of its own."""
        for where, text in _texts(value):
            named = location(["body", *where])
            if ("\r" in text or "\n" in text) and where not in BODIES:
                raise HeaderInjectionError(errors=[{"where": named, "problem": "must not have line breaks"}])
            if (NOT_IN_LINES if where in BODIES else NOT_IN_A_LINE).search(text):
                problem = "must not have control characters or direction overrides"
                raise InvalidRequestError("the request is not valid", errors=[{"where": named, "problem": problem}])
        return value

    @model_validator(mode="after")
    def _says_each_event_once(self) -> Self:
        if len(set(self.events)) < len(self.events):
            raise ValueError("events must name each event once")
        return self

    def terms(self) -> Terms:
        """Return its fields in the service's form, without its configuration."""
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
    """Yield every text in a JSON value, names included, with its position."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield where, name
            yield from _texts(part, *where, name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _texts(part, *where, str(number))


class FilterReply(Reply):
    """Which jobs the subscription applies to; an empty list means all."""

    types: list[str] = Field(description="Task types.")
    priorities: list[str] = Field(description="Priorities.")
    schedules: list[str] = Field(description="Names of schedules.")


class SubscriptionReply(Reply):
    """A subscription, without its secret."""

    name: str = Field(description="Name of the subscription.")
    channel: str = Field(description="How notifications are sent.")
    config: dict[str, Any] = Field(description="Settings of the channel.")
    events: list[str] = Field(description="Events to be notified of.")
    applies: str = Field(description="`all`, or `named`: only to jobs that name it in `notify`.")
    filter: FilterReply
    created_at: Time | None = Field(description="When it was created.")
    active: bool = Field(description="Whether notifications are sent; false when it is disabled.")
    failing_since: Time | None = Field(
        description="When the first attempt failed since the last successful delivery; null if none has."
    )
    disabled_at: Time | None = Field(description="When it was disabled; null if it is active.")
    disabled_reason: str | None = Field(description="Why it was disabled; null if it is active.")
    public_key: str | None = Field(description="Public key to verify `v1a` signatures with; null if it uses a secret.")
    old_key_until: Time | None = Field(
        description="Until when the previous key signs as well; null outside of a rotation."
    )


class SubscriptionWithSecretReply(SubscriptionReply):
    """A subscription with its secret, which is returned only once."""

    secret: str | None = Field(
        default=None, description="Secret to verify `v1` signatures with. Store it: it is not returned again."
    )


class SubscriptionListReply(Reply):
    """All subscriptions of the tenant, sorted by name."""

    items: list[SubscriptionReply] = Field(description="The subscriptions.")
    cursor: None = Field(default=None, description=ALWAYS_WHOLE)


class DeliveryReply(Reply):
    """A delivery: one event sent to one subscription, with its attempts."""

    id: str = Field(description="Id of the delivery; webhooks carry it as `webhook-id`.")
    subscription: str | None = Field(description="Name of the subscription.")
    event: str = Field(description="Type of the event, such as `job.succeeded`.")
    state: str = Field(description="`scheduled`, `queued`, `running`, `succeeded`, `dead` or `cancelled`.")
    created_at: Time | None = Field(description="When it was created.")
    due_at: Time | None = Field(description="When the next attempt may start.")
    finished_at: Time | None = Field(description="When it ended; null before.")
    answer: Any = Field(default=None, description="What the receiver answered; null until it was delivered.")
    payload: Any = Field(description="The notification that is sent.")
    attempts: list[AttemptReply] = Field(description="Its attempts, oldest first.")


class DeliveryListReply(Reply):
    """A page of deliveries. A page may be short although there are more."""

    items: list[DeliveryReply] = Field(description="The deliveries.")
    cursor: str | None = Field(description=CURSOR)
    missing: Missing = Field(description=MISSING)


def subscription_fields(subscription: Subscription, now_ms: int) -> dict[str, Any]:
    """Return a subscription as the API shows it."""
    terms = subscription.terms
    rotates = subscription.old_until is not None and now_ms < subscription.old_until
    return {
        "name": subscription.name,
        "channel": terms.channel,
        "config": json.loads(terms.config),
        "events": list(terms.events),
        "applies": terms.applies,
        "filter": FilterReply(types=list(terms.types), priorities=list(terms.queues), schedules=list(terms.schedules)),
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


def new_key_reply(subscription: Subscription, now_ms: int, *, shown: bool) -> SubscriptionWithSecretReply:
    """Show a subscription, and its secret if it is a new one that the receiver needs to verify signatures."""
    secret = subscription.key if shown and public_part(subscription.key) is None else None
    return SubscriptionWithSecretReply(**subscription_fields(subscription, now_ms), secret=secret)


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
        attempts=attempts_of(view, traced=False),
    )
