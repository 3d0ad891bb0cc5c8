"""A deployed stack as AWS describes it, without what differs from one deploy to the next: ids, times, prefixes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from localstack.deploy.clients import Clients
from localstack.stack import Stack

# Ids, times, sizes of what is in them, and what repeats a name.
PASSING = {
    "ApiEndpoint",
    "ApiId",
    "CreationDateTime",
    "CreatedDate",
    "CreatedTimestamp",
    "DeploymentId",
    "EventSourceMappingArn",
    "IndexArn",
    "IntegrationId",
    "ItemCount",
    "LastDeploymentStatusMessage",
    "LastModified",
    "LastModifiedTimestamp",
    "LastUpdatedDate",
    "LastUpdateToPayPerRequestDateTime",
    "ResponseMetadata",
    "RevisionId",
    "RouteId",
    "StateTransitionReason",
    "Tags",
    "TableId",
    "TableSizeBytes",
    "UUID",
}


def described(clients: Clients, stack: Stack, prefix: str) -> dict[str, Any]:
    """Describe a stack as path -> value, its prefix written as NAME."""
    parts = {
        "table": _table(clients, stack),
        "bucket": _bucket(clients, stack),
        "queue": _queues(clients, stack),
        "function": {name: _function(clients, deployed) for name, deployed in stack.functions.items()},
        "api": _api(clients, prefix),
        "rule": _rule(clients, prefix),
    }
    return {path: _named(value, stack, prefix) for path, value in _flat(parts)}


def _table(clients: Clients, stack: Stack) -> dict[str, Any]:
    dynamodb, name = clients.dynamodb, stack.table
    table = dynamodb.describe_table(TableName=name)["Table"]
    table["AttributeDefinitions"] = {
        definition["AttributeName"]: definition["AttributeType"] for definition in table["AttributeDefinitions"]
    }
    # An index carries a set.
    for index in table["GlobalSecondaryIndexes"]:
        index["Projection"]["NonKeyAttributes"].sort()
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return {
        "described": table,
        "ttl": dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
        "recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
    }


def _bucket(clients: Clients, stack: Stack) -> dict[str, Any]:
    questions = ("lifecycle_configuration", "encryption", "ownership_controls", "policy")
    answers = {name: _or_none(getattr(clients.s3, f"get_bucket_{name}"), stack.bucket) for name in questions}
    return answers | {"public_access": _or_none(clients.s3.get_public_access_block, stack.bucket)}


def _or_none(ask: Any, bucket: str) -> Any:
    try:
        return ask(Bucket=bucket)
    except ClientError:
        return None


def _queues(clients: Clients, stack: Stack) -> dict[str, Any]:
    sqs, urls = clients.sqs, dict(stack.queues)
    urls["dead_letter"] = stack.dead_letter_queue
    urls["notifications_dead_letter"] = f"{urls['notifications']}_dead_letter"
    described_ = {}
    for name, url in urls.items():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        described_[name] = {key: value for key, value in attributes.items() if not key.startswith("Approximate")}
        for key in {"RedrivePolicy", "RedriveAllowPolicy"} & set(attributes):
            described_[name][key] = json.loads(attributes[key])
    return described_


def _function(clients: Clients, name: str) -> dict[str, Any]:
    functions = clients.functions
    described_ = functions.get_function_configuration(FunctionName=name)
    described_["Layers"] = [layer["Arn"].split(":")[6] for layer in described_["Layers"]]
    fed = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    try:
        policy = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    except ClientError:
        policy = []
    asynchronous = functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    return {
        "described": described_,
        "mapping": {item["EventSourceArn"].rpartition("-")[2]: item for item in fed},
        "concurrency": functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions"),
        "policy": [{key: json.dumps(item[key]) for key in ("Sid", "Action", "Principal")} for item in policy],
        "asynchronous": asynchronous,
    }


def _api(clients: Clients, prefix: str) -> dict[str, Any]:
    apis = clients.http_apis
    [api] = [found for found in apis.get_apis()["Items"] if found["Name"] == prefix]
    known = {"ApiId": api["ApiId"]}
    routes = apis.get_routes(**known)["Items"]
    for route in routes:
        route["Target"] = route["Target"].partition("/")[0]
    return {
        "described": api,
        "routes": routes,
        "integrations": apis.get_integrations(**known)["Items"],
        "stages": apis.get_stages(**known)["Items"],
    }


def _rule(clients: Clients, prefix: str) -> dict[str, Any]:
    name = f"{prefix}-tick"
    return {
        "described": clients.events.describe_rule(Name=name),
        "targets": clients.events.list_targets_by_rule(Rule=name)["Targets"],
    }


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in PASSING:
                yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    elif value is not None:
        yield path, value


def _named(value: Any, stack: Stack, prefix: str) -> Any:
    if not isinstance(value, str):
        return value
    value = value.replace(stack.bucket, "BUCKET").replace(prefix, "NAME")
    # Texts of JSON say the same in any order.
    return json.dumps(json.loads(value), sort_keys=True) if value.startswith("{") else value
