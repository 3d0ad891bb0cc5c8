"""What starts functions: queues and the clock."""

from botocore.exceptions import ClientError

from localstack.deploy.clients import Clients, code_of


def connect_queue(clients: Clients, function: str, queue_arn: str, batch_size: int, concurrency: int) -> None:
    """Feed a function from a queue, with partial batch responses."""
    settings = {
        "BatchSize": batch_size,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": max(2, concurrency)},
        "Enabled": True,
    }
    known = clients.functions.list_event_source_mappings(FunctionName=function, EventSourceArn=queue_arn)
    if mappings := known["EventSourceMappings"]:
        clients.functions.update_event_source_mapping(UUID=mappings[0]["UUID"], FunctionName=function, **settings)
    else:
        clients.functions.create_event_source_mapping(FunctionName=function, EventSourceArn=queue_arn, **settings)


def connect_schedule(clients: Clients, rule: str, function: str, every: str, *, enabled: bool) -> None:
    """Start a function at a rate."""
    arn = clients.functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    state = "ENABLED" if enabled else "DISABLED"
    rule_arn = clients.events.put_rule(Name=rule, ScheduleExpression=every, State=state)["RuleArn"]
    clients.events.put_targets(Rule=rule, Targets=[{"Id": "timer", "Arn": arn}])
    allow(clients, function, "events.amazonaws.com", rule_arn)
    # A tick that could not be started is not made up for: the next one does its work.
    clients.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumEventAgeInSeconds=60, MaximumRetryAttempts=0
    )


def allow(clients: Clients, function: str, principal: str, source_arn: str) -> None:
    """Let a service invoke a function."""
    try:
        clients.functions.add_permission(
            FunctionName=function,
            StatementId=principal.partition(".")[0],
            Action="lambda:InvokeFunction",
            Principal=principal,
            SourceArn=source_arn,
        )
    except ClientError as error:
        if code_of(error) != "ResourceConflictException":
            raise
