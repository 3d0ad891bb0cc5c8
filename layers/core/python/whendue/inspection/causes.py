"""The stable codes of what `explain` says: one for each thing that a job can wait for, and for each way to end."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a job does not run now, or how it ended (docs/reference/api.md); each is tried in the simulator."""

    PAUSED = "paused"
    TIMER_SILENT = "timer_silent"
    NOT_DUE = "not_due"
    NOT_PROMOTED = "not_promoted"
    RETRY_BACKOFF = "retry_backoff"
    LIMITED = "limited"
    OVERLAPS = "overlaps"
    WAITING_FOR_DEPENDENCIES = "waiting_for_dependencies"
    HELD = "held"
    WAITING_FOR_MEMBERS = "waiting_for_members"
    BACKLOG = "backlog"
    OVERDUE = "overdue"
    RESCUED = "rescued"
    QUEUED = "queued"
    RUNNING = "running"
    LEASE_EXPIRED = "lease_expired"
    EXPIRES = "expires"
    CANCEL_REQUESTED = "cancel_requested"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CANCELLED_FOR = "cancelled_for"
    EXPIRED = "expired"
    FAN_OUT_PENDING = "fan_out_pending"
    REDRIVABLE = "redrivable"
    TOO_OLD = "too_old"
