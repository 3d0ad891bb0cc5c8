"""Deliveries of a subscription: the log of their attempts, replays, and a test."""

from typing import NamedTuple

from whendue.engine.commit import commit
from whendue.engine.runtime import Runtime
from whendue.errors import DeliveryNotFoundError, JobNotFoundError, StateConflictError, UnavailableError
from whendue.jobs.model import Job
from whendue.notifications.events import test_event
from whendue.notifications.publisher import NotificationPublisher
from whendue.notifications.subscriptions import find_subscription
from whendue.operations.commands import JobCommands
from whendue.operations.listing import JobFilter, Listing
from whendue.operations.reader import JobReader, JobView
from whendue.quotas import DELIVERY_ATTEMPTS_SHOWN


class DeliveryPage(NamedTuple):
    """Some deliveries, each with its event and attempts; cursor and `is_complete` as of `Page`."""

    deliveries: list[JobView]
    cursor: str | None
    is_complete: bool


class DeliveryLog:
    """Shows and repeats deliveries."""

    def __init__(
        self,
        runtime: Runtime,
        notifications: NotificationPublisher,
        query: JobReader,
        listing: Listing,
        control: JobCommands,
    ) -> None:
        """Use this runtime; deliveries are shown and changed as jobs are."""
        self._runtime = runtime
        self._notifications = notifications
        self._query = query
        self._listing = listing
        self._control = control

    def page(self, tenant: str, name: str, state: str | None, limit: int, cursor: str | None) -> DeliveryPage:
        """List the deliveries to a subscription, the newest first.

        Raises:
            SubscriptionNotFoundError: there is none.
            InvalidRequestError: there is no such state.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        find_subscription(self._runtime.store, tenant, name)
        page = self._listing.page("deliveries", tenant, JobFilter(state, subscription=name), limit, cursor)
        return DeliveryPage(self._query.views(page.jobs, DELIVERY_ATTEMPTS_SHOWN), page.cursor, page.is_complete)

    def test(self, tenant: str, name: str) -> Job:
        """Send a subscription an event without a cause.

        Raises:
            SubscriptionNotFoundError: there is none.
            StateConflictError: it is disabled.
            UnavailableError: the outcome is unknown; send it again.
        """
        subscription = find_subscription(self._runtime.store, tenant, name)
        if not subscription.active:
            raise StateConflictError(f"the subscription is disabled; send POST /subscriptions/{name}/enable first")
        now_ms = self._runtime.clock.now_ms()
        made = self._notifications.to(subscription, test_event(self._runtime.clock.new_id(), now_ms))
        [end] = commit(self._runtime, [made], now_ms)
        if not end.done:
            raise UnavailableError
        return made.job

    def replay(self, tenant: str, name: str, delivery_id: str, *, by: str | None = None) -> Job:
        """Deliver once more, under the same id.

        Raises:
            SubscriptionNotFoundError: there is no such subscription.
            DeliveryNotFoundError: it has no such delivery.
            StateConflictError: it is disabled, or the delivery is still on its way.
            UnavailableError: the outcome is unknown; send it again.
        """
        if not find_subscription(self._runtime.store, tenant, name).active:
            raise StateConflictError(f"the subscription is disabled; send POST /subscriptions/{name}/enable first")
        try:
            return self._control.replay(tenant, name, delivery_id, by=by)
        except JobNotFoundError:
            raise DeliveryNotFoundError(f"the subscription {name} has no delivery with the id {delivery_id}") from None
