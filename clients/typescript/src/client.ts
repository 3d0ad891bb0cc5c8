/** The client: each operation of the API is a method with the name of its operationId. */
import { batchesOf } from "./batches.js";
import { type Clock, newKey, systemClock } from "./clock.js";
import { ClientError } from "./errors.js";
import type { Fetch } from "./exchange.js";
import { Items, type PageLike } from "./listing.js";
import {
  type Requests,
  checkedKey,
  created,
  matching,
  nothing,
  preconditions,
  requestsOf,
  result,
  versioned,
  waited,
} from "./requests.js";
import { type RetryPolicy, retryPolicy } from "./retry-policy.js";
import type { Settings } from "./sending.js";
import { type TokenLike, sourceOf } from "./tokens.js";
import type * as t from "./types.js";
import { checkedUrl } from "./urls.js";
import { JOB_LONGEST_SECONDS, type WaitOptions, waitUntil } from "./waiting.js";

// The longest that API Gateway waits for a function, plus what its answer takes
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
const TIMEOUT_SECONDS = 35;
// The longest that a request may wait for a job. A shorter timeout of the client ends it earlier.
const REQUEST_WAIT_SECONDS = 20;
// States in which nothing changes any more, unless the job is run again.
const ENDED: ReadonlySet<string> = new Set(["succeeded", "dead", "cancelled", "expired"]);

/** What a client is made of. */
export interface ClientOptions {
  /** Of the API, as in `https://whendue.example.com`. */
  url: string;
  /** The bearer token; a function that returns it, or a promise of it; or a source, as `ClientCredentials`. */
  token: TokenLike;
  /** When a request is sent again. Default: up to five times in 60 s. */
  retry?: Partial<RetryPolicy>;
  /** How long one attempt may take, seconds. Default: 35. */
  timeoutSeconds?: number;
  /** Whether the token may be sent without TLS to other machines than this one. Default: false. */
  plainHttp?: boolean;
  /** Sends the requests, for proxies, certificates and tests. Default: `globalThis.fetch`. */
  fetch?: Fetch;
  /** Time and chance, for tests. Default: the system's. */
  clock?: Clock;
}

/** A client of the API. All calls may run side by side. */
export class Client {
  readonly #requests: Requests;
  readonly #timeoutSeconds: number;
  readonly #clock: Clock;

  /** @throws {TypeError} an option is not valid. Nothing is sent yet. */
  constructor(options: ClientOptions) {
    const { url, token, retry, timeoutSeconds = TIMEOUT_SECONDS, plainHttp, clock = systemClock } = options;
    if (!(timeoutSeconds > 0 && timeoutSeconds < Infinity)) {
      throw new TypeError("timeoutSeconds must be over 0 and finite");
    }
    const fetch: Fetch = options.fetch ?? ((address, init) => globalThis.fetch(address, init));
    this.#timeoutSeconds = timeoutSeconds;
    const settings: Settings = { tokens: sourceOf(token), retry: retryPolicy(retry), timeoutSeconds, fetch, clock };
    this.#clock = clock;
    this.#requests = requestsOf(checkedUrl(url, plainHttp), settings);
  }

  // Jobs.

  /** Submit a job. */
  async submitJob(job: t.NewJob, options: t.CreateOptions = {}): Promise<t.Created<t.SubmittedJob>> {
    return created(this.#requests.POST("/jobs", { ...creating(options), body: job }));
  }

  /** Submit a job by the alternative path of the API; the same as `submitJob`. */
  async scheduleTask(job: t.NewJob, options: t.CreateOptions = {}): Promise<t.Created<t.SubmittedJob>> {
    return created(this.#requests.POST("/tasks/schedule", { ...creating(options), body: job }));
  }

  /**
   * Submit any number of jobs, in batches as large as the API takes; return an item for each job, in order.
   *
   * Each job is accepted or refused by itself: an item has its `job` or its `problem`. An error is about a batch as a
   * whole; earlier batches are stored. Call it again with the `idempotencyKey` of the error and the same jobs, and each
   * job exists once.
   *
   * @param jobs the jobs. Only jobs of one batch can refer to each other by `ref`.
   */
  async submitJobs(jobs: Iterable<t.BatchJob>, options: t.CreateOptions = {}): Promise<t.BatchItem[]> {
    const key = checkedKey(options.idempotencyKey ?? newKey());
    const items: t.BatchItem[] = [];
    for (const [number, batch] of batchesOf([...jobs]).entries()) {
      // The API derives the key of a job from its position in a batch, so each batch has a key of its own.
      const sent = creating({ ...options, idempotencyKey: `${key}-${number}` });
      // Its schema calls a job of a batch any object: the API checks each by itself.
      const body = { jobs: batch as unknown as Record<string, never>[] };
      const page = await result(this.#requests.POST("/jobs/batch", { ...sent, body })).catch((error: unknown) => {
        if (error instanceof ClientError) error.idempotencyKey = key;
        throw error;
      });
      items.push(...(page.items as t.BatchItem[]));
    }
    return items;
  }

  /** List jobs, the newest first; with `state: "dead"` by the time of their end. */
  listJobs(filter: t.JobFilter = {}, options: t.CallOptions = {}): Items<t.Job, t.JobPage> {
    const { tags, ...query } = filter;
    const tag = Object.entries(tags ?? {}).map(([name, value]) => `${name}:${value}`);
    return listed(filter, (cursor) =>
      this.#requests.GET("/jobs", { ...options, params: { query: { ...query, tag, cursor } } }),
    );
  }

  /**
   * Get a job with its payload, result and attempts.
   *
   * @param options `waitSeconds`: the answer comes when the job has ended, or after so many seconds; at most 20.
   *   `waitFor` waits longer.
   */
  async getJob(jobId: string, options: t.WaitingCallOptions = {}): Promise<t.Waited<t.JobWithTimeline>> {
    const { waitSeconds, ...rest } = options;
    const params = { path: { job_id: jobId }, query: { wait: waitSeconds || undefined } };
    return waited(this.#requests.GET("/jobs/{job_id}", { ...rest, params }), this.#clock.nowMs());
  }

  /**
   * Wait until a job has ended, and return it: `succeeded`, `dead`, `cancelled` or `expired`.
   *
   * @param job the job, or its id.
   * @throws {WaitTimeoutError} it has not ended in time; the job itself goes on.
   */
  async waitFor(job: string | { id: string }, options: WaitOptions = {}): Promise<t.Waited<t.JobWithTimeline>> {
    const id = idOf(job);
    const longest = Math.min(REQUEST_WAIT_SECONDS, this.#timeoutSeconds / 2);
    const read = (left: number) =>
      this.getJob(id, { ...signalOf(options), waitSeconds: Math.max(0, Math.floor(Math.min(longest, left))) });
    const hasEnded = ({ state }: { state: string }) => ENDED.has(state);
    const rest = ({ retryAfterSeconds }: { retryAfterSeconds: number | undefined }) => retryAfterSeconds;
    return waitUntil(`job ${id}`, read, hasEnded, this.#clock, options, JOB_LONGEST_SECONDS, rest);
  }

  /** Get the payload of a job alone, however large it is. */
  async getJobPayload(jobId: string, options: t.CallOptions = {}): Promise<unknown> {
    return result(this.#requests.GET("/jobs/{job_id}/payload", { ...options, ...job(jobId) }));
  }

  /** Get the result of a job alone, however large it is. */
  async getJobResult(jobId: string, options: t.CallOptions = {}): Promise<unknown> {
    return result(this.#requests.GET("/jobs/{job_id}/result", { ...options, ...job(jobId) }));
  }

  /** List all failed attempts of a job, the newest first, including those before it was run again. */
  listJobAttempts(
    jobId: string,
    page: t.PageOptions = {},
    options: t.CallOptions = {},
  ): Items<t.Attempt, t.AttemptPage> {
    return listed(page, (cursor) => {
      const params = { ...job(jobId).params, query: { ...page, cursor } };
      return this.#requests.GET("/jobs/{job_id}/attempts", { ...options, params });
    });
  }

  /** List what the attempts of a job have logged, the newest first; an attempt that logged nothing is left out. */
  listJobLogs(
    jobId: string,
    filter: t.LogFilter = {},
    options: t.CallOptions = {},
  ): Items<t.AttemptLog, t.AttemptLogPage> {
    return listed(filter, (cursor) => {
      const params = { ...job(jobId).params, query: { ...filter, cursor } };
      return this.#requests.GET("/jobs/{job_id}/logs", { ...options, params });
    });
  }

  /** List what happened to a job, the newest first: its submit, attempts, what was asked of it and who did, its end. */
  listJobEvents(
    jobId: string,
    page: t.PageOptions = {},
    options: t.CallOptions = {},
  ): Items<t.JobEvent, t.JobEventPage> {
    return listed(page, (cursor) => {
      const params = { ...job(jobId).params, query: { ...page, cursor } };
      return this.#requests.GET("/jobs/{job_id}/events", { ...options, params });
    });
  }

  /** Explain why a job has not run, or why it ended. */
  async explainJob(jobId: string, options: t.CallOptions = {}): Promise<t.Explanation> {
    return result(this.#requests.GET("/jobs/{job_id}/explain", { ...options, ...job(jobId) }));
  }

  /** Find the job that holds a unique key: the one that a submit with the same type, payload and key would meet now. */
  async findUniqueHolder(key: t.UniqueKey, options: t.CallOptions = {}): Promise<t.UniqueHolder> {
    return result(this.#requests.POST("/unique/holder", { ...options, body: key }));
  }

  /** Reschedule or reprioritise a job that has not started, or that waits for its next attempt. */
  async updateJob(jobId: string, changes: t.JobChanges, options: t.ChangeOptions = {}): Promise<t.Versioned<t.Job>> {
    return versioned(this.#requests.PATCH("/jobs/{job_id}", { ...changedJob(jobId, options), body: changes }));
  }

  /** Cancel a job. A running one is asked to stop: watch its state. */
  async cancelJob(jobId: string, options: t.ChangeOptions = {}): Promise<t.Versioned<t.Job>> {
    return versioned(this.#requests.POST("/jobs/{job_id}/cancel", changedJob(jobId, options)));
  }

  /** Run a dead, cancelled or expired job again. It is sent again after a lost answer only with `ifMatch`. */
  async redriveJob(jobId: string, options: t.ChangeOptions = {}): Promise<t.Versioned<t.Job>> {
    return versioned(this.#requests.POST("/jobs/{job_id}/redrive", changedJob(jobId, options)));
  }

  /** Erase a finished job with all that belongs to it. */
  async eraseJob(jobId: string, options: t.ChangeOptions = {}): Promise<void> {
    return nothing(this.#requests.DELETE("/jobs/{job_id}", changedJob(jobId, options)));
  }

  /** Group dead jobs by their error. A page counts up to 10,000 jobs; a group may come again in the next page. */
  listDeadLetters(
    query: t.DeadLetterQuery = {},
    options: t.CallOptions = {},
  ): Items<t.DeadLetterGroup, t.DeadLetters> {
    return listed(query, (cursor) =>
      this.#requests.GET("/dead-letters", { ...options, params: { query: { ...query, cursor } } }),
    );
  }

  /** Group the dead jobs of all tenants by their error, tenant by tenant; needs the scope `operator`. */
  listDeadLettersByTenant(
    query: t.TenantDeadLetterQuery = {},
    options: t.CallOptions = {},
  ): Items<t.TenantDeadLetters, t.TenantDeadLettersPage> {
    return listed(query, (cursor) =>
      this.#requests.GET("/dead-letters/by-tenant", { ...options, params: { query: { ...query, cursor } } }),
    );
  }

  /** Run dead jobs again, up to `limit` of them in one request; `redriveAllDeadLetters` goes on to the end. */
  async redriveDeadLetters(options: t.RedriveOptions = {}): Promise<t.RedriveResult> {
    const { signal, ...body } = options;
    // What is left out has its default; the types of the API's defaults call these fields required.
    const wanted = body as Required<typeof body>;
    return result(this.#requests.POST("/dead-letters/redrive", { ...signalOf({ signal }), body: wanted }));
  }

  /** Run all dead jobs that match a filter again, in as many requests as that takes; return their sum. */
  async redriveAllDeadLetters(options: Omit<t.RedriveOptions, "cursor" | "limit"> = {}): Promise<t.RedriveResult> {
    let part = await this.redriveDeadLetters(options);
    const sum = { ...part };
    while (part.cursor !== null) {
      part = await this.redriveDeadLetters({ ...options, cursor: part.cursor });
      sum.matched += part.matched;
      sum.redriven = [...sum.redriven, ...part.redriven];
      sum.failed = [...sum.failed, ...part.failed];
    }
    return { ...sum, cursor: null, missing: part.missing };
  }

  // Bulk operations.

  /** Begin a bulk operation. It continues in the background; `waitForOperation` waits for it. */
  async startOperation(
    operation: t.NewOperation,
    options: Omit<t.CreateOptions, "traceparent"> = {},
  ): Promise<t.BulkOperation> {
    // As above: what is left out has its default.
    const body = operation as Required<t.NewOperation>;
    return result(this.#requests.POST("/operations", { ...creating(options), body }));
  }

  /** Get a bulk operation and its progress. */
  async getOperation(operationId: string, options: t.CallOptions = {}): Promise<t.BulkOperation> {
    const params = { path: { operation_id: operationId } };
    return result(this.#requests.GET("/operations/{operation_id}", { ...options, params }));
  }

  /** List the bulk operations, the newest first. */
  listOperations(page: t.OperationPageOptions = {}, options: t.CallOptions = {}): Items<t.BulkOperation, t.BulkOperationPage> {
    return listed(page, (cursor) =>
      this.#requests.GET("/operations", { ...options, params: { query: { ...page, cursor } } }),
    );
  }

  /** Cancel a bulk operation: it changes no further jobs; what is changed stays. */
  async cancelOperation(operationId: string, options: t.CallOptions = {}): Promise<t.BulkOperation> {
    const params = { path: { operation_id: operationId } };
    return result(this.#requests.POST("/operations/{operation_id}/cancel", { ...options, params }));
  }

  /** End those jobs of a redrive that have not begun, as they had ended before; returns the operation that does it. */
  async undoOperation(operationId: string, options: t.CallOptions = {}): Promise<t.BulkOperation> {
    const params = { path: { operation_id: operationId } };
    return result(this.#requests.POST("/operations/{operation_id}/undo", { ...options, params }));
  }

  /**
   * Wait until a bulk operation has come to all its jobs, and return it: `finished` or `cancelled`.
   *
   * @param operationId id of the operation.
   * @throws {WaitTimeoutError} it has not ended in that time; it goes on.
   */
  async waitForOperation(operationId: string, options: WaitOptions = {}): Promise<t.BulkOperation> {
    const read = () => this.getOperation(operationId, signalOf(options));
    return waitUntil(`operation ${operationId}`, read, ({ state }) => state !== "running", this.#clock, options);
  }

  // Workflows.

  /** Submit a workflow. It is accepted or refused as a whole. */
  async submitWorkflow(workflow: t.NewWorkflow, options: t.CreateOptions = {}): Promise<t.Created<t.Workflow>> {
    return created(this.#requests.POST("/workflows", { ...creating(options), body: workflow }));
  }

  /** List workflows, the newest first. */
  listWorkflows(filter: t.WorkflowFilter = {}, options: t.CallOptions = {}): Items<t.Workflow, t.WorkflowPage> {
    return listed(filter, (cursor) =>
      this.#requests.GET("/workflows", { ...options, params: { query: { ...filter, cursor } } }),
    );
  }

  /** Get a workflow with its nodes. */
  async getWorkflow(workflowId: string, options: t.CallOptions = {}): Promise<t.WorkflowDetails> {
    return result(this.#requests.GET("/workflows/{workflow_id}", { ...options, ...workflow(workflowId) }));
  }

  /**
   * Wait until a workflow has ended, and return it: `succeeded`, `dead`, `cancelled` or `expired`.
   *
   * @param workflow the workflow, or its id.
   * @throws {WaitTimeoutError} it has not ended in time; the workflow itself goes on.
   */
  async waitForWorkflow(workflow: string | { id: string }, options: WaitOptions = {}): Promise<t.WorkflowDetails> {
    const id = idOf(workflow);
    const read = () => this.getWorkflow(id, signalOf(options));
    return waitUntil(`workflow ${id}`, read, ({ state }) => ENDED.has(state), this.#clock, options);
  }

  /** Cancel the jobs of a workflow that have not started, and ask running ones to stop. */
  async cancelWorkflow(workflowId: string, options: t.CallOptions = {}): Promise<t.Workflow> {
    return result(this.#requests.POST("/workflows/{workflow_id}/cancel", { ...options, ...workflow(workflowId) }));
  }

  /** Run a workflow again from the nodes that failed. */
  async retryWorkflow(workflowId: string, options: t.CallOptions = {}): Promise<t.Workflow> {
    return result(this.#requests.POST("/workflows/{workflow_id}/retry", { ...options, ...workflow(workflowId) }));
  }

  // Schedules.

  /** Create a schedule, or replace it; one that was read may be put again. */
  async putSchedule(
    name: string,
    schedule: t.NewSchedule | t.Versioned<t.Schedule>,
    options: t.PutOptions = {},
  ): Promise<t.Versioned<t.Schedule>> {
    // The etag of one that was read comes from a header; the rest of it can be sent as it is.
    const { etag: _, ...body } = schedule as t.Versioned<t.NewSchedule>;
    return versioned(this.#requests.PUT("/schedules/{name}", { ...put(name, options), body }));
  }

  /** List the schedules of the tenant, sorted by name. */
  listSchedules(page: t.PageOptions = {}, options: t.CallOptions = {}): Items<t.Schedule, t.SchedulePage> {
    return listed(page, (cursor) =>
      this.#requests.GET("/schedules", { ...options, params: { query: { ...page, cursor } } }),
    );
  }

  /** Get a schedule. */
  async getSchedule(name: string, options: t.CallOptions = {}): Promise<t.Versioned<t.Schedule>> {
    return versioned(this.#requests.GET("/schedules/{name}", named(name, options)));
  }

  /** Delete a schedule. */
  async deleteSchedule(name: string, options: t.ChangeOptions = {}): Promise<void> {
    return nothing(this.#requests.DELETE("/schedules/{name}", changed(name, options)));
  }

  /** Skip all fires of a schedule from now on, until a time or until it is resumed. */
  async pauseSchedule(
    name: string,
    options: t.ChangeOptions & { reason?: string; until?: string } = {},
  ): Promise<t.Versioned<t.Schedule>> {
    const { reason = "", until } = options;
    const body = { body: until === undefined ? { reason } : { reason, until } };
    return versioned(this.#requests.POST("/schedules/{name}/pause", { ...changed(name, options), ...body }));
  }

  /** Let a schedule fire again from now on. */
  async resumeSchedule(name: string, options: t.ChangeOptions = {}): Promise<t.Versioned<t.Schedule>> {
    return versioned(this.#requests.POST("/schedules/{name}/resume", changed(name, options)));
  }

  /**
   * Run the job or workflow of a schedule at once; `payload`, `queue` (or `priority`) and `tags` replace the template's.
   * `reason` is shown with the fire.
   */
  async triggerSchedule(name: string, options: t.TriggerOptions = {}): Promise<t.Created<t.Job>> {
    const { payload, priority, queue, tags, reason, ...others } = options;
    const { params, ...rest } = creating(others);
    const changes = Object.entries({ payload, priority, queue, tags, reason }).filter(
      ([, value]) => value !== undefined,
    );
    const body = changes.length > 0 ? { body: Object.fromEntries(changes) } : {};
    return created(
      this.#requests.POST("/schedules/{name}/trigger", { ...rest, ...body, params: { ...params, path: { name } } }),
    );
  }

  /** Preview the next fires of a schedule. */
  async previewSchedule(name: string, options: t.CallOptions & t.PreviewOptions = {}): Promise<t.Preview> {
    const params = { path: { name }, query: { from: options.from, limit: options.limit } };
    return result(this.#requests.GET("/schedules/{name}/preview", { ...signalOf(options), params }));
  }

  /** Preview the fires that a schedule would have. Jitter depends on its `name`, and is left out without one. */
  async previewUnsavedSchedule(schedule: t.ScheduleToPreview, options: t.CallOptions = {}): Promise<t.Preview> {
    return result(this.#requests.POST("/schedules/preview", { ...options, body: schedule }));
  }

  /** List the past fires of a schedule with their outcome, the newest first. */
  listFires(name: string, filter: t.FireFilter = {}, options: t.CallOptions = {}): Items<t.Fire, t.FirePage> {
    return listed(filter, (cursor) => {
      const params = { path: { name }, query: { ...filter, cursor } };
      return this.#requests.GET("/schedules/{name}/fires", { ...options, params });
    });
  }

  /** Create jobs for past fires that had none. It continues in the background; `waitForBackfill` waits for it. */
  async backfillSchedule(name: string, range: t.BackfillRange, options: t.CallOptions = {}): Promise<t.Backfill> {
    return result(this.#requests.POST("/schedules/{name}/backfill", { ...named(name, options), body: range }));
  }

  /** Get the progress of a backfill. */
  async getBackfill(name: string, backfillId: string, options: t.CallOptions = {}): Promise<t.Backfill> {
    const params = { path: { name, backfill_id: backfillId } };
    return result(this.#requests.GET("/schedules/{name}/backfills/{backfill_id}", { ...options, params }));
  }

  /** List the backfills of a schedule, the newest first. */
  listBackfills(
    name: string,
    page: t.PageOptions = {},
    options: t.CallOptions = {},
  ): Items<t.Backfill, t.BackfillPage> {
    return listed(page, (cursor) => {
      const params = { path: { name }, query: { ...page, cursor } };
      return this.#requests.GET("/schedules/{name}/backfills", { ...options, params });
    });
  }

  /** Cancel a backfill: it creates no further jobs; those that exist are not cancelled. */
  async cancelBackfill(name: string, backfillId: string, options: t.CallOptions = {}): Promise<t.Backfill> {
    const params = { path: { name, backfill_id: backfillId } };
    return result(this.#requests.POST("/schedules/{name}/backfills/{backfill_id}/cancel", { ...options, params }));
  }

  /** Pause a backfill: it creates no further jobs until it is resumed. */
  async pauseBackfill(name: string, backfillId: string, options: t.CallOptions = {}): Promise<t.Backfill> {
    const params = { path: { name, backfill_id: backfillId } };
    return result(this.#requests.POST("/schedules/{name}/backfills/{backfill_id}/pause", { ...options, params }));
  }

  /** Continue a paused backfill. */
  async resumeBackfill(name: string, backfillId: string, options: t.CallOptions = {}): Promise<t.Backfill> {
    const params = { path: { name, backfill_id: backfillId } };
    return result(this.#requests.POST("/schedules/{name}/backfills/{backfill_id}/resume", { ...options, params }));
  }

  /**
   * Wait until a backfill has created its jobs, and return it: `finished`, `failed` or `cancelled`.
   *
   * @param name name of the schedule.
   * @param backfill the backfill, or its id.
   * @throws {WaitTimeoutError} it has not ended in that time; it goes on, or stays paused.
   */
  async waitForBackfill(
    name: string,
    backfill: string | { id: string },
    options: WaitOptions = {},
  ): Promise<t.Backfill> {
    const id = idOf(backfill);
    const read = () => this.getBackfill(name, id, signalOf(options));
    return waitUntil(`backfill ${id}`, read, ({ state }) => state !== "running" && state !== "paused", this.#clock, options);
  }

  // Queues and pauses.

  /** List queues with their depth, age and pause. */
  listQueues(options: t.CallOptions = {}): Items<t.Queue, t.QueuePage> {
    return listed({}, () => this.#requests.GET("/queues", { ...options }));
  }

  /** Pause a queue for all tenants. */
  async pauseQueue(name: string, pause: t.QueuePause, options: t.CallOptions = {}): Promise<t.Pause> {
    return result(this.#requests.POST("/queues/{name}/pause", { ...named(name, options), body: pause }));
  }

  /** Resume a queue. */
  async resumeQueue(name: string, options: t.CallOptions = {}): Promise<void> {
    return nothing(this.#requests.POST("/queues/{name}/resume", named(name, options)));
  }

  /** List the pauses of the tenant. */
  listPauses(options: t.CallOptions = {}): Items<t.TenantPause, t.PausePage> {
    return listed({}, () => this.#requests.GET("/pauses", { ...options }));
  }

  /** Pause the tenant, or one of its task types. */
  async pauseTenant(pause: t.NewTenantPause, options: t.CallOptions = {}): Promise<t.TenantPause> {
    return result(this.#requests.POST("/pauses", { ...options, body: pause }));
  }

  /** Resume the tenant. */
  async resumeTenant(options: t.CallOptions = {}): Promise<void> {
    return nothing(this.#requests.DELETE("/pauses/tenant", { ...options }));
  }

  /** Resume a task type of the tenant. */
  async resumeTaskType(type: string, options: t.CallOptions = {}): Promise<void> {
    return nothing(this.#requests.DELETE("/pauses/types/{type}", { ...options, params: { path: { type } } }));
  }

  // Tasks.

  /** List the tasks that can be submitted; the page names the modules that could not be imported. */
  listTasks(options: t.CallOptions = {}): Items<t.Task, t.TaskPage> {
    return listed({}, () => this.#requests.GET("/tasks", { ...options }));
  }

  /** Get a task: its policy, and the JSON Schema of its payload. */
  async getTask(name: string, options: t.CallOptions = {}): Promise<t.Task> {
    return result(this.#requests.GET("/tasks/{name}", named(name, options)));
  }

  // Profiles.

  /** Create a profile, or its next version. */
  async putProfile(name: string, profile: t.NewProfile, options: t.PutOptions = {}): Promise<t.Versioned<t.Profile>> {
    return versioned(this.#requests.PUT("/profiles/{name}", { ...put(name, options), body: profile }));
  }

  /** List the built-in profiles and the tenant's own. */
  listProfiles(options: t.CallOptions = {}): Items<t.Profile, t.ProfilePage> {
    return listed({}, () => this.#requests.GET("/profiles", { ...options }));
  }

  /** Get a profile. */
  async getProfile(name: string, options: t.CallOptions = {}): Promise<t.Versioned<t.Profile>> {
    return versioned(this.#requests.GET("/profiles/{name}", named(name, options)));
  }

  /** Get a version of a profile. */
  async getProfileVersion(name: string, version: number, options: t.CallOptions = {}): Promise<t.Profile> {
    const params = { path: { name, version } };
    return result(this.#requests.GET("/profiles/{name}/versions/{version}", { ...options, params }));
  }

  /** Delete a profile. */
  async deleteProfile(name: string, options: t.ChangeOptions = {}): Promise<void> {
    return nothing(this.#requests.DELETE("/profiles/{name}", changed(name, options)));
  }

  // Subscriptions.

  /**
   * Create a subscription, or replace it. Its secret is returned only when it is created.
   *
   * It is not sent again after a lost answer, since a second answer would not have the secret.
   */
  async putSubscription(
    name: string,
    subscription: t.NewSubscription,
    options: t.PutOptions = {},
  ): Promise<t.Versioned<t.SubscriptionWithSecret>> {
    return versioned(this.#requests.PUT("/subscriptions/{name}", { ...put(name, options), body: subscription }));
  }

  /** List all subscriptions of the tenant, sorted by name. */
  listSubscriptions(options: t.CallOptions = {}): Items<t.Subscription, t.SubscriptionPage> {
    return listed({}, () => this.#requests.GET("/subscriptions", { ...options }));
  }

  /** Get a subscription and its health. */
  async getSubscription(name: string, options: t.CallOptions = {}): Promise<t.Versioned<t.Subscription>> {
    return versioned(this.#requests.GET("/subscriptions/{name}", named(name, options)));
  }

  /** Delete a subscription. Deliveries that have not ended are not sent any more. */
  async deleteSubscription(name: string, options: t.ChangeOptions = {}): Promise<void> {
    return nothing(this.#requests.DELETE("/subscriptions/{name}", changed(name, options)));
  }

  /** Send notifications of a disabled subscription again, from now on. */
  async enableSubscription(name: string, options: t.ChangeOptions = {}): Promise<t.Versioned<t.Subscription>> {
    return versioned(this.#requests.POST("/subscriptions/{name}/enable", changed(name, options)));
  }

  /** Create a new signing key and return it once. For 24 hours the previous key signs as well. */
  async rotateSubscriptionSecret(
    name: string,
    options: t.ChangeOptions = {},
  ): Promise<t.Versioned<t.SubscriptionWithSecret>> {
    return versioned(this.#requests.POST("/subscriptions/{name}/rotate-secret", changed(name, options)));
  }

  /** Send a test notification. */
  async testSubscription(name: string, options: t.CallOptions = {}): Promise<t.Job> {
    return result(this.#requests.POST("/subscriptions/{name}/test", named(name, options)));
  }

  /** List the deliveries of a subscription, the newest first; with `state: "dead"` by the time of their end. */
  listDeliveries(
    name: string,
    filter: t.DeliveryFilter = {},
    options: t.CallOptions = {},
  ): Items<t.Delivery, t.DeliveryPage> {
    return listed(filter, (cursor) => {
      const params = { path: { name }, query: { ...filter, cursor } };
      return this.#requests.GET("/subscriptions/{name}/deliveries", { ...options, params });
    });
  }

  /** Send a delivery that has ended once more, under the same id. */
  async replayDelivery(name: string, deliveryId: string, options: t.CallOptions = {}): Promise<t.Job> {
    const params = { path: { name, delivery_id: deliveryId } };
    return result(this.#requests.POST("/subscriptions/{name}/deliveries/{delivery_id}/replay", { ...options, params }));
  }

  // Usage and health.

  /**
   * Get usage and estimated cost of a month.
   *
   * @param month as in `2026-11`. Default: the current one.
   */
  async getUsage(month?: string, options: t.CallOptions = {}): Promise<t.Usage> {
    return result(this.#requests.GET("/usage", { ...options, params: { query: { month } } }));
  }

  /** Get all metrics in Prometheus' text format. */
  async getMetrics(options: t.CallOptions = {}): Promise<string> {
    return result(this.#requests.GET("/actuator/prometheus", { ...options, parseAs: "text" }));
  }

  /** Check that the API is running; needs no token. */
  async getHealth(options: t.CallOptions = {}): Promise<t.Health> {
    return result(this.#requests.GET("/health", { ...options }));
  }

  /** Check that table and queues respond; the status is `DOWN` if they do not. Needs no token. */
  async getReadiness(options: t.CallOptions = {}): Promise<t.Health> {
    return result(upOrDown(this.#requests.GET("/health/ready", { ...options })));
  }

  /** Check that table and queues respond, by Spring Boot's path; the same as `getReadiness`. */
  async getActuatorHealth(options: t.CallOptions = {}): Promise<t.Health> {
    return result(upOrDown(this.#requests.GET("/actuator/health", { ...options })));
  }
}

function creating({ idempotencyKey, traceparent, signal }: t.CreateOptions) {
  const key = idempotencyKey === undefined ? {} : { "Idempotency-Key": checkedKey(idempotencyKey) };
  return { ...signalOf({ signal }), params: { header: key }, headers: { traceparent } };
}

function signalOf({ signal }: { signal?: AbortSignal | undefined }): t.CallOptions {
  return signal === undefined ? {} : { signal };
}

function job(jobId: string) {
  return { params: { path: { job_id: jobId } } };
}

function changedJob(jobId: string, options: t.ChangeOptions) {
  return { ...signalOf(options), params: { path: { job_id: jobId }, header: matching(options) } };
}

function workflow(workflowId: string) {
  return { params: { path: { workflow_id: workflowId } } };
}

function named(name: string, options: t.CallOptions) {
  return { ...options, params: { path: { name } } };
}

function changed(name: string, options: t.ChangeOptions) {
  return { ...signalOf(options), params: { path: { name }, header: matching(options) } };
}

function put(name: string, options: t.PutOptions) {
  return { ...signalOf(options), params: { path: { name }, header: preconditions(options) } };
}

function listed<T, P extends PageLike<T>>(
  { cursor }: { cursor?: string | null },
  pageAt: (cursor: string | undefined) => Promise<{ data?: P; response: Response }>,
): Items<P["items"][number], P> {
  return new Items((at) => result(pageAt(at)), (page) => page, cursor ?? undefined);
}

/** `DOWN` is answered with an error's status. */
async function upOrDown(call: Promise<{ data?: t.Health; error?: unknown; response: Response }>) {
  const { data, error, response } = await call;
  return { data: data ?? (error as t.Health), response };
}

function idOf(one: string | { id: string }): string {
  return typeof one === "string" ? one : one.id;
}
