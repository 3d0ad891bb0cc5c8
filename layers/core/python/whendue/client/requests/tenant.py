"""Requests about profiles, pauses, queues, tasks, usage, metrics and health."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from whendue.client.inputs.definitions import NewProfile
from whendue.client.listing import Listing
from whendue.client.messages import Request, model, nothing, request, text
from whendue.client.models.common import Page
from whendue.client.models.tenant import Health, Pause, Profile, Queue, Task, TaskPage, TenantPause, Usage
from whendue.client.requests.schedules import preconditions

# `DOWN` is an answer, and no error.
_DOWN: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE.value})


def _pause(reason: str, expires_at: datetime | None, **fields: Any) -> dict[str, Any]:
    given = {"reason": reason, "expiresAt": expires_at, **fields}
    return {name: value for name, value in given.items() if value is not None}


def list_queues() -> Listing[Page[Queue], Queue]:
    """List queues with their depth, age and pause."""
    return Listing(lambda _: request("listQueues", model(Page[Queue])), lambda page: page, None)


def pause_queue(name: str, reason: str, *, expires_at: datetime | None = None) -> Request[Pause]:
    """Pause a queue for all tenants.

    Args:
        name: name of the queue.
        reason: why, 1 to 256 bytes.
        expires_at: when the pause ends by itself. Default: only when it is resumed.
    """
    return request("pauseQueue", model(Pause), at={"name": name}, body=_pause(reason, expires_at))


def resume_queue(name: str) -> Request[None]:
    """Resume a queue."""
    return request("resumeQueue", nothing, at={"name": name})


def list_pauses() -> Listing[Page[TenantPause], TenantPause]:
    """List the pauses of the tenant."""
    return Listing(lambda _: request("listPauses", model(Page[TenantPause])), lambda page: page, None)


def pause_tenant(
    reason: str,
    *,
    type: str | None = None,  # noqa: A002 - the field's name
    expires_at: datetime | None = None,
) -> Request[TenantPause]:
    """Pause the tenant, or one of its task types.

    Args:
        reason: why, 1 to 256 bytes.
        type: task type to pause. Default: all jobs of the tenant.
        expires_at: when the pause ends by itself. Default: only when it is resumed.
    """
    return request("pauseTenant", model(TenantPause), body=_pause(reason, expires_at, type=type))


def resume_tenant() -> Request[None]:
    """Resume the tenant."""
    return request("resumeTenant", nothing)


def resume_task_type(type: str) -> Request[None]:  # noqa: A002 - the parameter's name
    """Resume a task type of the tenant."""
    return request("resumeTaskType", nothing, at={"type": type})


def list_tasks() -> Listing[TaskPage, Task]:
    """List the tasks that can be submitted; the page names the modules that could not be imported."""
    return Listing(lambda _: request("listTasks", model(TaskPage)), lambda page: page, None)


def get_task(name: str) -> Request[Task]:
    """Get a task: its policy, and the JSON Schema of its payload."""
    return request("getTask", model(Task), at={"name": name})


def put_profile(
    name: str, profile: NewProfile, *, if_match: str | None = None, only_create: bool = False
) -> Request[Profile]:
    """Create a profile, or its next version.

    Args:
        name: name of the profile.
        profile: the whole profile.
        if_match: only if the profile still has this `etag`.
        only_create: only if there is no profile with this name.
    """
    headers = preconditions(if_match, only_create=only_create)
    return request("putProfile", model(Profile), at={"name": name}, headers=headers, body=profile)


def list_profiles() -> Listing[Page[Profile], Profile]:
    """List the built-in profiles and the tenant's own."""
    return Listing(lambda _: request("listProfiles", model(Page[Profile])), lambda page: page, None)


def get_profile(name: str) -> Request[Profile]:
    """Get a profile."""
    return request("getProfile", model(Profile), at={"name": name})


def get_profile_version(name: str, version: int) -> Request[Profile]:
    """Get a version of a profile."""
    return request("getProfileVersion", model(Profile), at={"name": name, "version": version})


def delete_profile(name: str, *, if_match: str | None = None) -> Request[None]:
    """Delete a profile."""
    return request("deleteProfile", nothing, at={"name": name}, headers=preconditions(if_match))


def get_usage(month: str | None = None) -> Request[Usage]:
    """Get usage and estimated cost of a month.

    Args:
        month: as in `2026-11`. Default: the current one.
    """
    return request("getUsage", model(Usage), query={"month": month})


def get_metrics() -> Request[str]:
    """Get all metrics in Prometheus' text format."""
    return request("getMetrics", text)


def get_health() -> Request[Health]:
    """Check that the API is running; needs no token."""
    return request("getHealth", model(Health))


def get_readiness() -> Request[Health]:
    """Check that table and queues respond; the status is `DOWN` if they do not. Needs no token."""
    return request("getReadiness", model(Health), statuses=_DOWN)


def get_actuator_health() -> Request[Health]:
    """Check that table and queues respond, by Spring Boot's path; the same as `get_readiness`."""
    return request("getActuatorHealth", model(Health), statuses=_DOWN)
