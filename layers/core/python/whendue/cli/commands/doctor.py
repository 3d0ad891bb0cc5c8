"""`whendue doctor`: names what is wrong with a deployment as this machine sees it."""

import os
from collections.abc import Iterator

import typer

from whendue.cli.connection import JsonOption, ProfileOption, client_of, deployment_of
from whendue.cli.doctor.findings import Finding, fault, ok, run
from whendue.cli.failures import ExitCode, UsageProblemError
from whendue.cli.output import Column, write_list
from whendue.client import RetryPolicy
from whendue.support.clock import system_clock

COLUMNS: tuple[Column[Finding], ...] = (
    ("status", lambda finding: finding.status),
    ("check", lambda finding: finding.check),
    ("code", lambda finding: finding.code),
    ("text", lambda finding: finding.text),
)
# A person waits; what does not answer twice is found.
RETRY = RetryPolicy(attempts=2, total_s=15)
TIMEOUT_S = 10.0


def doctor(*, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Check configuration, API, clock, version, token and queues; exit code 1 if there is a fault.

    In the environment of a worker it checks settings, credentials, table, indexes, queues and bucket, too.
    """
    findings: list[Finding] = []
    write_list(_noted(profile, findings), COLUMNS, as_json=as_json)
    if any(finding.status == "fault" for finding in findings):
        raise typer.Exit(ExitCode.NEGATIVE)


def _noted(profile: str | None, findings: list[Finding]) -> Iterator[Finding]:
    for finding in _findings(profile):
        findings.append(finding)
        yield finding


def _findings(profile: str | None) -> Iterator[Finding]:
    # Their imports are those of a worker, and no other command pays for them.
    from whendue.cli.doctor import aws_checks

    is_worker = aws_checks.is_meant(os.environ)
    # A worker needs no API: only one that somebody has named is missed there.
    if not is_worker or profile or os.environ.get("WHENDUE_URL"):
        yield from _of_api(profile)
    if is_worker:
        yield from run(aws_checks.CHECKS, aws_checks.Environment(os.environ))


def _of_api(profile: str | None) -> Iterator[Finding]:
    from whendue.cli.doctor import api_checks

    clock = system_clock()
    try:
        deployment = deployment_of(profile, os.environ)
        client = client_of(deployment, clock=clock, retry=RETRY, timeout_s=TIMEOUT_S)
    except UsageProblemError as error:
        yield fault("configuration", "configuration_invalid", str(error))
        return
    yield ok("configuration", f"the deployment is {deployment.url}")
    with client:
        api = api_checks.Api(deployment, client, clock)
        first = list(run(api_checks.FIRST, api))
        yield from first
        if all(finding.status != "fault" for finding in first):
            yield from run(api_checks.OTHERS, api)
