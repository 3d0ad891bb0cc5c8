"""Checks of what a worker or an API on this machine would use: settings, credentials, table, queues and bucket."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from whendue.adapters.aws import client, parameter
from whendue.adapters.dynamodb.indexes import INDEXES
from whendue.cli.doctor.findings import Check, Finding, fault, ok
from whendue.errors import ConfigurationError
from whendue.settings import Settings
from whendue.table.keys import MIGRATION_KEY

_REFUSED: Final = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
    }
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "403"})
_MISSING: Final = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket", "404"}
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of a worker.

    Args:
        variables: the environment.
        make: makes a client of a service; `whendue.adapters.aws.client`.
    """

    variables: Mapping[str, str]
    make: Callable[[str], Any] = client


def is_meant(variables: Mapping[str, str]) -> bool:
    """Return whether the environment is that of a worker or an API."""
    return any(variables.get(name) for name in ("WHENDUE_TABLE", "WHENDUE_QUEUES", "WHENDUE_BUCKET"))


def settings(environment: Environment) -> Iterator[Finding]:
    """Check the settings."""
    try:
        _settings(environment)
    except ConfigurationError as error:
        yield fault("settings", "setting_invalid", f"{error}; see docs/reference/configuration.md")
    else:
        yield ok("settings", "the settings are complete")


def table(environment: Environment) -> Iterator[Finding]:
    """Check the table, its indexes, its TTL, and that it needs no upgrade."""
    name = environment.variables.get("WHENDUE_TABLE")
    if not name:
        return
    dynamodb = yield from _answer("table", "DynamoDB", lambda: environment.make("dynamodb"))
    if dynamodb is None:
        return
    described = yield from _answer("table", f"the table {name}", lambda: dynamodb.describe_table(TableName=name))
    if described is None:
        return
    yield ok("table", f"the table {name} is there")
    yield from _indexes(name, described["Table"])
    ttl = yield from _answer("table", "its TTL", lambda: dynamodb.describe_time_to_live(TableName=name))
    if ttl and ttl["TimeToLiveDescription"]["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        yield fault("table", "ttl_off", f"the table {name} has no TTL on expires_at: finished jobs stay forever")
    yield from _migration(dynamodb, name)


def queues(environment: Environment) -> Iterator[Finding]:
    """Check each queue: is it there, does its visibility timeout fit, does it have a dead-letter queue?"""
    try:
        known = _settings(environment)
    except ConfigurationError:
        # The check of the settings says so.
        return
    sqs = yield from _answer("queue", "SQS", lambda: environment.make("sqs"))
    if sqs is None:
        return
    for name, url in {**known.queues, **known.dead_letter_queues}.items():
        asked = _attributes(sqs, url)
        answer = yield from _answer("queue", f"the queue {name}", asked)
        if answer is not None:
            is_source = name in known.queues
            yield from _queue(name, answer.get("Attributes", {}), known.visibility_s, is_source=is_source)


def bucket(environment: Environment) -> Iterator[Finding]:
    """Check the bucket of large payloads."""
    name = environment.variables.get("WHENDUE_BUCKET")
    if not name:
        return
    answer = yield from _answer("bucket", f"the bucket {name}", lambda: environment.make("s3").head_bucket(Bucket=name))
    if answer is not None:
        yield ok("bucket", f"the bucket {name} is there")


CHECKS: Final[tuple[tuple[str, Check[Environment]], ...]] = (
    ("settings", settings),
    ("table", table),
    ("queue", queues),
    ("bucket", bucket),
)


def _settings(environment: Environment) -> Settings:
    return Settings.from_env(environment.variables, parameter)


def _attributes(sqs: Any, url: str) -> Callable[[], Any]:
    wanted = ["VisibilityTimeout", "RedrivePolicy"]
    return lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)


def _queue(name: str, attributes: Mapping[str, str], visibility_s: int, *, is_source: bool) -> Iterator[Finding]:
    found: list[Finding] = []
    visible_s = attributes.get("VisibilityTimeout")
    if is_source and visible_s != str(visibility_s):
        text = f"the queue {name} hides messages for {visible_s} s; WHENDUE_VISIBILITY_S is {visibility_s}"
        found.append(fault("queue", "visibility_differs", text))
    if is_source and not json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn"):
        text = f"the queue {name} has no dead-letter queue: a message that kills workers comes again forever"
        found.append(fault("queue", "no_redrive", text))
    yield from found or [ok("queue", f"the queue {name} is there")]


def _indexes(name: str, described: Mapping[str, Any]) -> Iterator[Finding]:
    states = {index["IndexName"]: index.get("IndexStatus") for index in described.get("GlobalSecondaryIndexes", ())}
    for index in INDEXES.values():
        if index.name not in states:
            yield fault("index", "index_missing", f"the table {name} has no index {index.name}; deploy again")
        elif states[index.name] != "ACTIVE":
            text = f"the index {index.name} is {states[index.name]}: lists and the timer wait for it"
            yield fault("index", "index_not_ready", text)
        else:
            yield ok("index", f"the index {index.name} is there")


def _migration(dynamodb: Any, name: str) -> Iterator[Finding]:
    key = {part: {"S": value} for part, value in MIGRATION_KEY._asdict().items()}
    answer = yield from _answer("table", "its upgrade", lambda: dynamodb.get_item(TableName=name, Key=key))
    if answer is not None and not answer.get("Item", {}).get("finished", {}).get("BOOL"):
        yield fault("table", "not_migrated", f"the table {name} is of an earlier version; run whendue migrate")


def _answer(check: str, what: str, ask: Callable[[], Any]) -> Generator[Finding, None, Any]:
    """Ask AWS; yield what is wrong if it does not answer, and return the answer or None."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except ClientError as error:
        yield _refusal(check, what, str(error.response.get("Error", {}).get("Code", "unknown")))
    except BotoCoreError as error:
        yield _no_answer(check, what, type(error).__name__)
    return None


def _refusal(check: str, what: str, code: str) -> Finding:
    if code in _MISSING:
        return fault(
            check, f"{check}_missing", f"{what} does not exist in this account and region; deploy, or correct it"
        )
    if code in _REFUSED:
        return fault("credentials", "credentials_refused", f"AWS refuses the credentials: {code}")
    if code in _DENIED:
        return fault("credentials", "permission_missing", f"the credentials may not look at {what}: {code}")
    return fault(check, "aws_error", f"AWS answers with {code} for {what}")


def _no_answer(check: str, what: str, name: str) -> Finding:
    if name in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError"):
        return fault("credentials", "no_credentials", "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID")
    if name == "NoRegionError":
        return fault("credentials", "no_region", "no AWS region: set AWS_DEFAULT_REGION")
    return fault(check, "aws_unreachable", f"no answer about {what}: {name}; check AWS_ENDPOINT_URL and the network")
