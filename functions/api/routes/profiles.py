"""Profiles: list, read, one version of one, make or change, delete."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, shown
from functions.api.http.etags import etag, precondition
from functions.api.http.response import JSON
from functions.api.schemas.profiles import ProfileBody, ProfileListReply, ProfileReply, profile_reply
from whendue.profiles.model import Profile
from whendue.quotas import NAME_BYTES, PROFILE_VERSION

router = APIGatewayHttpRouter()
ProfileName = Annotated[
    str,
    Path(
        description="Name of the profile.", pattern=r"^[A-Za-z0-9._-]+$", max_length=NAME_BYTES, examples=["payments"]
    ),
]
Version = Annotated[int, Path(description="Number of the version, counted from 1.", ge=1, le=PROFILE_VERSION)]


@router.get("/profiles", tags=["profiles"], summary="List profiles", operation_id="listProfiles")
def list_profiles() -> ProfileListReply:
    """Return the built-in profiles and those of the tenant, sorted by name."""
    app, tenant = caller(router)
    return ProfileListReply(items=shown(app, app.profile_editor.every(tenant), profile_reply, attrgetter("name")))


@router.get("/profiles/<name>", tags=["profiles"], summary="Get a profile", operation_id="getProfile")
def read(name: ProfileName) -> Response[ProfileReply]:
    """Return the newest version of a profile. The ETag is that version."""
    app, tenant = caller(router)
    return _shown(app.profile_editor.read(tenant, name))


@router.get(
    "/profiles/<name>/versions/<version>",
    tags=["profiles"],
    summary="Get a version of a profile",
    operation_id="getProfileVersion",
)
def read_version(name: ProfileName, version: Version) -> Response[ProfileReply]:
    """Return one version of a profile. The last 100 versions are kept."""
    app, tenant = caller(router)
    return _shown(app.profile_editor.version(tenant, name, version))


@router.put(
    "/profiles/<name>", tags=["profiles"], summary="Create a profile or its next version", operation_id="putProfile"
)
def put(name: ProfileName, body: Annotated[ProfileBody, Body()]) -> Response[ProfileReply]:
    """Create a profile (201), or its next version (200). The body replaces the previous version as a whole."""
    app, tenant = caller(router)
    expected = precondition(router.current_event.headers)
    end = app.profile_editor.put(tenant, body.profile(name), expected)
    return _shown(end.profile, HTTPStatus.CREATED if end.created else HTTPStatus.OK)


@router.delete(
    "/profiles/<name>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["profiles"],
    summary="Delete a profile",
    operation_id="deleteProfile",
)
def delete(name: ProfileName) -> Response[None]:
    """Delete a profile. Jobs that were submitted before keep the policy that they have."""
    app, tenant = caller(router)
    app.profile_editor.delete(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.NO_CONTENT)


def _shown(profile: Profile, status: HTTPStatus = HTTPStatus.OK) -> Response[ProfileReply]:
    headers: dict[str, str | list[str]] = {} if profile.version is None else {"ETag": etag(profile.version)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/profiles/{profile.name}"
    return Response(status, JSON, profile_reply(profile), headers)
