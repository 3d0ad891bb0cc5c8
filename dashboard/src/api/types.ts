/** The API's types by short names. */
import type { components, operations } from "./schema.js";

type Schemas = components["schemas"];

export type Job = Schemas["JobReply"];
export type JobDetails = Schemas["JobWithTimelineReply"];
export type JobList = Schemas["JobListReply"];
export type JobEvent = Schemas["JobEventReply"];
export type JobEventList = Schemas["JobEventListReply"];
export type JobLogs = Schemas["JobLogsReply"];
export type Attempt = Schemas["AttemptReply"];
export type Explanation = Schemas["ExplainReply"];
export type Reason = Schemas["ReasonReply"];
export type Cause = Schemas["Cause"];
export type Problem = Schemas["Problem"];
export type Queue = Schemas["QueueReply"];
export type QueueList = Schemas["QueueListReply"];
export type TenantPause = Schemas["TenantPauseReply"];
export type PauseList = Schemas["PauseListReply"];
export type DeadLetters = Schemas["DeadLettersReply"];
export type DeadLetterGroup = Schemas["DeadLetterGroupReply"];
export type Redriven = Schemas["RedriveReply"];
export type Operation = Schemas["OperationReply"];
export type OperationList = Schemas["OperationListReply"];
export type Schedule = Schemas["ScheduleReply"];
export type ScheduleList = Schemas["ScheduleListReply"];
export type Fire = Schemas["FireReply"];
export type FireList = Schemas["FireListReply"];
export type Preview = Schemas["PreviewReply"];
export type Usage = Schemas["UsageReply"];
export type JobFilter = NonNullable<operations["listJobs"]["parameters"]["query"]>;
