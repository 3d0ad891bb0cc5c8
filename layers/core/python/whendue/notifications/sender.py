"""Notify: one attempt to deliver, and what it says about the subscription's health."""

import json
from contextlib import suppress
from typing import Any

from whendue.declarations.channel import Attempt, ChannelConfig, Event, ReceiverGoneError
from whendue.declarations.context import Context
from whendue.declarations.registry import ChannelDefinition
from whendue.engine.runtime import Runtime
from whendue.errors import SubscriptionDisabledError, UnavailableError
from whendue.notifications.publisher import NotificationPublisher
from whendue.notifications.subscription import (
    FAILING,
    GONE,
    Subscription,
    disable,
    failed_for_long,
    from_item,
    note_failure,
    note_success,
)
from whendue.support.coroutines import finished
from whendue.table.keys import subscription_key
from whendue.table.writes import Write


class NotificationSender:
    """Resource `notify`: what the tasks of channels call."""

    def __init__(self, runtime: Runtime, notifications: NotificationPublisher) -> None:
        """Use this runtime; `notifications` forgets what it has cached when a subscription is disabled."""
        self._runtime = runtime
        self._notifications = notifications

    def __call__(self, channel: ChannelDefinition, event: Event, ctx: Context) -> Any:
        """Deliver an event once, as its subscription says now.

        Raises:
            SubscriptionDisabledError: it wants no more notifications.
            UnavailableError: the subscription cannot be read.
            Exception: whatever the channel raises; the subscription's health has been noted.
        """
        subscription = self._read(ctx.tenant, ctx.subscription or "")
        # A delivery is tried on its own; the health that it finds is the one that it changes.
        try:
            config, attempt = self._config(channel, subscription), self._attempt(subscription, ctx)
            answer = finished(channel.function(event, config, attempt))
        except ReceiverGoneError:
            self._note(disable(subscription, GONE, self._runtime.clock.now_ms()))
            raise
        except BaseException:
            # A channel is users' code: it may raise anything, and the health is noted of all of it.
            self._failed(subscription)
            raise
        if subscription.failing_since is not None:
            self._note(note_success(subscription))
        return answer

    def _read(self, tenant: str, name: str) -> Subscription:
        [item] = self._runtime.store.get([subscription_key(tenant, name)])
        if item is None:
            raise SubscriptionDisabledError("the subscription was deleted")
        subscription = from_item(tenant, item)
        if not subscription.active:
            raise SubscriptionDisabledError(f"the subscription is disabled: {subscription.disabled_reason}")
        return subscription

    def _config(self, channel: ChannelDefinition, subscription: Subscription) -> ChannelConfig:
        return channel.config.model_validate(json.loads(subscription.terms.config))

    def _attempt(self, subscription: Subscription, ctx: Context) -> Attempt:
        now_ms = self._runtime.clock.now_ms
        return Attempt(
            id=ctx.job_id,
            tenant=ctx.tenant,
            subscription=subscription.name,
            keys=subscription.keys(now_ms()),
            now_s=lambda: now_ms() / 1000,
            remaining_s=lambda: ctx.remaining_s,
            traceparent=ctx.traceparent,
        )

    def _failed(self, subscription: Subscription) -> None:
        now_ms = self._runtime.clock.now_ms()
        if subscription.failing_since is None:
            self._note(note_failure(subscription, now_ms))
        elif failed_for_long(subscription, now_ms):
            self._note(disable(subscription, FAILING, now_ms))

    def _note(self, write: Write) -> None:
        """Write what was found; what is refused or lost, the next attempt finds again."""
        with suppress(UnavailableError), self._runtime.bulkhead.around("health", write.key.sk):
            self._runtime.store.apply([write])
        if write.name == "disable":
            self._notifications.forget(write.key.pk.partition("#")[2])
