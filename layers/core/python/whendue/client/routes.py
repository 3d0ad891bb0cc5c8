"""Every operation of the API once: method, path, and whether it may be sent twice. The names are the operationIds."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Route:
    """An operation.

    Args:
        method: of HTTP.
        path: with `{names}`.
        repeatable: whether it may be sent again although it may have been carried out: twice is the same as once.
        keyed: whether it takes an Idempotency-Key, which makes it repeatable.
        public: whether it is sent without a token.
    """

    method: str
    path: str
    repeatable: bool = True
    keyed: bool = False
    public: bool = False


def _keyed(path: str) -> Route:
    return Route("POST", path, keyed=True)


def _once(path: str) -> Route:
    return Route("POST", path, repeatable=False)


def _public(path: str) -> Route:
    return Route("GET", path, public=True)


ROUTES: Final = {
    "submitJob": _keyed("/jobs"),
    "scheduleTask": _keyed("/tasks/schedule"),
    "submitJobs": _keyed("/jobs/batch"),
    "listJobs": Route("GET", "/jobs"),
    "getJob": Route("GET", "/jobs/{job_id}"),
    "getJobPayload": Route("GET", "/jobs/{job_id}/payload"),
    "getJobResult": Route("GET", "/jobs/{job_id}/result"),
    "listJobAttempts": Route("GET", "/jobs/{job_id}/attempts"),
    "listJobEvents": Route("GET", "/jobs/{job_id}/events"),
    "listJobLogs": Route("GET", "/jobs/{job_id}/logs"),
    "explainJob": Route("GET", "/jobs/{job_id}/explain"),
    "findUniqueHolder": Route("POST", "/unique/holder"),
    "updateJob": Route("PATCH", "/jobs/{job_id}"),
    "cancelJob": Route("POST", "/jobs/{job_id}/cancel"),
    "redriveJob": _once("/jobs/{job_id}/redrive"),
    "eraseJob": Route("DELETE", "/jobs/{job_id}"),
    "listDeadLetters": Route("GET", "/dead-letters"),
    "listDeadLettersByTenant": Route("GET", "/dead-letters/by-tenant"),
    "redriveDeadLetters": _once("/dead-letters/redrive"),
    "startOperation": _keyed("/operations"),
    "listOperations": Route("GET", "/operations"),
    "getOperation": Route("GET", "/operations/{operation_id}"),
    "cancelOperation": Route("POST", "/operations/{operation_id}/cancel"),
    "undoOperation": _once("/operations/{operation_id}/undo"),
    "submitWorkflow": _keyed("/workflows"),
    "listWorkflows": Route("GET", "/workflows"),
    "getWorkflow": Route("GET", "/workflows/{workflow_id}"),
    "cancelWorkflow": Route("POST", "/workflows/{workflow_id}/cancel"),
    "retryWorkflow": _once("/workflows/{workflow_id}/retry"),
    "putSchedule": Route("PUT", "/schedules/{name}"),
    "listSchedules": Route("GET", "/schedules"),
    "getSchedule": Route("GET", "/schedules/{name}"),
    "deleteSchedule": Route("DELETE", "/schedules/{name}"),
    "pauseSchedule": Route("POST", "/schedules/{name}/pause"),
    "resumeSchedule": Route("POST", "/schedules/{name}/resume"),
    "triggerSchedule": _keyed("/schedules/{name}/trigger"),
    "previewSchedule": Route("GET", "/schedules/{name}/preview"),
    "previewUnsavedSchedule": Route("POST", "/schedules/preview"),
    "listFires": Route("GET", "/schedules/{name}/fires"),
    "backfillSchedule": _once("/schedules/{name}/backfill"),
    "listBackfills": Route("GET", "/schedules/{name}/backfills"),
    "cancelBackfill": Route("POST", "/schedules/{name}/backfills/{backfill_id}/cancel"),
    "pauseBackfill": Route("POST", "/schedules/{name}/backfills/{backfill_id}/pause"),
    "resumeBackfill": Route("POST", "/schedules/{name}/backfills/{backfill_id}/resume"),
    "getBackfill": Route("GET", "/schedules/{name}/backfills/{backfill_id}"),
    "listQueues": Route("GET", "/queues"),
    "pauseQueue": Route("POST", "/queues/{name}/pause"),
    "resumeQueue": Route("POST", "/queues/{name}/resume"),
    "listPauses": Route("GET", "/pauses"),
    "pauseTenant": Route("POST", "/pauses"),
    "resumeTenant": Route("DELETE", "/pauses/tenant"),
    "resumeTaskType": Route("DELETE", "/pauses/types/{type}"),
    "listTasks": Route("GET", "/tasks"),
    "getTask": Route("GET", "/tasks/{name}"),
    "putProfile": Route("PUT", "/profiles/{name}"),
    "listProfiles": Route("GET", "/profiles"),
    "getProfile": Route("GET", "/profiles/{name}"),
    "getProfileVersion": Route("GET", "/profiles/{name}/versions/{version}"),
    "deleteProfile": Route("DELETE", "/profiles/{name}"),
    # Sent again, it would not return the secret, which is shown only when a subscription is created.
    "putSubscription": Route("PUT", "/subscriptions/{name}", repeatable=False),
    "listSubscriptions": Route("GET", "/subscriptions"),
    "getSubscription": Route("GET", "/subscriptions/{name}"),
    "deleteSubscription": Route("DELETE", "/subscriptions/{name}"),
    "enableSubscription": Route("POST", "/subscriptions/{name}/enable"),
    "rotateSubscriptionSecret": _once("/subscriptions/{name}/rotate-secret"),
    "testSubscription": _once("/subscriptions/{name}/test"),
    "listDeliveries": Route("GET", "/subscriptions/{name}/deliveries"),
    "replayDelivery": _once("/subscriptions/{name}/deliveries/{delivery_id}/replay"),
    "getUsage": Route("GET", "/usage"),
    "getMetrics": Route("GET", "/actuator/prometheus"),
    "getHealth": _public("/health"),
    "getReadiness": _public("/health/ready"),
    "getActuatorHealth": _public("/actuator/health"),
}
