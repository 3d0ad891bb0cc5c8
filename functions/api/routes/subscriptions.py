"""Subscriptions: who is told what; and how their deliveries went."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import CursorParameter, caller, shown
from functions.api.http.etags import etag, precondition
from functions.api.schemas.job_replies import JobReply, job_reply
from functions.api.schemas.subscriptions import (
    DeliveryListReply,
    NewKeyReply,
    SubscriptionBody,
    SubscriptionListReply,
    SubscriptionReply,
    delivery_reply,
    new_key_reply,
    subscription_reply,
)
from whendue.notifications.subscription import Subscription
from whendue.quotas import DELIVERIES_PER_PAGE, NAME_BYTES

router = APIGatewayHttpRouter()
SubscriptionName = Annotated[
    str, Path(description="The subscription's name.", pattern=r"^[A-Za-z0-9._-]+$", max_length=NAME_BYTES)
]
JSON = "application/json"
TAGS = ["subscriptions"]


@router.get("/subscriptions", tags=TAGS, summary="List subscriptions")
def list_subscriptions() -> SubscriptionListReply:
    """List the tenant's subscriptions by name, without their secrets."""
    app, tenant = caller(router)
    now_ms = app.clock.now_ms()
    return SubscriptionListReply(
        items=shown(
            app, app.subscriptions.every(tenant), lambda one: subscription_reply(one, now_ms), attrgetter("name")
        )
    )


@router.get("/subscriptions/<name>", tags=TAGS, summary="Read a subscription")
def read(name: SubscriptionName) -> Response[SubscriptionReply]:
    """Show a subscription and its health, with the ETag of its version."""
    app, tenant = caller(router)
    found = app.subscriptions.read(tenant, name)
    return Response(HTTPStatus.OK, JSON, subscription_reply(found, app.clock.now_ms()), _tag(found))


@router.put("/subscriptions/<name>", tags=TAGS, summary="Make or change a subscription")
def put(name: SubscriptionName, body: Annotated[SubscriptionBody, Body()]) -> Response[NewKeyReply]:
    """Make one (201, with its secret this once) or change it (200): the body is the whole. If-Match locks."""
    app, tenant = caller(router)
    end = app.subscriptions.put(tenant, name, body.terms(), body.config, precondition(router.current_event.headers))
    status = HTTPStatus.CREATED if end.created else HTTPStatus.OK
    return _with_key(end.subscription, status, app.clock.now_ms(), shown=end.new_key)


@router.delete("/subscriptions/<name>", status_code=HTTPStatus.NO_CONTENT, tags=TAGS, summary="Delete a subscription")
def delete(name: SubscriptionName) -> Response[None]:
    """Delete a subscription: what is on its way to it is not delivered any more. If-Match locks."""
    app, tenant = caller(router)
    app.subscriptions.delete(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.NO_CONTENT)


@router.post("/subscriptions/<name>/rotate-secret", tags=TAGS, summary="Sign with a new key")
def rotate(name: SubscriptionName) -> Response[NewKeyReply]:
    """Sign with a new key, shown this once, and for 24 hours with the one before as well."""
    app, tenant = caller(router)
    rotated = app.subscriptions.rotate(tenant, name, precondition(router.current_event.headers))
    return _with_key(rotated, HTTPStatus.OK, app.clock.now_ms(), shown=True)


@router.post("/subscriptions/<name>/enable", tags=TAGS, summary="Enable a disabled subscription")
def enable(name: SubscriptionName) -> Response[SubscriptionReply]:
    """Let it be told again from now on; replay what it has missed."""
    app, tenant = caller(router)
    enabled = app.subscriptions.enable(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.OK, JSON, subscription_reply(enabled, app.clock.now_ms()), _tag(enabled))


@router.post("/subscriptions/<name>/test", status_code=HTTPStatus.ACCEPTED, tags=TAGS, summary="Send a test event")
def test(name: SubscriptionName) -> Response[JobReply]:
    """Deliver an event of the type subscription.test."""
    app, tenant = caller(router)
    return Response(HTTPStatus.ACCEPTED, JSON, job_reply(app.deliveries.test(tenant, name), app.clock.now_ms()))


@router.get("/subscriptions/<name>/deliveries", tags=TAGS, summary="List deliveries with their attempts")
def deliveries(
    name: SubscriptionName,
    state: Annotated[str | None, Query(description="scheduled, queued, running, succeeded, dead, cancelled")] = None,
    limit: Annotated[int, Query(ge=1, le=DELIVERIES_PER_PAGE)] = DELIVERIES_PER_PAGE,
    cursor: CursorParameter = None,
) -> DeliveryListReply:
    """List what is on its way, then what has ended, newest first, with every attempt."""
    app, tenant = caller(router)
    page = app.deliveries.page(tenant, name, state, limit, cursor)
    now_ms = app.clock.now_ms()
    return DeliveryListReply(
        items=shown(app, page.deliveries, lambda one: delivery_reply(one, now_ms), lambda one: one.job.id),
        cursor=page.cursor,
    )


@router.post(
    "/subscriptions/<name>/deliveries/<delivery_id>/replay",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Deliver once more",
)
def replay(
    name: SubscriptionName, delivery_id: Annotated[str, Path(description="The delivery's id.")]
) -> Response[JobReply]:
    """Deliver again what was delivered, or given up, under the same id and with all attempts."""
    app, tenant = caller(router)
    again = app.deliveries.replay(tenant, name, delivery_id)
    return Response(HTTPStatus.ACCEPTED, JSON, job_reply(again, app.clock.now_ms()))


def _tag(subscription: Subscription) -> dict[str, str | list[str]]:
    return {"ETag": etag(subscription.version)}


def _with_key(subscription: Subscription, status: HTTPStatus, now_ms: int, *, shown: bool) -> Response[NewKeyReply]:
    headers = _tag(subscription)
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/subscriptions/{subscription.name}"
    return Response(status, JSON, new_key_reply(subscription, now_ms, shown=shown), headers)
