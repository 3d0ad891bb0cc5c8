"""Requests about schedules, their fires and backfills."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from whendue.client.inputs.definitions import NewSchedule
from whendue.client.json_values import to_json
from whendue.client.listing import Listing
from whendue.client.messages import Request, model, nothing, request
from whendue.client.models.common import Page
from whendue.client.models.jobs import Job
from whendue.client.models.schedules import Backfill, Fire, Preview, Schedule
from whendue.client.requests.jobs import creating


def preconditions(if_match: str | None, *, only_create: bool = False) -> dict[str, str | None]:
    """Return the headers of a request that is meant for one version.

    Raises:
        ValueError: a version cannot be expected of what is to be created.
    """
    if if_match is not None and only_create:
        raise ValueError("send if_match or only_create, not both")
    return {"If-Match": if_match, "If-None-Match": "*" if only_create else None}


def put_schedule(
    name: str,
    schedule: NewSchedule | Schedule | Mapping[str, Any],
    *,
    if_match: str | None = None,
    only_create: bool = False,
) -> Request[Schedule]:
    """Create a schedule, or replace it.

    Args:
        name: name of the schedule.
        schedule: the whole schedule, or its JSON; one that was read may be put again.
        if_match: only if the schedule still has this `etag`.
        only_create: only if there is no schedule with this name.
    """
    headers = preconditions(if_match, only_create=only_create)
    return request("putSchedule", model(Schedule), at={"name": name}, headers=headers, body=_definition(schedule))


def _definition(schedule: NewSchedule | Schedule | Mapping[str, Any]) -> Any:
    # The etag of one that was read comes from a header.
    if isinstance(schedule, Mapping):
        return {name: value for name, value in schedule.items() if name != "etag"}
    return replace(schedule, etag=None) if isinstance(schedule, Schedule) else schedule


def list_schedules(*, limit: int | None = None, cursor: str | None = None) -> Listing[Page[Schedule], Schedule]:
    """List the schedules of the tenant, sorted by name."""
    return Listing(
        lambda at: request("listSchedules", model(Page[Schedule]), query={"limit": limit, "cursor": at}),
        lambda page: page,
        cursor,
    )


def get_schedule(name: str) -> Request[Schedule]:
    """Get a schedule."""
    return request("getSchedule", model(Schedule), at={"name": name})


def delete_schedule(name: str, *, if_match: str | None = None) -> Request[None]:
    """Delete a schedule."""
    return request("deleteSchedule", nothing, at={"name": name}, headers=preconditions(if_match))


def pause_schedule(
    name: str, *, reason: str | None = None, until: datetime | None = None, if_match: str | None = None
) -> Request[Schedule]:
    """Skip all fires of a schedule from now on, until a time or until it is resumed.

    Args:
        name: name of the schedule.
        reason: why it is paused. Default: empty.
        until: from this time on it fires again by itself. Default: until it is resumed.
        if_match: only if the schedule still has this `etag`.
    """
    given = {"reason": reason, "until": until}
    body = {field: value for field, value in given.items() if value is not None} or None
    return request("pauseSchedule", model(Schedule), at={"name": name}, headers=preconditions(if_match), body=body)


def resume_schedule(name: str, *, if_match: str | None = None) -> Request[Schedule]:
    """Let a schedule fire again from now on."""
    return request("resumeSchedule", model(Schedule), at={"name": name}, headers=preconditions(if_match))


def trigger_schedule(
    name: str,
    *,
    payload: Any = None,
    priority: Literal["critical", "high", "normal", "low"] | None = None,
    queue: str | None = None,
    tags: Mapping[str, str] | None = None,
    reason: str | None = None,
    idempotency_key: str | None = None,
) -> Request[Job]:
    """Run the job or workflow of a schedule at once.

    Args:
        name: name of the schedule.
        payload: payload of this run; it replaces the template's. Default: the template's.
        priority: queue of this run, one of these four. Default: the template's.
        queue: queue of this run, one of the four priorities or of the deployment's own; or `priority`.
        tags: tags of this run; they replace the template's. Default: the template's.
        reason: why; it is shown with the fire. Default: none.
        idempotency_key: makes the call safe to repeat. Default: a new key, for the attempts of this call alone.
    """
    given = {"payload": payload, "priority": priority, "queue": queue, "tags": tags, "reason": reason}
    body = {field: value for field, value in given.items() if value is not None} or None
    return request("triggerSchedule", model(Job), at={"name": name}, headers=creating(idempotency_key), body=body)


def preview_schedule(name: str, *, start: datetime | None = None, limit: int | None = None) -> Request[Preview]:
    """Preview the fires of a schedule.

    Args:
        name: name of the schedule.
        start: first nominal time (`from` in the API). Default: now.
        limit: maximum number of fires. Default: the API's.
    """
    return request("previewSchedule", model(Preview), at={"name": name}, query={"from": start, "limit": limit})


def preview_unsaved_schedule(
    schedule: NewSchedule, *, start: datetime | None = None, limit: int | None = None
) -> Request[Preview]:
    """Preview the fires that a schedule would have. Jitter depends on its `name`, and is left out without one.

    Args:
        schedule: the schedule.
        start: first nominal time (`from` in the API). Default: now.
        limit: maximum number of fires. Default: the API's.
    """
    given = {"from": start, "limit": limit}
    body: dict[str, Any] = to_json(schedule) | {name: value for name, value in given.items() if value is not None}
    return request("previewUnsavedSchedule", model(Preview), body=body)


def list_fires(
    name: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    outcome: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Listing[Page[Fire], Fire]:
    """List the past fires of a schedule with their outcome, the newest first.

    Args:
        name: name of the schedule.
        start: first nominal time (`from` in the API). Default: the oldest that is kept.
        end: last nominal time (`to` in the API). Default: now.
        outcome: only this outcome: `ran`, `skipped`, `caught_up`, `missed` or `triggered`.
        limit: maximum number of items in a page. Default: the API's.
        cursor: of the page to begin with. Default: the first page.
    """
    query = {"from": start, "to": end, "outcome": outcome, "limit": limit}
    return Listing(
        lambda at: request("listFires", model(Page[Fire]), at={"name": name}, query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def backfill_schedule(
    name: str,
    start: datetime,
    end: datetime,
    *,
    force: bool = False,
    limit: int | None = None,
    reason: str | None = None,
) -> Request[Backfill]:
    """Create jobs for past fires that had none. It continues in the background; `wait_for_backfill` waits for it.

    Args:
        name: name of the schedule.
        start: first nominal time (`from` in the API).
        end: last nominal time (`to` in the API).
        force: also for fires that already had a job.
        limit: maximum number of jobs to create. Default: the API's.
        reason: why; it is shown with the backfill. Default: none.
    """
    more = {"limit": limit, "reason": reason}
    body = {"from": start, "to": end, "force": force} | {
        field: value for field, value in more.items() if value is not None
    }
    return request("backfillSchedule", model(Backfill), at={"name": name}, body=body)


def get_backfill(name: str, backfill_id: str) -> Request[Backfill]:
    """Get the progress of a backfill."""
    return request("getBackfill", model(Backfill), at={"name": name, "backfill_id": backfill_id})


def list_backfills(
    name: str, *, limit: int | None = None, cursor: str | None = None
) -> Listing[Page[Backfill], Backfill]:
    """List the backfills of a schedule, the newest first."""
    query = {"limit": limit}
    return Listing(
        lambda at: request("listBackfills", model(Page[Backfill]), at={"name": name}, query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def cancel_backfill(name: str, backfill_id: str) -> Request[Backfill]:
    """Cancel a backfill: it creates no further jobs; those that exist are not cancelled."""
    return request("cancelBackfill", model(Backfill), at={"name": name, "backfill_id": backfill_id})


def pause_backfill(name: str, backfill_id: str) -> Request[Backfill]:
    """Pause a backfill: it creates no further jobs until it is resumed."""
    return request("pauseBackfill", model(Backfill), at={"name": name, "backfill_id": backfill_id})


def resume_backfill(name: str, backfill_id: str) -> Request[Backfill]:
    """Continue a paused backfill."""
    return request("resumeBackfill", model(Backfill), at={"name": name, "backfill_id": backfill_id})
