"""What starts functions: queues and the clock."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from localstack.deploy.clients import Clients, code_of
from localstack.deploy.same import covers

# A mapping's states in which it feeds its function, or is about to.
WORKING = ("Enabled", "Enabling", "Creating", "Updating")


def connect_queue(clients: Clients, function: str, queue_arn: str, batch_size: int, concurrency: int) -> None:
    """Feed a function from a queue, with partial batch responses."""
    settings = {
        "BatchSize": batch_size,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": max(2, concurrency)},
    }
    known = clients.functions.list_event_source_mappings(FunctionName=function, EventSourceArn=queue_arn)
    if not (mappings := known["EventSourceMappings"]):
        make = clients.functions.create_event_source_mapping
        make(FunctionName=function, EventSourceArn=queue_arn, Enabled=True, **settings)
    elif mappings[0]["State"] not in WORKING or not covers(mappings[0], settings):
        change = clients.functions.update_event_source_mapping
        change(UUID=mappings[0]["UUID"], FunctionName=function, Enabled=True, **settings)


def connect_schedule(clients: Clients, rule: str, function: str, every: str, *, enabled: bool) -> None:
    """Start a function at a rate."""
    arn = clients.functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    state = "ENABLED" if enabled else "DISABLED"
    wanted = {"ScheduleExpression": every, "State": state}
    current = _asked(clients.events.describe_rule, Name=rule)
    if not covers(current, wanted):
        current = {"Arn": clients.events.put_rule(Name=rule, **wanted)["RuleArn"]}
    targets = [{"Id": "timer", "Arn": arn}]
    if not covers(clients.events.list_targets_by_rule(Rule=rule)["Targets"], targets):
        clients.events.put_targets(Rule=rule, Targets=targets)
    allow(clients, function, "events.amazonaws.com", current["Arn"])
    # A tick that could not be started is not made up for: the next one does its work.
    once = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    if not covers(_asked(clients.functions.get_function_event_invoke_config, FunctionName=function), once):
        clients.functions.put_function_event_invoke_config(FunctionName=function, **once)


def allow(clients: Clients, function: str, principal: str, source_arn: str) -> None:
    """Let a service invoke a function."""
    statement = principal.partition(".")[0]
    policy = _asked(clients.functions.get_policy, FunctionName=function).get("Policy") or "{}"
    if any(allowed.get("Sid") == statement for allowed in json.loads(policy).get("Statement", ())):
        return
    try:
        clients.functions.add_permission(
            FunctionName=function,
            StatementId=statement,
            Action="lambda:InvokeFunction",
            Principal=principal,
            SourceArn=source_arn,
        )
    except ClientError as error:
        if code_of(error) != "ResourceConflictException":
            raise


def _asked(ask: Callable[..., dict[str, Any]], **about: str) -> dict[str, Any]:
    """Ask for something; nothing if it does not exist."""
    try:
        return ask(**about)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return {}
