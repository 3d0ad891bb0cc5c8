"""infra/permissions.yaml allows what the functions call, as the suite recorded it, and nothing more. Runs last."""

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from localstack.paths import ROOT
from tests.e2e.homes import Home

PERMISSIONS = yaml.safe_load((ROOT / "infra/permissions.yaml").read_text())
ALLOWED = {
    (function, resource, action)
    for function, resources in PERMISSIONS.items()
    for resource, actions in resources.items()
    for action in actions
}
FILES = {path.name for path in Path(__file__).parent.glob("test_*.py")}
# A change alone in its call, or beside others: how many come together differs from run to run.
PAIRS = {
    "dynamodb:PutItem": "dynamodb:PartiQLInsert",
    "dynamodb:UpdateItem": "dynamodb:PartiQLUpdate",
    "dynamodb:DeleteItem": "dynamodb:PartiQLDelete",
}
TWINS = PAIRS | {second: first for first, second in PAIRS.items()}
# What is needed, but does not happen in the suite on each run, and when it does.
UNSEEN = {
    **{(function, "secret", "ssm:GetParameter"): "the same" for function in PERMISSIONS},
    ("api", "jwt_secret", "ssm:GetParameter"): "stacks made by Terraform have their secrets in the parameter store",
    ("timer", "table", "dynamodb:DeleteItem"): "slots of a dead worker are freed; a deleted schedule is forgotten",
    ("timer", "table", "dynamodb:Query"): "rescue tells dependents; schedules that keep failing are looked at",
    ("timer", "jobs", "sqs:GetQueueAttributes"): "rescue waits for a backlog; the suite's rescues run elsewhere",
    ("timer", "notifications", "sqs:GetQueueAttributes"): "the same for deliveries",
    ("timer", "itself", "lambda:InvokeFunction"): "a tick finds more than it can do in two seconds",
    **{
        (function, folder, "s3:DeleteObject"): "a job with a text in the bucket is erased, or its retention is over"
        for function in ("api", "timer")
        for folder in ("payloads", "results")
    },
    ("worker", "payloads", "s3:PutObject"): "a workflow with a node of a large payload is parted",
    ("worker", "results", "s3:GetObject"): "a job refers to a large result",
    ("worker", "invoked", "lambda:InvokeFunction"): "the task `lambda`",
    ("worker", "task_parameters", "ssm:GetParameters"): "a project has secrets; the suite is none",
    ("worker", "task_secrets", "secretsmanager:GetSecretValue"): "the same",
    ("notifier", "topics", "sns:Publish"): "the channel `sns`",
    ("dead_letter", "table", "dynamodb:PutItem"): "somebody is told of the dead job",
    ("dead_letter", "notifications", "sqs:SendMessage"): "the same",
    ("dead_letter", "jobs", "sqs:SendMessage"): "a message that is not due yet; jobs that wait for the dead one",
}


@pytest.fixture(scope="module")
def called(calls: Path, home: Home) -> set[tuple[str, str, str]]:
    """Read what was recorded."""
    if not home.functions or not calls.exists():
        pytest.skip("no function has run: the stacks of this run have another home")
    return {(first, second, third) for first, second, third in map(str.split, calls.read_text().splitlines())}


def test_functions_call_nothing_that_they_may_not(called: set[tuple[str, str, str]]) -> None:
    """On AWS it would be refused; emulators let it pass."""
    assert not called - ALLOWED
    assert called


def test_functions_may_nothing_that_they_do_not_call(
    called: set[tuple[str, str, str]], request: pytest.FixtureRequest
) -> None:
    """What is allowed and not needed is what a stolen credential can do."""
    if missing := FILES - {first.path.name for first in request.session.items}:
        pytest.skip(f"only the whole suite calls everything; {len(missing)} files are not in this run")
    needed = called | UNSEEN.keys()
    needed |= {(function, resource, TWINS.get(action, action)) for function, resource, action in needed}
    unused = defaultdict(list)
    for function, resource, action in sorted(ALLOWED - needed):
        unused[function].append(f"{resource} {action}")
    assert not unused
    assert UNSEEN.keys() <= ALLOWED
