"""Profiles: list, read, one version of one, make or change, delete."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, shown
from functions.api.http.etags import etag, precondition
from functions.api.schemas.profiles import ProfileBody, ProfileListReply, ProfileReply, profile_reply
from whendue.profiles.model import Profile
from whendue.quotas import NAME_BYTES, PROFILE_VERSION

router = APIGatewayHttpRouter()
ProfileName = Annotated[
    str, Path(description="The profile's name.", pattern=r"^[A-Za-z0-9._-]+$", max_length=NAME_BYTES)
]
Version = Annotated[int, Path(description="The version's number.", ge=1, le=PROFILE_VERSION)]
JSON = "application/json"


@router.get("/profiles", tags=["profiles"], summary="List profiles")
def list_profiles() -> ProfileListReply:
    """List the built-in profiles and the tenant's own, by name."""
    app, tenant = caller(router)
    return ProfileListReply(items=shown(app, app.profile_editor.every(tenant), profile_reply, attrgetter("name")))


@router.get("/profiles/<name>", tags=["profiles"], summary="Read a profile")
def read(name: ProfileName) -> Response[ProfileReply]:
    """Show a profile as it is now, with the ETag of its version."""
    app, tenant = caller(router)
    return _shown(app.profile_editor.read(tenant, name))


@router.get("/profiles/<name>/versions/<version>", tags=["profiles"], summary="Read a version of a profile")
def read_version(name: ProfileName, version: Version) -> Response[ProfileReply]:
    """Show a profile as it was in one of its versions."""
    app, tenant = caller(router)
    return _shown(app.profile_editor.version(tenant, name, version))


@router.put("/profiles/<name>", tags=["profiles"], summary="Make a profile, or its next version")
def put(name: ProfileName, body: Annotated[ProfileBody, Body()]) -> Response[ProfileReply]:
    """Make a profile (201) or its next version (200): the body is the whole; If-Match and If-None-Match: * lock."""
    app, tenant = caller(router)
    expected = precondition(router.current_event.headers)
    end = app.profile_editor.put(tenant, body.profile(name), expected)
    return _shown(end.profile, HTTPStatus.CREATED if end.created else HTTPStatus.OK)


@router.delete("/profiles/<name>", status_code=HTTPStatus.NO_CONTENT, tags=["profiles"], summary="Delete a profile")
def delete(name: ProfileName) -> Response[None]:
    """Delete a profile; jobs that were accepted before go on under their versions. If-Match locks."""
    app, tenant = caller(router)
    app.profile_editor.delete(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.NO_CONTENT)


def _shown(profile: Profile, status: HTTPStatus = HTTPStatus.OK) -> Response[ProfileReply]:
    headers: dict[str, str | list[str]] = {} if profile.version is None else {"ETag": etag(profile.version)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/profiles/{profile.name}"
    return Response(status, JSON, profile_reply(profile), headers)
