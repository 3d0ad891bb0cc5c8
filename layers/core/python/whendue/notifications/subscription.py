"""Subscriptions: which events are sent where, by which channel, and how that goes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from whendue.notifications.events import NotificationEvent
from whendue.quotas import FAILING_S, KEY_GRACE_S
from whendue.table.items import known
from whendue.table.keys import Key, subscription_key
from whendue.table.writes import REMOVE, Is, Lacks, Write, delete, insert

Applies = Literal["all", "named"]
GONE: Final = "the receiver answered 410 Gone"
FAILING: Final = f"all attempts have failed for {FAILING_S // 3600} hours"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a user says of a subscription.

    Args:
        channel: how events are sent.
        config: where to, as JSON text that the channel's model has checked.
        events: what of, of `whendue.notifications.events.EVENTS`.
        applies: `all` gets every event of the tenant, `named` only those of jobs that name it.
        types, queues, schedules: if not empty, only of these.
    """

    channel: str
    config: str
    events: tuple[str, ...]
    applies: Applies = "all"
    types: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription, as its item holds it. Times are milliseconds since 1970, UTC.

    Args:
        made: differs from that of every other subscription, also of the same name: part of its deliveries' ids.
        version: when it was last changed by a user, made to rise with each change; its ETag.
        mark: distinguishes this change from every other one.
        key: what it signs with, see `whendue.outbound.signing`; None for a channel that does not sign.
        old_key: what it also signs with, until `old_until`.
        failing_since: the first failed attempt since the last one that was delivered; None while none has failed.
        disabled_at, disabled_reason: it gets nothing any more.
    """

    tenant: str
    name: str
    terms: Terms
    made: str
    created_at: int
    version: int
    mark: str
    key: str | None = None
    old_key: str | None = None
    old_until: int | None = None
    failing_since: int | None = None
    disabled_at: int | None = None
    disabled_reason: str | None = None

    @property
    def store_key(self) -> Key:
        """The item's key."""
        return subscription_key(self.tenant, self.name)

    @property
    def active(self) -> bool:
        """Whether it gets anything."""
        return self.disabled_at is None

    def keys(self, now_ms: int) -> tuple[str, ...]:
        """Return the current signing keys, newest first."""
        old = self.old_key if self.old_until is not None and now_ms < self.old_until else None
        return tuple(key for key in (self.key, old) if key)

    def wants(self, event: NotificationEvent) -> bool:
        """Return whether the subscription wants this event."""
        terms = self.terms
        named = terms.applies == "all" or self.name in event.names.split()
        return (
            self.active
            and named
            and event.event in terms.events
            and all(
                not wanted or value in wanted
                for wanted, value in (
                    (terms.types, event.type),
                    (terms.queues, event.queue),
                    (terms.schedules, event.schedule),
                )
            )
        )


def rekeyed(subscription: Subscription, key: str | None, now_ms: int) -> Subscription:
    """Let a subscription sign with another key; the one before also signs for a while."""
    return replace(subscription, key=key, old_key=subscription.key, old_until=now_ms + KEY_GRACE_S * 1000)


# --- writes ------------------------------------------------------------------------------------------------------


def subscribe(subscription: Subscription) -> Write:
    """Create the item where none is."""
    return insert("subscribe", subscription.store_key, to_item(subscription))


def change(before: Subscription, then: Subscription) -> Write:
    """Change the item, if no user has meanwhile."""
    old, new = to_item(before), to_item(then)
    gone = {name: REMOVE for name in _HEALTH | old.keys() if name not in new}
    return Write("change_subscription", before.store_key, [Is("version", before.version)], new | gone)


def unsubscribe(subscription: Subscription) -> Write:
    """Delete the item, if no user has changed it meanwhile."""
    return delete("unsubscribe", subscription.store_key, Is("version", subscription.version))


def note_failure(subscription: Subscription, now_ms: int) -> Write:
    """Note since when it fails, unless that is noted, or a user has changed it."""
    expected = (Is("version", subscription.version), Lacks("failing_since"))
    return Write("note_failure", subscription.store_key, expected, {"failing_since": now_ms})


def note_success(subscription: Subscription) -> Write:
    """Note that it does not fail any more."""
    expected = (Is("version", subscription.version), Is("failing_since", subscription.failing_since))
    return Write("note_success", subscription.store_key, expected, {"failing_since": REMOVE})


def disable(subscription: Subscription, reason: str, now_ms: int) -> Write:
    """Send it nothing any more, unless a user has changed it or it is disabled already."""
    expected = (Is("version", subscription.version), Lacks("disabled_at"))
    return Write("disable", subscription.store_key, expected, {"disabled_at": now_ms, "disabled_reason": reason})


def failed_for_long(subscription: Subscription, now_ms: int) -> bool:
    """Return whether the subscription has failed long enough to be disabled."""
    since = subscription.failing_since
    return since is not None and now_ms - since > FAILING_S * 1000


# --- the item ----------------------------------------------------------------------------------------------------

_HEALTH: Final = frozenset({"failing_since", "disabled_at", "disabled_reason"})
_LISTS: Final = ("events", "types", "queues", "schedules")
_KEPT: Final = sorted(set(Subscription.__slots__) - {"tenant", "name", "terms"})


def to_item(subscription: Subscription) -> dict[str, Any]:
    """Write the subscription as its item's fields; what is None or empty is left out."""
    terms = {name: getattr(subscription.terms, name) for name in Terms.__slots__}
    terms |= {name: " ".join(terms[name]) for name in _LISTS}
    kept = {name: getattr(subscription, name) for name in _KEPT}
    return {name: value for name, value in (terms | kept).items() if value not in (None, "")}


def from_item(tenant: str, item: Mapping[str, Any]) -> Subscription:
    """Read a subscription from its item.

    Raises:
        KeyError, TypeError: the item is not a subscription's.
    """
    said = known(Terms, item) | {name: tuple(item.get(name, "").split()) for name in _LISTS}
    kept = {name: item[name] for name in _KEPT if name in item}
    return Subscription(tenant, name_of(item["sk"]), Terms(**said), **kept)


def name_of(sk: str) -> str:
    """Return the name in a sort key."""
    return sk.removeprefix("subscription#")
