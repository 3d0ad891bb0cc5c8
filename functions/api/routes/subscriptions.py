"""Subscriptions to events, and the deliveries of their notifications."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, caller_of, shown
from functions.api.http.etags import etag, precondition
from functions.api.http.response import JSON
from functions.api.schemas.job_replies import JobReply, job_reply
from functions.api.schemas.reply import missing
from functions.api.schemas.shared.list_parameters import CursorParameter
from functions.api.schemas.subscriptions import (
    DeliveryListReply,
    SubscriptionBody,
    SubscriptionListReply,
    SubscriptionReply,
    SubscriptionWithSecretReply,
    delivery_reply,
    new_key_reply,
    subscription_reply,
)
from whendue.notifications.subscription import Subscription
from whendue.quotas import DELIVERIES_PER_PAGE, NAME_BYTES

router = APIGatewayHttpRouter()
SubscriptionName = Annotated[
    str,
    Path(
        description="Name of the subscription.",
        pattern=r"^[A-Za-z0-9._-]+$",
        max_length=NAME_BYTES,
        examples=["orders-webhook"],
    ),
]
TAGS = ["subscriptions"]


@router.get("/subscriptions", tags=TAGS, summary="List subscriptions", operation_id="listSubscriptions")
def list_subscriptions() -> SubscriptionListReply:
    """Return all subscriptions of the tenant, sorted by name, without their secrets."""
    app, tenant = caller(router)
    now_ms = app.clock.now_ms()
    return SubscriptionListReply(
        items=shown(
            app,
            app.subscriptions.every(tenant),
            lambda subscription: subscription_reply(subscription, now_ms),
            attrgetter("name"),
        )
    )


@router.get("/subscriptions/<name>", tags=TAGS, summary="Get a subscription", operation_id="getSubscription")
def read(name: SubscriptionName) -> Response[SubscriptionReply]:
    """Return a subscription and its health. The ETag is its version."""
    app, tenant = caller(router)
    found = app.subscriptions.read(tenant, name)
    return Response(HTTPStatus.OK, JSON, subscription_reply(found, app.clock.now_ms()), _tag(found))


@router.put(
    "/subscriptions/<name>", tags=TAGS, summary="Create or replace a subscription", operation_id="putSubscription"
)
def put(name: SubscriptionName, body: Annotated[SubscriptionBody, Body()]) -> Response[SubscriptionWithSecretReply]:
    """Create a subscription (201) or replace it (200) with the body.

    The secret is returned only when it is created.
    """
    app, tenant = caller(router)
    end = app.subscriptions.put(tenant, name, body.terms(), body.config, precondition(router.current_event.headers))
    status = HTTPStatus.CREATED if end.created else HTTPStatus.OK
    return _with_key(end.subscription, status, app.clock.now_ms(), shown=end.new_key)


@router.delete(
    "/subscriptions/<name>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=TAGS,
    summary="Delete a subscription",
    operation_id="deleteSubscription",
)
def delete(name: SubscriptionName) -> Response[None]:
    """Delete a subscription. Deliveries that have not ended are not sent any more."""
    app, tenant = caller(router)
    app.subscriptions.delete(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.NO_CONTENT)


@router.post(
    "/subscriptions/<name>/rotate-secret",
    tags=TAGS,
    summary="Rotate the signing key of a subscription",
    operation_id="rotateSubscriptionSecret",
)
def rotate(name: SubscriptionName) -> Response[SubscriptionWithSecretReply]:
    """Create a new signing key; a secret is returned only here. For 24 hours the previous key signs as well."""
    app, tenant = caller(router)
    rotated = app.subscriptions.rotate(tenant, name, precondition(router.current_event.headers))
    return _with_key(rotated, HTTPStatus.OK, app.clock.now_ms(), shown=True)


@router.post(
    "/subscriptions/<name>/enable",
    tags=TAGS,
    summary="Enable a disabled subscription",
    operation_id="enableSubscription",
)
def enable(name: SubscriptionName) -> Response[SubscriptionReply]:
    """Send notifications again from now on. To send what was missed, replay its deliveries."""
    app, tenant = caller(router)
    enabled = app.subscriptions.enable(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.OK, JSON, subscription_reply(enabled, app.clock.now_ms()), _tag(enabled))


@router.post(
    "/subscriptions/<name>/test",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Send a test notification",
    operation_id="testSubscription",
)
def test(name: SubscriptionName) -> Response[JobReply]:
    """Send a notification of the type `subscription.test` to check that the receiver gets it."""
    app, tenant = caller(router)
    return Response(HTTPStatus.ACCEPTED, JSON, job_reply(app.deliveries.test(tenant, name), app.clock.now_ms()))


@router.get(
    "/subscriptions/<name>/deliveries",
    tags=TAGS,
    summary="List the deliveries of a subscription",
    operation_id="listDeliveries",
)
def deliveries(
    name: SubscriptionName,
    state: Annotated[
        str | None,
        Query(
            description="Only this state: `scheduled`, `queued`, `running`, `succeeded`, `dead` or `cancelled`. "
            "Default: all."
        ),
    ] = None,
    limit: Annotated[
        int,
        Query(
            ge=1,
            le=DELIVERIES_PER_PAGE,
            description=f"Maximum number of items in the page. Default: {DELIVERIES_PER_PAGE}.",
        ),
    ] = DELIVERIES_PER_PAGE,
    cursor: CursorParameter = None,
) -> DeliveryListReply:
    """Return deliveries with their attempts, the newest first; with `state=dead` by the time of their end."""
    app, tenant = caller(router)
    page = app.deliveries.page(tenant, name, state, limit, cursor)
    now_ms = app.clock.now_ms()
    return DeliveryListReply(
        items=shown(
            app, page.deliveries, lambda delivery: delivery_reply(delivery, now_ms), lambda delivery: delivery.job.id
        ),
        cursor=page.cursor,
        missing=missing(is_complete=page.is_complete),
    )


@router.post(
    "/subscriptions/<name>/deliveries/<delivery_id>/replay",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Send a delivery again",
    operation_id="replayDelivery",
)
def replay(
    name: SubscriptionName, delivery_id: Annotated[str, Path(description="Id of the delivery.")]
) -> Response[JobReply]:
    """Send an ended delivery again, under the same id and with all its attempts."""
    app, tenant = caller(router)
    again = app.deliveries.replay(tenant, name, delivery_id, by=caller_of(router))
    return Response(HTTPStatus.ACCEPTED, JSON, job_reply(again, app.clock.now_ms()))


def _tag(subscription: Subscription) -> dict[str, str | list[str]]:
    return {"ETag": etag(subscription.version)}


def _with_key(
    subscription: Subscription, status: HTTPStatus, now_ms: int, *, shown: bool
) -> Response[SubscriptionWithSecretReply]:
    headers = _tag(subscription)
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/subscriptions/{subscription.name}"
    return Response(status, JSON, new_key_reply(subscription, now_ms, shown=shown), headers)
