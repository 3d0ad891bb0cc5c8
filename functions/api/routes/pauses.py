"""Pauses of the asking tenant: all its jobs, or those of one task type."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, caller_of, shown
from functions.api.schemas.pauses import PauseListReply, TenantPauseBody, TenantPauseReply, tenant_pause_reply
from whendue.quotas import TYPE_BYTES

router = APIGatewayHttpRouter()
TypePath = Annotated[str, Path(description="The task's name.", pattern=r"^[A-Za-z0-9._-]+$", max_length=TYPE_BYTES)]


@router.get("/pauses", tags=["pauses"], summary="List one's own pauses")
def pauses() -> PauseListReply:
    """Show what of the tenant is paused, by whom, why and until when."""
    app, tenant = caller(router)
    return PauseListReply(
        items=shown(app, app.pauses.of_tenant(tenant), lambda one: tenant_pause_reply(*one), lambda one: str(one[0]))
    )


@router.post("/pauses", tags=["pauses"], summary="Pause the tenant or one of its task types")
def pause(body: Annotated[TenantPauseBody, Body()]) -> TenantPauseReply:
    """Claim nothing new of the tenant's jobs, or of one task type, from 5 s after the reply on; what runs goes on."""
    app, tenant = caller(router)
    made = app.pauses.pause_tenant(tenant, body.type, body.reason, caller_of(router), body.until)
    return tenant_pause_reply(body.type, made)


@router.delete("/pauses/tenant", tags=["pauses"], summary="Resume the tenant", status_code=HTTPStatus.NO_CONTENT)
def resume() -> Response[None]:
    """End the tenant's pause; pauses of its task types stay."""
    app, tenant = caller(router)
    app.resume.tenant(tenant, None)
    return Response(HTTPStatus.NO_CONTENT)


@router.delete("/pauses/types/<type>", tags=["pauses"], summary="Resume a task type", status_code=HTTPStatus.NO_CONTENT)
def resume_type(type: TypePath) -> Response[None]:  # noqa: A002 - the parameter's name
    """End the pause of one of the tenant's task types; the tenant's own pause stays."""
    app, tenant = caller(router)
    app.resume.tenant(tenant, type)
    return Response(HTTPStatus.NO_CONTENT)
