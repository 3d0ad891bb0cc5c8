/** Every operation of the API once. Written by `make docs` from the routes of the Python client: change them there. */
import type { operations } from "./schema.js";

/** An operation: method, path, and whether it may be sent twice. */
export interface Route {
  method: string;
  /** With `{names}`. */
  path: string;
  /** Whether it may be sent again although it may have been carried out: twice is the same as once. */
  repeatable: boolean;
  /** Whether it takes an Idempotency-Key, which makes it repeatable. */
  keyed: boolean;
  /** Whether it is sent without a token. */
  public: boolean;
}

export const ROUTES = {
  submitJob: { method: "POST", path: "/jobs", repeatable: true, keyed: true, public: false },
  scheduleTask: { method: "POST", path: "/tasks/schedule", repeatable: true, keyed: true, public: false },
  submitJobs: { method: "POST", path: "/jobs/batch", repeatable: true, keyed: true, public: false },
  listJobs: { method: "GET", path: "/jobs", repeatable: true, keyed: false, public: false },
  getJob: { method: "GET", path: "/jobs/{job_id}", repeatable: true, keyed: false, public: false },
  getJobPayload: { method: "GET", path: "/jobs/{job_id}/payload", repeatable: true, keyed: false, public: false },
  getJobResult: { method: "GET", path: "/jobs/{job_id}/result", repeatable: true, keyed: false, public: false },
  listJobAttempts: { method: "GET", path: "/jobs/{job_id}/attempts", repeatable: true, keyed: false, public: false },
  listJobEvents: { method: "GET", path: "/jobs/{job_id}/events", repeatable: true, keyed: false, public: false },
  listJobLogs: { method: "GET", path: "/jobs/{job_id}/logs", repeatable: true, keyed: false, public: false },
  explainJob: { method: "GET", path: "/jobs/{job_id}/explain", repeatable: true, keyed: false, public: false },
  findUniqueHolder: { method: "POST", path: "/unique/holder", repeatable: true, keyed: false, public: false },
  updateJob: { method: "PATCH", path: "/jobs/{job_id}", repeatable: true, keyed: false, public: false },
  cancelJob: { method: "POST", path: "/jobs/{job_id}/cancel", repeatable: true, keyed: false, public: false },
  redriveJob: { method: "POST", path: "/jobs/{job_id}/redrive", repeatable: false, keyed: false, public: false },
  eraseJob: { method: "DELETE", path: "/jobs/{job_id}", repeatable: true, keyed: false, public: false },
  listDeadLetters: { method: "GET", path: "/dead-letters", repeatable: true, keyed: false, public: false },
  listDeadLettersByTenant: { method: "GET", path: "/dead-letters/by-tenant", repeatable: true, keyed: false, public: false },
  redriveDeadLetters: { method: "POST", path: "/dead-letters/redrive", repeatable: false, keyed: false, public: false },
  startOperation: { method: "POST", path: "/operations", repeatable: true, keyed: true, public: false },
  listOperations: { method: "GET", path: "/operations", repeatable: true, keyed: false, public: false },
  getOperation: { method: "GET", path: "/operations/{operation_id}", repeatable: true, keyed: false, public: false },
  cancelOperation: { method: "POST", path: "/operations/{operation_id}/cancel", repeatable: true, keyed: false, public: false },
  undoOperation: { method: "POST", path: "/operations/{operation_id}/undo", repeatable: false, keyed: false, public: false },
  submitWorkflow: { method: "POST", path: "/workflows", repeatable: true, keyed: true, public: false },
  listWorkflows: { method: "GET", path: "/workflows", repeatable: true, keyed: false, public: false },
  getWorkflow: { method: "GET", path: "/workflows/{workflow_id}", repeatable: true, keyed: false, public: false },
  cancelWorkflow: { method: "POST", path: "/workflows/{workflow_id}/cancel", repeatable: true, keyed: false, public: false },
  retryWorkflow: { method: "POST", path: "/workflows/{workflow_id}/retry", repeatable: false, keyed: false, public: false },
  putSchedule: { method: "PUT", path: "/schedules/{name}", repeatable: true, keyed: false, public: false },
  listSchedules: { method: "GET", path: "/schedules", repeatable: true, keyed: false, public: false },
  getSchedule: { method: "GET", path: "/schedules/{name}", repeatable: true, keyed: false, public: false },
  deleteSchedule: { method: "DELETE", path: "/schedules/{name}", repeatable: true, keyed: false, public: false },
  pauseSchedule: { method: "POST", path: "/schedules/{name}/pause", repeatable: true, keyed: false, public: false },
  resumeSchedule: { method: "POST", path: "/schedules/{name}/resume", repeatable: true, keyed: false, public: false },
  triggerSchedule: { method: "POST", path: "/schedules/{name}/trigger", repeatable: true, keyed: true, public: false },
  previewSchedule: { method: "GET", path: "/schedules/{name}/preview", repeatable: true, keyed: false, public: false },
  previewUnsavedSchedule: { method: "POST", path: "/schedules/preview", repeatable: true, keyed: false, public: false },
  listFires: { method: "GET", path: "/schedules/{name}/fires", repeatable: true, keyed: false, public: false },
  backfillSchedule: { method: "POST", path: "/schedules/{name}/backfill", repeatable: false, keyed: false, public: false },
  listBackfills: { method: "GET", path: "/schedules/{name}/backfills", repeatable: true, keyed: false, public: false },
  cancelBackfill: { method: "POST", path: "/schedules/{name}/backfills/{backfill_id}/cancel", repeatable: true, keyed: false, public: false },
  pauseBackfill: { method: "POST", path: "/schedules/{name}/backfills/{backfill_id}/pause", repeatable: true, keyed: false, public: false },
  resumeBackfill: { method: "POST", path: "/schedules/{name}/backfills/{backfill_id}/resume", repeatable: true, keyed: false, public: false },
  getBackfill: { method: "GET", path: "/schedules/{name}/backfills/{backfill_id}", repeatable: true, keyed: false, public: false },
  listQueues: { method: "GET", path: "/queues", repeatable: true, keyed: false, public: false },
  pauseQueue: { method: "POST", path: "/queues/{name}/pause", repeatable: true, keyed: false, public: false },
  resumeQueue: { method: "POST", path: "/queues/{name}/resume", repeatable: true, keyed: false, public: false },
  listPauses: { method: "GET", path: "/pauses", repeatable: true, keyed: false, public: false },
  pauseTenant: { method: "POST", path: "/pauses", repeatable: true, keyed: false, public: false },
  resumeTenant: { method: "DELETE", path: "/pauses/tenant", repeatable: true, keyed: false, public: false },
  resumeTaskType: { method: "DELETE", path: "/pauses/types/{type}", repeatable: true, keyed: false, public: false },
  listTasks: { method: "GET", path: "/tasks", repeatable: true, keyed: false, public: false },
  getTask: { method: "GET", path: "/tasks/{name}", repeatable: true, keyed: false, public: false },
  putProfile: { method: "PUT", path: "/profiles/{name}", repeatable: true, keyed: false, public: false },
  listProfiles: { method: "GET", path: "/profiles", repeatable: true, keyed: false, public: false },
  getProfile: { method: "GET", path: "/profiles/{name}", repeatable: true, keyed: false, public: false },
  getProfileVersion: { method: "GET", path: "/profiles/{name}/versions/{version}", repeatable: true, keyed: false, public: false },
  deleteProfile: { method: "DELETE", path: "/profiles/{name}", repeatable: true, keyed: false, public: false },
  putSubscription: { method: "PUT", path: "/subscriptions/{name}", repeatable: false, keyed: false, public: false },
  listSubscriptions: { method: "GET", path: "/subscriptions", repeatable: true, keyed: false, public: false },
  getSubscription: { method: "GET", path: "/subscriptions/{name}", repeatable: true, keyed: false, public: false },
  deleteSubscription: { method: "DELETE", path: "/subscriptions/{name}", repeatable: true, keyed: false, public: false },
  enableSubscription: { method: "POST", path: "/subscriptions/{name}/enable", repeatable: true, keyed: false, public: false },
  rotateSubscriptionSecret: { method: "POST", path: "/subscriptions/{name}/rotate-secret", repeatable: false, keyed: false, public: false },
  testSubscription: { method: "POST", path: "/subscriptions/{name}/test", repeatable: false, keyed: false, public: false },
  listDeliveries: { method: "GET", path: "/subscriptions/{name}/deliveries", repeatable: true, keyed: false, public: false },
  replayDelivery: { method: "POST", path: "/subscriptions/{name}/deliveries/{delivery_id}/replay", repeatable: false, keyed: false, public: false },
  getUsage: { method: "GET", path: "/usage", repeatable: true, keyed: false, public: false },
  getMetrics: { method: "GET", path: "/actuator/prometheus", repeatable: true, keyed: false, public: false },
  getHealth: { method: "GET", path: "/health", repeatable: true, keyed: false, public: true },
  getReadiness: { method: "GET", path: "/health/ready", repeatable: true, keyed: false, public: true },
  getActuatorHealth: { method: "GET", path: "/actuator/health", repeatable: true, keyed: false, public: true },
} as const satisfies Record<keyof operations, Route>;
