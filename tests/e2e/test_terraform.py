"""The boto3 deploy and the Terraform deploy make the same resources, compared field by field as AWS describes them."""

import json
import re

import pytest

from localstack import token
from localstack.deploy import deploy
from localstack.deploy.clients import Clients
from localstack.emulator import Emulator
from localstack.topology import topology
from tests.e2e import terraform
from tests.e2e.described import described
from tests.e2e.homes import Home
from tests.e2e.stage import new_secret

# Paths that may differ, and why. One that does not differ any more fails the test, too.
DIFFERENT = {
    r"function\.\S+\.described\.Role": "each function has a role of its own on AWS; emulators check none",
    r"function\.\S+\.described\.Environment\.Variables\.WHENDUE_SECRET(_PARAMETER)?": "on AWS it is a parameter's name",
    r"function\.\S+\.described\.Environment\.Variables\.WHENDUE_JWT_\w+": "on AWS only the API has them, and no secret",
    r"table\.recovery": "point-in-time recovery is for tables that somebody would miss",
    r"bucket\.(encryption|ownership_controls|public_access|policy).*": "an emulator's bucket is nobody else's",
    r"bucket\.lifecycle_configuration.*": "the stand-in for Terraform's provider knows no lifecycles",
    r"queue\.\S+\.MessageRetention\w+": "the stand-in for Terraform's provider gives it a name that SQS does not know",
    r"queue\.\S+\.RedriveAllowPolicy.*": "an account may have other queues",
    r"queue\.\S+\.SqsManagedSseEnabled": "encryption at rest",
    r"api\.stages\[0\]\.DefaultRouteSettings.*": "the API's throttle protects a bill",
}


@pytest.mark.skipif(terraform.PROGRAM is None, reason="WHENDUE_E2E_TERRAFORM names no program that applies Terraform")
def test_both_deploys_make_the_same_resources(emulated: Emulator, home: Home) -> None:
    """What the tests run on must be what is deployed to AWS."""
    if not home.functions:
        pytest.skip("it is the same in each home, and tested with functions")
    clients, secret = Clients(emulated.endpoint_url), new_secret()
    own = {"WHENDUE_OWN_QUEUES": json.dumps({"my-reports": {"timeout_s": 600, "memory_mb": 2048, "batch_size": 1}})}
    by_boto3 = deploy(
        emulated.endpoint_url, "by-boto3", environment=token.environment(secret) | own, schedule_timer=False
    )
    by_terraform = terraform.deploy(
        emulated.endpoint_url,
        "by-terraform",
        emulated.directory,
        secret=secret,
        environment=own,
        schedule_timer=False,
        observability=True,
    )
    left, right = described(clients, by_boto3, "by-boto3"), described(clients, by_terraform, "by-terraform")
    differing = {path for path in left.keys() | right.keys() if left.get(path) != right.get(path)}
    unnamed = {path for path in differing if not any(re.fullmatch(pattern, path) for pattern in DIFFERENT)}
    assert not unnamed, "\n".join(f"{path}: {left.get(path)!r}, {right.get(path)!r}" for path in sorted(unnamed))
    stale = {pattern for pattern in DIFFERENT if not any(re.fullmatch(pattern, path) for path in differing)}
    assert not stale
    assert len(left) > 200, "and there is something to compare"
    alarms = clients.client("cloudwatch").describe_alarms(AlarmNamePrefix="by-terraform-")["MetricAlarms"]
    of_queue = {f"{kind}-my-reports" for kind in ("queue-late", "functions-failing", "throttled")}
    assert {alarm["AlarmName"].removeprefix("by-terraform-") for alarm in alarms} == topology().alarms.keys() | of_queue
    assert left["function.worker-my-reports.described.Timeout"] == 600
