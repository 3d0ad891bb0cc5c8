"""whendue.direct.client: clients of the settings in the environment, and what they may call."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from localstack.deploy.clients import Clients
from localstack.paths import ROOT
from tests.builders.account import deployed
from tests.builders.world import TENANT, World
from tests.functional.direct.deployed import in_memory
from whendue.adapters import aws
from whendue.bootstrap import process
from whendue.client import Client, ForbiddenError, InvalidRequestError, NewJob, NotFoundError, Unique
from whendue.declarations.registry import TASKS
from whendue.direct import AsyncDirectClient, DirectClient, environment_app
from whendue.errors import ConfigurationError
from whendue.testing import WhendueApp

PAGE = (ROOT / "docs/guide/direct.md").read_text()
PERMISSIONS = yaml.safe_load((ROOT / "infra/permissions.yaml").read_text())["api"]
# Calls whose IAM actions have other names.
ACTIONS = {
    "dynamodb:BatchExecuteStatement": {"dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"},
    "sqs:SendMessageBatch": {"sqs:SendMessage"},
    # Of a unique key: put or updated, beside the job, and the job that is replaced.
    "dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
}
NAMED_ONLY = """
from pydantic import BaseModel
from whendue import task


class Nothing(BaseModel):
    pass


@task("named.only")
def run(payload: Nothing) -> None: ...
"""
HTTP_JOB = NewJob("http", {"url": "https://example.com"})


class Account:
    """A deployment on moto, and the calls of a program in its account."""

    def __init__(self, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clients = clients
        self.called: set[str] = set()
        real = aws.client

        def client(service: str, **options: Any) -> Any:
            made = real(service, **options)
            made.meta.events.register(
                "before-call.*.*", lambda model, **_: self.called.add(f"{service}:{model.name}"), unique_id="calls"
            )
            return made

        monkeypatch.setattr(aws, "client", client)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with deployed(monkeypatch) as clients:
        yield Account(clients, monkeypatch)


def statements(heading: str) -> dict[str, list[str]]:
    """Return the actions of a policy on the page, by what it says of their resource (`Sid`)."""
    [policy] = re.findall(rf"^## {heading}$.*?```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    return {statement["Sid"].lower(): statement["Action"] for statement in json.loads(policy)["Statement"]}


def actions(calls: set[str]) -> set[str]:
    """Return the IAM actions that calls need."""
    return {action for call in calls for action in ACTIONS.get(call, {call})}


def test_a_client_of_the_environment_submits_what_workers_receive(account: Account) -> None:
    """With the settings of a function, and the secret from its parameter."""
    with DirectClient.from_env(TENANT) as client:
        job = client.submit_job(HTTP_JOB, idempotency_key="k")
        assert client.get_job(job.id).state == "queued"
        assert client.submit_job(HTTP_JOB, idempotency_key="k").replayed
    queue = json.loads(os.environ["WHENDUE_QUEUES"])["normal"]
    [message] = account.clients.sqs.receive_message(QueueUrl=queue)["Messages"]
    assert job.id in message["Body"]


@pytest.mark.usefixtures("account")
def test_clients_of_several_tenants_share_an_application() -> None:
    """As the page shows; each sees the jobs of its own."""
    app = environment_app()
    ours, theirs = (DirectClient(app, tenant) for tenant in (TENANT, "globex"))
    job = ours.submit_job(HTTP_JOB)
    assert ours.get_job(job.id).id == job.id
    with pytest.raises(NotFoundError):
        theirs.get_job(job.id)


def test_a_test_has_its_application_in_memory() -> None:
    """As the page shows."""
    whendue_app = WhendueApp()
    client = DirectClient(whendue_app.services, whendue_app.tenant)
    assert client.submit_job(HTTP_JOB).state == "queued"
    assert "DirectClient(whendue_app.services, whendue_app.tenant)" in PAGE


def test_no_tasks_are_imported_unless_they_are_named(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that submits does not run them."""
    # Other tests of this process may have imported them, or declared tasks of their own.
    monkeypatch.setattr(TASKS, "_tasks", {name: known for name, known in TASKS._tasks.items() if known.is_shipped})
    monkeypatch.delitem(sys.modules, "functions.worker.tasks.demo", raising=False)
    with pytest.raises(InvalidRequestError) as failed:
        DirectClient.from_env(TENANT).submit_job(NewJob("named.only", {}))
    assert failed.value.code == "unknown_task"
    assert "neither WHENDUE_TASK_MANIFEST nor WHENDUE_TASKS is set" in str(failed.value)
    assert "functions.worker.tasks.demo" not in sys.modules
    (tmp_path / "named_only.py").write_text(NAMED_ONLY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WHENDUE_TASKS", "named_only")
    process.app.cache_clear()
    client = DirectClient.from_env(TENANT)
    assert client.submit_job(NewJob("named.only", {})).state == "queued"
    with pytest.raises(InvalidRequestError) as failed:
        client.submit_job(NewJob("nowhere.at.all", {}))
    assert "WHENDUE_TASKS" not in str(failed.value)


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is called."""
    process.app.cache_clear()
    monkeypatch.delenv("WHENDUE_TABLE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for kind in (DirectClient, AsyncDirectClient):
        with pytest.raises(ConfigurationError, match="WHENDUE_TABLE is not set"):
            kind.from_env(TENANT)


def test_a_submitter_needs_no_more_than_the_page_says(account: Account) -> None:
    """Alone, in a batch, with a large payload, again under the same key, and with a unique key."""
    with DirectClient.from_env(TENANT, scopes=["jobs:write"]) as client:
        client.submit_job(HTTP_JOB, idempotency_key="k")
        client.submit_job(HTTP_JOB, idempotency_key="k")
        client.submit_job(NewJob("http", {"url": "https://example.com", "body": "x" * 300_000}))
        for _ in range(2):
            client.submit_job(replace(HTTP_JOB, delay_seconds=60, unique=Unique(key="k", on_conflict="replace")))
    assert "dynamodb:TransactWriteItems" in account.called
    allowed = {action for each in statements("Permissions").values() for action in each}
    assert actions(account.called) <= allowed
    assert {"dynamodb:PutItem", "sqs:SendMessage", "ssm:GetParameter", "s3:PutObject"} <= actions(account.called)


def test_the_page_grants_no_more_than_the_api_has() -> None:
    """A submitter is a part of it."""
    granted = statements("Permissions")
    assert set(granted) == {"table", "jobs", "payloads", "secret"}
    assert all(set(each) <= set(PERMISSIONS[resource]) for resource, each in granted.items())


def test_a_transaction_needs_no_more_than_the_page_says(account: Account) -> None:
    """It reads profiles, and the user's own call writes."""
    client = DirectClient.from_env(TENANT)
    planned = client.transaction_items(HTTP_JOB)
    account.clients.dynamodb.transact_write_items(TransactItems=planned.items)
    assert client.get_job(planned.job.id).state == "queued"
    planning = {"dynamodb:BatchGetItem", "ssm:GetParameter"}
    assert account.called - {"dynamodb:Query"} <= planning | {"dynamodb:UpdateItem", "dynamodb:PutItem"}


def test_a_client_has_the_scopes_of_its_own_tenant_by_default() -> None:
    """What all tenants share has to be asked for."""
    world = World()
    with pytest.raises(ForbiddenError):
        DirectClient(world.app, TENANT).pause_queue("low", "x")
    assert DirectClient(world.app, TENANT, scopes=["operator"]).pause_queue("low", "x").reason


def test_a_client_is_one_of_the_api() -> None:
    """Code that takes a client takes either."""
    client = DirectClient(World().app, TENANT)
    assert isinstance(client, Client)
    assert "4111" not in repr(client)


@pytest.mark.parametrize("wrong", [{"tenant": "a b"}, {"tenant": TENANT, "scopes": ["jobs:raed"]}])
def test_what_no_token_could_say_is_refused(wrong: dict[str, Any]) -> None:
    """When the client is made."""
    with pytest.raises(ValueError, match="must be"):
        DirectClient(World().app, **wrong)


def test_a_closed_client_answers_no_more() -> None:
    """As the one over HTTP."""
    client = DirectClient(World().app, TENANT)
    assert client.get_health().status == "UP"
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get_health()


def test_the_asynchronous_client_does_the_same() -> None:
    """Requests, transactions and messages."""
    with in_memory(None) as deployed:
        world = deployed.world

        async def use() -> str:
            async with AsyncDirectClient(world.app, TENANT, subject="nightly") as client:
                planned = await client.transaction_items(NewJob("ok", {"n": 1}), idempotency_key="k")
                deployed.transact(planned.items)
                await client.send(planned)
                world.work()
                assert (await client.pause_tenant("x")).by == "nightly"
                return (await client.get_job(planned.job.id)).state

        assert asyncio.run(use()) == "succeeded"


def test_the_asynchronous_client_is_made_of_the_environment(account: Account) -> None:
    """As the other one."""

    async def use() -> str:
        async with AsyncDirectClient.from_env(TENANT) as client:
            return (await client.submit_job(HTTP_JOB)).state

    assert asyncio.run(use()) == "queued"
