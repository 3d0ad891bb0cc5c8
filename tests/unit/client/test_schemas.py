"""The client's models and inputs have the fields of the schemas of api/openapi.json, of their types."""

import json
from dataclasses import MISSING, Field, fields
from datetime import date, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from whendue.client.inputs import definitions
from whendue.client.inputs import jobs as job_inputs
from whendue.client.inputs import workflows as workflow_inputs
from whendue.client.json_values import camel
from whendue.client.models import bulk, common, dead_letters, jobs, schedules, subscriptions, tenant, workflows

SCHEMAS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "api/openapi.json").read_text())["components"][
    "schemas"
]
MODELS: dict[str, Any] = {
    "AttemptErrorReply": common.AttemptFailure,
    "AttemptListReply": common.Page,
    "AttemptLogReply": common.AttemptLog,
    "AttemptReply": common.Attempt,
    "BackfillListReply": common.Page,
    "BackfillReply": schedules.Backfill,
    "BatchItemReply": jobs.BatchItem,
    "BatchReply": jobs.Batch,
    "CauseReply": common.Cause,
    "DeadLetterGroupReply": dead_letters.DeadLetterGroup,
    "DeadLettersReply": dead_letters.DeadLetters,
    "TenantDeadLettersReply": dead_letters.TenantDeadLetters,
    "TenantsDeadLettersReply": common.Page,
    "DeliveryListReply": common.Page,
    "DeliveryReply": subscriptions.Delivery,
    "EdgeReply": workflows.WorkflowEdge,
    "EffectiveBackoff": jobs.EffectiveBackoff,
    "EffectiveReply": jobs.EffectivePolicy,
    "ErrorReply": common.Failure,
    "ExplainReply": jobs.Explanation,
    "JobEventListReply": jobs.JobEventPage,
    "JobEventReply": jobs.JobEvent,
    "FailedJobReply": bulk.FailedJob,
    "FailedRedriveReply": dead_letters.FailedRedrive,
    "FilterReply": subscriptions.EventFilter,
    "FireJobReply": schedules.FireJob,
    "FireListReply": common.Page,
    "FireReply": schedules.Fire,
    "Health": tenant.Health,
    "JobListReply": common.Page,
    "JobLogsReply": common.Page,
    "JobReply": jobs.Job,
    "JobWithTimelineReply": jobs.JobWithTimeline,
    "HolderReply": jobs.UniqueHolder,
    "LimitsReply": common.Limits,
    "LogLineReply": common.LogLine,
    "MisfireReply": schedules.Misfire,
    "NodeReply": workflows.WorkflowNode,
    "OperationCountsReply": bulk.OperationCounts,
    "OperationListReply": common.Page,
    "OperationReply": bulk.BulkOperation,
    "PauseListReply": common.Page,
    "PauseReply": tenant.Pause,
    "PreviewReply": schedules.Preview,
    "Problem": common.Problem,
    "ProfileBackoffReply": common.Backoff,
    "ProfileListReply": common.Page,
    "ProfileReply": tenant.Profile,
    "QueueListReply": common.Page,
    "QueueReply": tenant.Queue,
    "ReasonReply": jobs.Reason,
    "RedriveReply": dead_letters.RedriveResult,
    "ScheduleListReply": common.Page,
    "SchedulePauseReply": schedules.SchedulePause,
    "ScheduleReply": schedules.Schedule,
    "SourcedInteger": common.Sourced,
    "SourcedNumber": common.Sourced,
    "SourcedText": common.Sourced,
    "SourcedTexts": common.Sourced,
    "SubscriptionListReply": common.Page,
    "SubscriptionReply": subscriptions.Subscription,
    "SubscriptionWithSecretReply": subscriptions.SubscriptionWithSecret,
    "SubmittedReply": jobs.SubmittedJob,
    "TaskFailureReply": tenant.TaskFailure,
    "TaskListReply": tenant.TaskPage,
    "TaskPolicyReply": tenant.TaskPolicy,
    "TaskReply": tenant.Task,
    "TenantPauseReply": tenant.TenantPause,
    "TenantUsageReply": tenant.TenantUsage,
    "TypeUsageReply": tenant.TypeUsage,
    "UniqueReply": common.JobUnique,
    "UpcomingFireReply": schedules.UpcomingFire,
    "UsageReply": tenant.Usage,
    "UsedReply": tenant.Used,
    "WorkflowDetailsReply": workflows.WorkflowDetails,
    "WorkflowListReply": common.Page,
    "WorkflowReply": workflows.Workflow,
}
INPUTS: dict[str, Any] = {
    "Backoff": common.Backoff,
    "ChordBody": workflow_inputs.Chord,
    "DeadLetterFilter": job_inputs.DeadLetterFilter,
    "DependencyBody": job_inputs.Dependency,
    "EdgeBody": workflow_inputs.Edge,
    "FilterBody": subscriptions.EventFilter,
    "JobBody": job_inputs.NewJob,
    "JobTemplate": job_inputs.JobTemplate,
    "JobFilterBody": job_inputs.JobFilter,
    "LimitsBody": common.Limits,
    "MisfireBody": schedules.Misfire,
    "NodeBody": workflow_inputs.Node,
    "ProfileBody": definitions.NewProfile,
    "ProfileLimitsBody": common.Limits,
    "InitialPauseBody": definitions.InitialPause,
    "ScheduleBody": definitions.NewSchedule,
    "StepBody": workflow_inputs.Step,
    "UniqueBody": job_inputs.Unique,
    "SubscriptionBody": definitions.NewSubscription,
    "WorkflowBody": workflow_inputs.NewWorkflow,
    "WorkflowTemplate": workflow_inputs.WorkflowTemplate,
}
# Made of the arguments of an operation.
ARGUMENTS = {
    *("BackfillBody", "BatchBody", "ChangeBody", "HolderBody", "OperationBody", "PreviewBody", "QueuePauseBody"),
    "RedriveBody",
    *("SchedulePauseBody", "TenantPauseBody", "TriggerBody"),
}
# Words, not objects.
WORDS = {"Cause"}
# Of a batch alone: `BatchDependencyBody` is not in the document, since jobs of a batch are read one by one.
OF_BATCHES = {"DependencyBody": {"ref"}}


def fields_of(model: Any) -> dict[str, Field[Any]]:
    return {camel(field.name): field for field in fields(model) if not field.metadata}


def kinds(schema: dict[str, Any]) -> set[str]:
    """Name what JSON a schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        return {"words"} if name in WORDS else {"object"}
    if "anyOf" in schema:
        return {kind for part in schema["anyOf"] for kind in kinds(part)}
    if "const" in schema or "enum" in schema:
        return {"words"}
    if schema.get("format") in ("date-time", "date"):
        return {schema["format"]}
    named = {"string": "words", "null": "null"}.get(schema.get("type", "any"), schema.get("type", "any"))
    return {named}


def kinds_of(hint: Any) -> set[str]:
    """Name what JSON a type is read from."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return {kind for part in get_args(hint) for kind in kinds_of(part)}
    if origin is Literal or hint is str:
        return {"words"}
    simple = {int: "integer", float: "number", bool: "boolean", datetime: "date-time", date: "date", NoneType: "null"}
    if hint in simple:
        return {simple[hint]}
    if hint is Any:
        return {"any"}
    return {"array"} if origin is tuple or getattr(origin, "__name__", "") == "Sequence" else {"object"}


def test_every_schema_has_its_class() -> None:
    """A new one is noticed."""
    assert set(SCHEMAS) == {*MODELS, *INPUTS, *ARGUMENTS, *WORDS}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_fields_of_its_schema(name: str) -> None:
    """None is missing, none is more, and those that may be missing have a default."""
    model, schema = MODELS[name], SCHEMAS[name]
    own, given = fields_of(model), schema["properties"]
    # A page of any list may lack older jobs.
    assert set(own) - ({"missing"} if model is common.Page else set()) == set(given) - {"missing"} | (
        {"missing"} & set(own) & set(given) if model is not common.Page else set()
    )
    required = {name for name, field in own.items() if field.default is MISSING and field.default_factory is MISSING}
    assert required <= set(schema.get("required", []))


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model not in (common.Page, common.Sourced)])
def test_the_fields_of_a_model_have_the_types_of_its_schema(name: str) -> None:
    """Null and all."""
    hints, given = get_type_hints(MODELS[name]), SCHEMAS[name]["properties"]
    wrong = {
        field.name: (kinds_of(hints[field.name]), kinds(given[written]))
        for written, field in fields_of(MODELS[name]).items()
        if kinds_of(hints[field.name]) != kinds(given[written])
    }
    assert wrong == {}


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_has_the_fields_of_its_schema(name: str) -> None:
    """None is missing, none is more, and those that are required cannot be left out."""
    own, schema = fields_of(INPUTS[name]), SCHEMAS[name]
    # What is read-only is ignored when it is sent.
    settable = {field for field, part in schema["properties"].items() if not part.get("readOnly")}
    assert set(own) - OF_BATCHES.get(name, set()) == settable
    required = {name for name, field in own.items() if field.default is MISSING and field.default_factory is MISSING}
    assert required == set(schema.get("required", [])) - ({"job"} if name in OF_BATCHES else set())


@pytest.mark.parametrize("name", INPUTS)
def test_the_words_of_an_input_are_those_of_its_schema(name: str) -> None:
    """A type checker refuses a word that the API would refuse."""
    hints = get_type_hints(INPUTS[name])
    for written, schema in SCHEMAS[name]["properties"].items():
        parts = [schema, *schema.get("anyOf", [])]
        [*words] = [part["enum"] for part in parts if "enum" in part] or [None]
        if words[0] is not None and INPUTS[name] is not subscriptions.EventFilter:
            field = fields_of(INPUTS[name])[written].name
            literal = [part for part in (hints[field], *get_args(hints[field])) if get_origin(part) is Literal]
            assert [list(get_args(part)) for part in literal] == words, written
