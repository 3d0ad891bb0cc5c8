"""Schedules, profiles and subscriptions to create or replace. A field that is None is not sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from whendue.client.inputs.jobs import JobTemplate
from whendue.client.inputs.workflows import WorkflowTemplate
from whendue.client.models.common import Backoff, Limits
from whendue.client.models.schedules import Misfire
from whendue.client.models.subscriptions import EventFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialPause:
    """The pause that a schedule is created with.

    Args:
        reason: Why it is paused. Default: empty.
        until: From this time on it fires again by itself; it must be in the future. Default: until it is resumed.
    """

    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A whole schedule: when it fires, and the job or workflow that each fire runs.

    Args:
        cron: A cron expression in the schedule's time zone: five fields, or six with seconds first.
        crons: Several cron expressions: it fires when one of them does, and once where several do.
        every: An interval: an ISO 8601 duration of whole seconds, counted from `start`.
        at: A single fire at this time.
        timezone: IANA name of the time zone in which `cron` and `exclude` are read.
        start: No fire before this time; `every` counts from it. Default: none; `every` then counts from the time
            of creation.
        end: No fire after this time. Default: no end.
        gap: For a local time that does not exist because clocks go forward: `skip` it, or fire at the `next` instant.
            Only with `cron` or `crons`. Default: `skip` if the hour field begins with `*` or has all 24 hours, else
            `next`.
        fold: For a local time that comes twice because clocks go back: fire `once` or `twice`. Only with `cron` or
            `crons`. Default: `twice` if the hour field begins with `*` or has all 24 hours, else `once`.
        exclude: When it does not fire, in local time: dates, ranges of dates with both ends included, and ranges of
            times of day without their end (at most 10 of these). Default: none.
        every_weeks: Only in every second week (2), every third (3) and so on, counted from the week of `anchor`; weeks
            begin on Monday. Only with `cron` or `crons`. Default: in every week.
        anchor: Local date in a week in which it fires; must be sent with `every_weeks`.
        max_runs: Maximum number of fires that run, caught up ones included; then it has ended. They are counted from
            the change that sets it first. Default: no maximum.
        jitter_seconds: Delays fires by an offset between 0 and this many seconds, see `jitter_per`.
        jitter_per: `schedule`: all fires have the same offset, which depends on tenant and name only. `fire`: each has
            one of its own, which depends on its nominal time as well.
        name: Ignored: the name is that of the path, so that what was read can be put as a copy.
        misfire: What happens to fires that were missed. Default: the latest of them runs.
        overlap: What a fire does while an earlier job of the schedule has not ended: `allow` runs both, `skip` skips
            the fire, `buffer_one` runs one fire after it, `cancel_running` cancels the earlier job and then runs.
        expires: `next_fire`: the job of a fire expires, unless it has begun, at the first nominal time after it is due.
            Default: what the job or workflow says in `expires_seconds`.
        pause_after_failures: Pauses the schedule when this many fires in a row have ended dead. Default: never.
        remove_after_seconds: Removes the schedule this many seconds after it has ended. Default: it is kept.
        paused: Creates the schedule paused. One that exists stays as it is: pause and resume it by their own requests.
            Default: it is active.
        job: The job that each fire runs. Send this or `workflow`.
        workflow: The workflow that each fire runs. Send this or `job`.
    """

    cron: str | None = None
    crons: Sequence[str] | None = None
    every: str | None = None
    at: datetime | None = None
    timezone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    gap: Literal["skip", "next"] | None = None
    fold: Literal["once", "twice"] | None = None
    exclude: Sequence[str] | None = None
    every_weeks: int | None = None
    anchor: str | None = None
    max_runs: int | None = None
    jitter_seconds: int | None = None
    jitter_per: Literal["schedule", "fire"] | None = None
    name: str | None = None
    misfire: Misfire | None = None
    overlap: Literal["allow", "skip", "buffer_one", "cancel_running"] | None = None
    expires: Literal["next_fire"] | None = None
    pause_after_failures: int | None = None
    remove_after_seconds: int | None = None
    paused: InitialPause | None = None
    job: JobTemplate | None = None
    workflow: WorkflowTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile:
    """A whole profile. Fields that are left out are decided by the task, then by the defaults.

    Args:
        retries: Maximum number of attempts after the first one. Send this or `max_attempts`. Default: the profile's,
            else the task's, else 3.
        max_attempts: Maximum number of attempts, the first one included. Send this or `retries`. Default: the
            profile's, else the task's, else 4.
        backoff: How long to wait before a retry. Fields that are left out have their defaults.
        timeout_seconds: Longest time that one attempt may take, in seconds. Default: the profile's, else the task's,
            else 30.
        lease_seconds: Seconds without a heartbeat after which the worker counts as dead and another one runs the job.
            Default: the profile's, else the task's, else 45.
        retention_seconds: How long a finished job is kept, in seconds. Default: the profile's, else the task's, else
            604800 (7 days).
        never_retry: Error types that are never retried: an attempt that fails with one of them is the last. They add to
            the errors that the task itself declares. Default: the profile's, else none.
        expires_seconds: Seconds after its due time from which on it is not begun any more: it ends as `expired`, or as
            `dead` if an attempt of it has failed. With dependencies, they count from the end of the last one. Default:
            the profile's, else never.
        priority: Queue of jobs that set none, one of these four. Default: the task's, else `normal`.
        queue: Queue of jobs that set none, one of the four priorities or of the deployment's own. Send this or
            `priority`. Default: that of `priority`.
        follow: Whether each attempt of its jobs uses the newest version instead of the one of their submission.
        limits: Limits that all its jobs share, from their next attempt on. Default: none.
        notify: Names of subscriptions to notify, in addition to those that apply to all jobs. Default: none.
    """

    retries: int | None = None
    max_attempts: int | None = None
    backoff: Backoff | None = None
    timeout_seconds: int | None = None
    lease_seconds: int | None = None
    retention_seconds: int | None = None
    never_retry: Sequence[str] | None = None
    expires_seconds: float | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    queue: str | None = None
    follow: bool | None = None
    limits: Limits | None = None
    notify: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscription:
    """A whole subscription.

    Args:
        channel: How notifications are sent: `webhook`, `email`, `sns`, or a channel of your own.
        config: Settings of the channel, such as the `url` of a webhook.
        events: Events to be notified of, each once.
        applies: `all`: to all jobs; `named`: only to jobs that name it in `notify`.
        filter: Which jobs it applies to. Default: all.
    """

    channel: str
    config: Mapping[str, Any]
    events: Sequence[
        Literal["succeeded", "dead", "cancelled", "expired", "attempt_failed", "schedule_missed", "queue_paused"]
    ]
    applies: Literal["all", "named"] | None = None
    filter: EventFilter | None = None
