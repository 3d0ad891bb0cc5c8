"""Requests about subscriptions and their deliveries."""

from whendue.client.inputs.definitions import NewSubscription
from whendue.client.listing import Listing
from whendue.client.messages import Request, model, nothing, request
from whendue.client.models.common import Page
from whendue.client.models.jobs import Job
from whendue.client.models.subscriptions import Delivery, Subscription, SubscriptionWithSecret
from whendue.client.requests.schedules import preconditions


def put_subscription(
    name: str, subscription: NewSubscription, *, if_match: str | None = None, only_create: bool = False
) -> Request[SubscriptionWithSecret]:
    """Create a subscription, or replace it. Its secret is returned only when it is created.

    It is not sent again after a lost answer, since a second answer would not have the secret.

    Args:
        name: name of the subscription.
        subscription: the whole subscription.
        if_match: only if the subscription still has this `etag`.
        only_create: only if there is no subscription with this name.
    """
    headers = preconditions(if_match, only_create=only_create)
    return request(
        "putSubscription", model(SubscriptionWithSecret), at={"name": name}, headers=headers, body=subscription
    )


def list_subscriptions() -> Listing[Page[Subscription], Subscription]:
    """List all subscriptions of the tenant, sorted by name."""
    return Listing(lambda _: request("listSubscriptions", model(Page[Subscription])), lambda page: page, None)


def get_subscription(name: str) -> Request[Subscription]:
    """Get a subscription and its health."""
    return request("getSubscription", model(Subscription), at={"name": name})


def delete_subscription(name: str, *, if_match: str | None = None) -> Request[None]:
    """Delete a subscription. Deliveries that have not ended are not sent any more."""
    return request("deleteSubscription", nothing, at={"name": name}, headers=preconditions(if_match))


def enable_subscription(name: str, *, if_match: str | None = None) -> Request[Subscription]:
    """Send notifications of a disabled subscription again, from now on."""
    return request("enableSubscription", model(Subscription), at={"name": name}, headers=preconditions(if_match))


def rotate_subscription_secret(name: str, *, if_match: str | None = None) -> Request[SubscriptionWithSecret]:
    """Create a new signing key; a secret is returned only here. For 24 hours the previous key signs as well."""
    headers = preconditions(if_match)
    return request("rotateSubscriptionSecret", model(SubscriptionWithSecret), at={"name": name}, headers=headers)


def test_subscription(name: str) -> Request[Job]:
    """Send a test notification."""
    return request("testSubscription", model(Job), at={"name": name})


def list_deliveries(
    name: str, *, state: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Listing[Page[Delivery], Delivery]:
    """List the deliveries of a subscription, the newest first; with `state="dead"` by the time of their end."""
    query = {"state": state, "limit": limit}
    return Listing(
        lambda at: request("listDeliveries", model(Page[Delivery]), at={"name": name}, query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def replay_delivery(name: str, delivery_id: str) -> Request[Job]:
    """Send an ended delivery again, under the same id and with all its attempts."""
    return request("replayDelivery", model(Job), at={"name": name, "delivery_id": delivery_id})
