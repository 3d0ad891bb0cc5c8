"""A deployment in an account of moto, for programs that are configured by the environment."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto import mock_aws

from localstack.deploy.clients import Clients
from localstack.deploy.storage import deploy_bucket, deploy_queues, deploy_table
from localstack.topology import topology
from tests.builders.backends import CREDENTIALS, Aws
from tests.builders.notified import fresh_resources
from whendue.adapters import aws
from whendue.bootstrap import process

SECRET_PARAMETER = "/whendue/secret"


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Deploy, set the environment of a program in the account, and forget what the process has made before."""
    _forget()
    # What a process provides to its tasks is of this account, too, and nothing for the tests that come after.
    fresh_resources(monkeypatch)
    with mock_aws():
        clients, parts = Aws(CREDENTIALS).clients, topology()
        urls, dead, _ = deploy_queues(clients, "whendue", parts.queues)
        clients.client("ssm").put_parameter(Name=SECRET_PARAMETER, Value="s" * 40, Type="SecureString")
        environ = {
            **CREDENTIALS,
            "WHENDUE_TABLE": deploy_table(clients, "whendue", parts.table),
            "WHENDUE_BUCKET": deploy_bucket(clients, "whendue-bucket", parts.bucket),
            "WHENDUE_QUEUES": json.dumps(urls),
            "WHENDUE_DEAD_LETTER_QUEUE": dead["dead_letter"],
            "WHENDUE_SECRET_PARAMETER": SECRET_PARAMETER,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        for name in ("WHENDUE_SECRET", "WHENDUE_TASKS"):
            monkeypatch.delenv(name, raising=False)
        yield clients
    _forget()


def _forget() -> None:
    process.app.cache_clear()
    aws._session.cache_clear()
