"""Pauses of the caller's tenant: all its jobs, or those of one task type."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, caller_of, shown
from functions.api.schemas.pauses import PauseListReply, TenantPauseBody, TenantPauseReply, tenant_pause_reply
from whendue.quotas import TYPE_BYTES

router = APIGatewayHttpRouter()
TypePath = Annotated[
    str,
    Path(description="Name of the task.", pattern=r"^[A-Za-z0-9._-]+$", max_length=TYPE_BYTES, examples=["demo.greet"]),
]


@router.get("/pauses", tags=["pauses"], summary="List the pauses of the tenant", operation_id="listPauses")
def pauses() -> PauseListReply:
    """Return what is paused, who paused it, why and until when."""
    app, tenant = caller(router)
    return PauseListReply(
        items=shown(
            app, app.pauses.of_tenant(tenant), lambda pause: tenant_pause_reply(*pause), lambda pause: str(pause[0])
        )
    )


@router.post(
    "/pauses", tags=["pauses"], summary="Pause the tenant or one of its task types", operation_id="pauseTenant"
)
def pause(body: Annotated[TenantPauseBody, Body()]) -> TenantPauseReply:
    """Start no more jobs of the tenant, or of one task type. Running jobs continue.

    The pause takes effect everywhere within 5 seconds of the answer.
    """
    app, tenant = caller(router)
    made = app.pauses.pause_tenant(tenant, body.type, body.reason, caller_of(router), body.until)
    return tenant_pause_reply(body.type, made)


@router.delete(
    "/pauses/tenant",
    tags=["pauses"],
    summary="Resume the tenant",
    operation_id="resumeTenant",
    status_code=HTTPStatus.NO_CONTENT,
)
def resume() -> Response[None]:
    """End the pause of the tenant. Pauses of its task types stay in effect."""
    app, tenant = caller(router)
    app.resume.tenant(tenant, None)
    return Response(HTTPStatus.NO_CONTENT)


@router.delete(
    "/pauses/types/<type>",
    tags=["pauses"],
    summary="Resume a task type",
    operation_id="resumeTaskType",
    status_code=HTTPStatus.NO_CONTENT,
)
def resume_type(type: TypePath) -> Response[None]:  # noqa: A002 - the parameter's name
    """End the pause of one task type. A pause of the whole tenant stays in effect."""
    app, tenant = caller(router)
    app.resume.tenant(tenant, type)
    return Response(HTTPStatus.NO_CONTENT)
