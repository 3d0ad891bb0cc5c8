"""Subscriptions: make, change, rotate keys, enable, delete."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn

from whendue.engine.ports import Item, JobStore
from whendue.engine.readable import read_one, readable
from whendue.engine.runtime import Runtime
from whendue.errors import (
    InvalidRequestError,
    PreconditionFailedError,
    StateConflictError,
    SubscriptionNotFoundError,
    TooManySubscriptionsError,
)
from whendue.notifications.publisher import NotificationPublisher
from whendue.notifications.subscription import (
    Subscription,
    Terms,
    change,
    from_item,
    rekeyed,
    subscribe,
    unsubscribe,
)
from whendue.outbound.signing import Kind, kind_of, new_key
from whendue.quotas import SUBSCRIPTION_CONFIG_BYTES, SUBSCRIPTIONS_PER_TENANT
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.table.keys import subscription_key
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write

ANYTHING: Final = Precondition()


class Put(NamedTuple):
    """A subscription as put.

    Args:
        subscription: as it is now.
        created: there was none.
        new_key: it signs with a key that has not been shown yet.
    """

    subscription: Subscription
    created: bool
    new_key: bool


class _Edit(NamedTuple):
    """A subscription as read, None for a new one, and as it is to be."""

    known: Subscription | None
    then: Subscription


def find_subscription(store: JobStore, tenant: str, name: str) -> Subscription:
    """Read a tenant's subscription.

    Raises:
        SubscriptionNotFoundError: there is none.
        UnreadableError: it cannot be read.
        UnavailableError: the table does not answer.
    """
    [item] = store.get([subscription_key(tenant, name)])
    if item is None:
        raise SubscriptionNotFoundError(f"no subscription has the name {name}")
    return _read(tenant, name, item)


def _read(tenant: str, name: str, item: Item) -> Subscription:
    return read_one(item, partial(from_item, tenant), f"the subscription {name}")


class Subscriptions:
    """Changes a tenant's subscriptions."""

    def __init__(self, runtime: Runtime, notifications: NotificationPublisher) -> None:
        """Use this runtime; `notifications` forgets what was changed."""
        self._runtime = runtime
        self._notifications = notifications

    def every(self, tenant: str) -> list[Subscription]:
        """List all by name.

        Raises:
            UnavailableError: the table does not answer.
        """
        items = self._runtime.store.query(subscription_key(tenant, "").pk)
        return readable(self._runtime, items, lambda item: from_item(tenant, item), "list_subscriptions")

    def read(self, tenant: str, name: str) -> Subscription:
        """Read one.

        Raises:
            SubscriptionNotFoundError: none has this name.
            UnavailableError: the table does not answer.
        """
        return find_subscription(self._runtime.store, tenant, name)

    def put(
        self, tenant: str, name: str, terms: Terms, config: Mapping[str, Any], expected: Precondition = ANYTHING
    ) -> Put:
        """Make a subscription, or change the one of this name; saying again what it says changes nothing.

        Args:
            tenant: whose.
            name: what it is called.
            terms: what it shall be, but for its configuration.
            config: that, as JSON values.
            expected: what must hold of the current version.

        Raises:
            InvalidRequestError: there is no such channel, or it refuses the configuration.
            PreconditionFailedError: the current version is not as expected.
            TooManySubscriptionsError: there is no room for another one.
            UnavailableError: the outcome is unknown; send it again.
        """
        text = json.dumps(config, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > SUBSCRIPTION_CONFIG_BYTES:
            raise InvalidRequestError(f"config must have at most {SUBSCRIPTION_CONFIG_BYTES} bytes of JSON")
        kind = self._runtime.registry.channel(terms.channel).parse(config, tenant).signed
        terms = replace(terms, config=text)

        def read() -> Subscription | None:
            [item] = self._runtime.store.get([subscription_key(tenant, name)])
            return _read(tenant, name, item) if item else None

        def decide(known: Subscription | None) -> _Edit | NoWrite[Put]:
            if not expected.holds(known.version if known else None):
                raise PreconditionFailedError
            if known and known.terms == terms:
                return NoWrite(Put(known, created=False, new_key=False))
            then = self._changed(known, terms, kind) if known else self._made(tenant, name, terms, kind)
            return _Edit(known, then)

        def apply(edit: _Edit) -> Put | Conflict:
            known, then = edit
            if not self._is_written(edit):
                return CONFLICT
            return Put(then, created=known is None, new_key=then.key is not None and _key(known) != then.key)

        return retry_on_conflict(read, decide, apply, exhausted=_keeps_changing)

    def rotate(self, tenant: str, name: str, expected: Precondition = ANYTHING) -> Subscription:
        """Let it sign with a new key, and with the one before for 24 hours more.

        Who rotates again meanwhile takes the key in between away, not the one that receivers are known to have.

        Raises:
            SubscriptionNotFoundError: there is none.
            StateConflictError: its channel signs nothing.
            PreconditionFailedError: the current version is not as expected.
            UnavailableError: the outcome is unknown; send it again.
        """

        def rotated(known: Subscription) -> Subscription:
            kind = kind_of(known.key)
            if kind is None:
                raise StateConflictError(
                    "the channel of this subscription does not sign, so it has no secret to rotate"
                )
            now_ms = self._runtime.clock.now_ms()
            new = new_key(kind, self._runtime.clock.bits)
            rotates_on = known.old_until is not None and now_ms < known.old_until
            return replace(known, key=new) if rotates_on else rekeyed(known, new, now_ms)

        return self._change(tenant, name, expected, rotated)

    def enable(self, tenant: str, name: str, expected: Precondition = ANYTHING) -> Subscription:
        """Send to it again, and forget that it failed. One that is not disabled stays as it is.

        Raises:
            SubscriptionNotFoundError: there is none.
            PreconditionFailedError: the current version is not as expected.
            UnavailableError: the outcome is unknown; send it again.
        """

        def enabled(known: Subscription) -> Subscription:
            return replace(known, failing_since=None, disabled_at=None, disabled_reason=None)

        return self._change(tenant, name, expected, enabled)

    def delete(self, tenant: str, name: str, expected: Precondition = ANYTHING) -> None:
        """Delete it: what is on its way to it is not delivered any more.

        Raises:
            SubscriptionNotFoundError: there is none.
            PreconditionFailedError: the current version is not as expected.
            UnavailableError: the outcome is unknown; send it again.
        """

        def decide(known: Subscription) -> Write:
            if not expected.holds(known.version):
                raise PreconditionFailedError
            return unsubscribe(known)

        def apply(write: Write) -> bool | Conflict:
            [end] = self._runtime.store.apply([write])
            self._notifications.forget(tenant)
            return end.done_or_raise() or CONFLICT

        retry_on_conflict(lambda: self.read(tenant, name), decide, apply, exhausted=_keeps_changing)

    # --- how --------------------------------------------------------------------------------------------------

    def _change(
        self, tenant: str, name: str, expected: Precondition, step: Callable[[Subscription], Subscription]
    ) -> Subscription:
        def decide(known: Subscription) -> _Edit | NoWrite[Subscription]:
            if not expected.holds(known.version):
                raise PreconditionFailedError
            wanted = step(known)
            return NoWrite(known) if wanted == known else _Edit(known, self._next(known, wanted))

        def apply(edit: _Edit) -> Subscription | Conflict:
            return edit.then if self._is_written(edit) else CONFLICT

        return retry_on_conflict(lambda: self.read(tenant, name), decide, apply, exhausted=_keeps_changing)

    def _made(self, tenant: str, name: str, terms: Terms, kind: Kind | None) -> Subscription:
        # Those that cannot be read count, too.
        if len(self._runtime.store.query(subscription_key(tenant, "").pk)) >= SUBSCRIPTIONS_PER_TENANT:
            raise TooManySubscriptionsError(
                f"a tenant can have at most {SUBSCRIPTIONS_PER_TENANT} subscriptions; delete one first"
            )
        clock = self._runtime.clock
        now_ms, made = clock.now_ms(), clock.new_id()
        return Subscription(tenant, name, terms, made, now_ms, now_ms, made, key=self._new_key(kind))

    def _changed(self, known: Subscription, terms: Terms, kind: Kind | None) -> Subscription:
        if known.terms.channel != terms.channel:
            raise InvalidRequestError("the channel of a subscription cannot be changed; create another subscription")
        then = replace(known, terms=terms)
        if terms.config != known.terms.config:
            then = replace(then, failing_since=None)
        if kind_of(known.key) != kind:
            then = rekeyed(then, self._new_key(kind), self._runtime.clock.now_ms())
        return self._next(known, then)

    def _new_key(self, kind: Kind | None) -> str | None:
        return None if kind is None else new_key(kind, self._runtime.clock.bits)

    def _next(self, known: Subscription, then: Subscription) -> Subscription:
        now_ms = self._runtime.clock.now_ms()
        return replace(then, version=max(now_ms, known.version + 1), mark=self._runtime.clock.new_id())

    def _is_written(self, edit: _Edit) -> bool:
        """Write it, unless it has been changed meanwhile."""
        known, then = edit
        [end] = self._runtime.store.apply([change(known, then) if known else subscribe(then)])
        self._notifications.forget(then.tenant)
        return end.done_or_raise("it is not known whether the subscription was changed; send the same request again")


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the subscription keeps changing; try again")


def _key(known: Subscription | None) -> str | None:
    return known.key if known else None
