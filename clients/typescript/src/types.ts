/** Names for what is sent and answered. Times are texts, RFC 3339. */
import type { components, operations } from "./schema.js";

type Schemas = components["schemas"];
type Query<Id extends keyof operations> = NonNullable<operations[Id]["parameters"]["query"]>;

// What is sent.
export type NewJob = Schemas["JobBody"];
export type JobTemplate = Schemas["JobTemplate"];
export type NewWorkflow = Schemas["WorkflowBody"];
export type NewSchedule = Schemas["ScheduleBody"];
export type NewProfile = Schemas["ProfileBody"];
export type NewSubscription = Schemas["SubscriptionBody"];
export type Dependency = Schemas["DependencyBody"];
export type DeadLetterFilter = Schemas["DeadLetterFilter"];
/** A unique key, named as a submit names it. */
export type UniqueKey = Schemas["HolderBody"];
/** A dependency of a job of a batch: on an earlier one by its `ref`, or on any `job` by its id. */
export type BatchDependency = Omit<Dependency, "job"> & ({ job: string } | { ref: string });

/** A job of a batch; later ones can depend on it by its `ref`. */
export type BatchJob = Omit<NewJob, "dependsOn"> & {
  ref?: string;
  /** Makes this job safe to repeat in other batches, too. */
  idempotencyKey?: string;
  dependsOn?: (string | BatchDependency)[];
};

// What is answered.
export type Job = Schemas["JobReply"];
export type JobWithPolicy = Omit<Schemas["SubmittedReply"], "outcome">;
export type SubmittedJob = Schemas["SubmittedReply"];
export type UniqueHolder = Schemas["HolderReply"];
export type JobWithTimeline = Schemas["JobWithTimelineReply"];
export type JobPage = Schemas["JobListReply"];
export type Attempt = Schemas["AttemptReply"];
export type AttemptPage = Schemas["AttemptListReply"];
export type AttemptLog = Schemas["AttemptLogReply"];
export type AttemptLogPage = Schemas["JobLogsReply"];
export type JobEvent = Schemas["JobEventReply"];
export type JobEventPage = Schemas["JobEventListReply"];
export type Explanation = Schemas["ExplainReply"];
export type DeadLetters = Schemas["DeadLettersReply"];
export type TenantDeadLetters = Schemas["TenantDeadLettersReply"];
export type TenantDeadLettersPage = Schemas["TenantsDeadLettersReply"];
export type DeadLetterGroup = Schemas["DeadLetterGroupReply"];
export type RedriveResult = Schemas["RedriveReply"];
export type BulkOperation = Schemas["OperationReply"];
export type BulkOperationPage = Schemas["OperationListReply"];
export type Workflow = Schemas["WorkflowReply"];
export type WorkflowDetails = Schemas["WorkflowDetailsReply"];
export type WorkflowPage = Schemas["WorkflowListReply"];
export type Schedule = Schemas["ScheduleReply"];
export type SchedulePage = Schemas["ScheduleListReply"];
export type Preview = Schemas["PreviewReply"];
export type Fire = Schemas["FireReply"];
export type FirePage = Schemas["FireListReply"];
export type Backfill = Schemas["BackfillReply"];
export type BackfillPage = Schemas["BackfillListReply"];
export type Profile = Schemas["ProfileReply"];
export type ProfilePage = Schemas["ProfileListReply"];
export type Queue = Schemas["QueueReply"];
export type QueuePage = Schemas["QueueListReply"];
export type Task = Schemas["TaskReply"];
export type TaskPage = Schemas["TaskListReply"];
export type Pause = Schemas["PauseReply"];
export type TenantPause = Schemas["TenantPauseReply"];
export type PausePage = Schemas["PauseListReply"];
export type Subscription = Schemas["SubscriptionReply"];
export type SubscriptionWithSecret = Schemas["SubscriptionWithSecretReply"];
export type SubscriptionPage = Schemas["SubscriptionListReply"];
export type Delivery = Schemas["DeliveryReply"];
export type DeliveryPage = Schemas["DeliveryListReply"];
export type Usage = Schemas["UsageReply"];
export type Health = Schemas["Health"];

/** The answer for one job of a batch: its job, or its problem. */
export type BatchItem = Omit<Schemas["BatchItemReply"], "problem"> & { problem?: Schemas["Problem"] | null };

/** What was read or changed, with the `etag` of this version: send it as `ifMatch`. */
export type Versioned<T> = T & { etag: string | undefined };

/**
 * A job that was read, and `retryAfterSeconds`: the request was to wait and could not, as too many wait. Ask again after
 * so many seconds; undefined if it could, or was not to wait.
 */
export type Waited<T> = Versioned<T> & { retryAfterSeconds: number | undefined };

/** What was created, and whether an earlier request with the same Idempotency-Key had created it. */
export type Created<T> = T & { replayed: boolean };

/** Options of every call. */
export interface CallOptions {
  /** Ends the call with the signal's reason when it is aborted. The request may have been carried out. */
  signal?: AbortSignal;
}

/** Options of a call that may wait for a job. */
export interface WaitingCallOptions extends CallOptions {
  /** The answer comes when the job has ended, or after so many seconds; at most 20. Default: 0. */
  waitSeconds?: number;
}

/** Options of a call that changes one version of something. */
export interface ChangeOptions extends CallOptions {
  /** Only if it still has this `etag`. Default: whatever it has. */
  ifMatch?: string | undefined;
}

/** Options of a call that creates or replaces something with a name. */
export interface PutOptions extends ChangeOptions {
  /** Only if there is nothing with this name. Not together with `ifMatch`. Default: false. */
  onlyCreate?: boolean;
}

/** Options of a call that creates something. */
export interface CreateOptions extends CallOptions {
  /** Makes the call safe to repeat. Default: a new key, for the attempts of this call alone. */
  idempotencyKey?: string;
  /** The trace that it belongs to (W3C Trace Context). Default: none. */
  traceparent?: string;
}

/** Which jobs to list. */
export type JobFilter = Omit<Query<"listJobs">, "tag"> & {
  /** Only jobs with all of these tags. */
  tags?: Record<string, string>;
};
export type LogFilter = Query<"listJobLogs">;
/** Which fires to preview. */
export type PreviewOptions = Query<"previewSchedule">;
export type FireFilter = Query<"listFires">;
export type WorkflowFilter = Query<"listWorkflows">;
export type DeliveryFilter = Query<"listDeliveries">;
export type DeadLetterQuery = Query<"listDeadLetters">;
/** Which dead jobs of all tenants to group. */
export type TenantDeadLetterQuery = Query<"listDeadLettersByTenant">;
/** Which page of a list to begin with, and how many items a page has at most. */
export type PageOptions = Query<"listSchedules">;
/** Which bulk operations to list. */
export type OperationPageOptions = Query<"listOperations">;
/** Which range to create jobs for. */
export type BackfillRange = Schemas["BackfillBody"];
/** How to run the job of a schedule now: what is left out is the template's. */
export type TriggerOptions = Schemas["TriggerBody"] & Omit<CreateOptions, "traceparent">;
/** A schedule, or its times alone, to preview. */
export type ScheduleToPreview = Schemas["PreviewBody"];
/** Which dead jobs to run again, and how fast. */
export type RedriveOptions = Partial<Schemas["RedriveBody"]> & CallOptions;
/** Which jobs a bulk operation is of. */
export type OperationFilter = Partial<Schemas["JobFilterBody"]>;
/** What to do with which jobs; send one of `filter`, `ids` and `all`. */
export type NewOperation = Pick<Schemas["OperationBody"], "action"> &
  Partial<Omit<Schemas["OperationBody"], "action" | "filter">> & { filter?: OperationFilter };
/** New due time and queue of a job; what is left out stays as it is. */
export type JobChanges = Schemas["ChangeBody"];
/** Why a queue is paused, and until when. */
export type QueuePause = Schemas["QueuePauseBody"];
/** What of the tenant is paused, why, and until when. */
export type NewTenantPause = Schemas["TenantPauseBody"];
