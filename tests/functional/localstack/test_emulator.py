"""The embedded emulator starts, takes a stack, takes it again, and leaves nothing behind."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.client import BaseClient

from localstack import build as builder
from localstack import emulator, token
from localstack.build import Built
from localstack.deploy import deploy
from localstack.deploy.clients import Clients
from localstack.emulator import Emulator
from localstack.lifecycle import answers, warm
from localstack.stack import Stack
from localstack.topology import topology
from tests.builders.waiting import eventually
from tests.load.meter import PAGE, Meter

# What a service's operations that change nothing begin with.
READS = ("Describe", "Get", "Head", "List")
ENVIRONMENT = token.environment("s" * 40)


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run an emulator."""
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(emulated: Emulator) -> Stack:
    """Deploy a stack."""
    return deploy(emulated.endpoint_url, "once", environment=ENVIRONMENT, schedule_timer=False)


def _inventory(clients: Clients) -> dict[str, int]:
    """Count what is there."""
    lambdas = clients.functions
    return {
        "tables": len(clients.dynamodb.list_tables()["TableNames"]),
        "buckets": len(clients.s3.list_buckets()["Buckets"]),
        "queues": len(clients.sqs.list_queues()["QueueUrls"]),
        "functions": len(lambdas.list_functions()["Functions"]),
        "mappings": len(lambdas.list_event_source_mappings()["EventSourceMappings"]),
        "layer versions": sum(
            len(lambdas.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"])
            for layer in lambdas.list_layers()["Layers"]
        ),
        "rules": len(clients.events.list_rules()["Rules"]),
        "apis": len(clients.http_apis.get_apis()["Items"]),
    }


def _group_is_empty(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.thorough
def test_every_function_of_a_deployed_stack_answers(emulated: Emulator, stack: Stack) -> None:
    """A function that fails at start would be noticed only when its first message or tick is lost."""
    warm(stack)
    assert answers(f"{stack.api_url}/health/ready")


def test_a_second_deploy_changes_nothing(emulated: Emulator, stack: Stack) -> None:
    """`make up` on a running stack brings it up to date; it must not double a trigger, or jobs would run twice."""
    clients = Clients(emulated.endpoint_url)
    before = _inventory(clients)
    again = deploy(emulated.endpoint_url, "once", environment=ENVIRONMENT, schedule_timer=False)
    assert again == stack
    assert _inventory(clients) == before
    assert before["mappings"] == len(topology().queues.priorities) + 3


@pytest.mark.parametrize("flavor", ["http", "rest"])
def test_a_second_deploy_makes_no_call_that_writes(
    emulated: Emulator, stack: Stack, flavor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update with the same zip takes the emulator up to a minute, and lets a function's processes go."""
    calls: list[str] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation: str, arguments: Any) -> Any:
        calls.append(operation)
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)

    def again() -> list[str]:
        calls.clear()
        deploy(emulated.endpoint_url, "once", environment=ENVIRONMENT, api_flavor=flavor, schedule_timer=False)
        assert "GetFunction" in calls
        return [operation for operation in calls if not operation.startswith(READS)]

    # A front of the other flavour is made beside the first.
    made = again()
    assert made == [] if flavor == "http" else set(made) >= {"CreateRestApi", "CreateDeployment"}
    assert "UpdateFunctionCode" not in made
    assert again() == []


@pytest.mark.thorough
def test_what_has_changed_is_brought_up_to_date(emulated: Emulator, stack: Stack, tmp_path: Path) -> None:
    """Code, and variables: one that is no longer wanted goes."""
    functions = Clients(emulated.endpoint_url).functions

    def deployed() -> tuple[str, dict[str, str]]:
        found = functions.get_function_configuration(FunctionName=stack.functions["worker"])
        return found["CodeSha256"], found["Environment"]["Variables"]

    before = deployed()
    (tmp_path / "more.py").write_text("")
    more = ENVIRONMENT | {"WHENDUE_LEASE_S": "77"}
    deploy(emulated.endpoint_url, "once", environment=more, schedule_timer=False, extra_tasks=tmp_path)
    code, variables = deployed()
    assert code != before[0]
    assert variables == before[1] | {"WHENDUE_LEASE_S": "77"}
    deploy(emulated.endpoint_url, "once", environment=ENVIRONMENT, schedule_timer=False)
    assert deployed() == before


@pytest.mark.thorough
def test_functions_that_cannot_start_are_reported_with_their_reason(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deploy that went well says nothing about the code: without its layers no function can be imported."""

    def without_layers(*about: Any) -> Built:
        return replace(builder.build(*about), layers={})

    monkeypatch.setattr("localstack.deploy.build", without_layers)
    broken = deploy(emulated.endpoint_url, "broken", environment=ENVIRONMENT, schedule_timer=False)
    with pytest.raises(RuntimeError, match="functions cannot start") as caught:
        warm(broken)
    for name in topology().functions:
        assert re.search(rf"  broken-{name}: .*No module named '", str(caught.value)), str(caught.value)


def test_a_deploy_brings_the_queues_of_the_topology(emulated: Emulator, stack: Stack) -> None:
    """Visibility and redrive are what healing and the net under it stand on."""
    sqs, plan = Clients(emulated.endpoint_url).sqs, topology().queues
    for url in stack.queues.values():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert int(attributes["VisibilityTimeout"]) == plan.visibility_s
        assert f'"maxReceiveCount": {plan.max_receive_count}' in attributes["RedrivePolicy"]
        own = url == stack.queues[plan.notifications.queue]
        under = plan.notifications.dead_letter if own else "dead_letter"
        assert f':once-{under}"' in attributes["RedrivePolicy"]


def test_it_is_reachable_from_this_machine_alone(emulated: Emulator) -> None:
    """It takes any credentials: on other addresses, anyone nearby could use it."""
    port = urlsplit(emulated.endpoint_url).port
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=60):
        pass


@pytest.mark.thorough
def test_stopping_ends_its_functions_and_removes_its_files(tmp_path: Path) -> None:
    """Left-over processes and folders would pile up with every run."""
    with emulator.running(tmp_path) as running:
        clients = Clients(running.endpoint_url)
        made = deploy(running.endpoint_url, "short", environment=ENVIRONMENT, schedule_timer=False)
        clients.functions.invoke(FunctionName=made.functions["dead_letter"], Payload=b'{"Records": []}')
        assert list((tmp_path / "tmp").glob("ministack-lambda-*"))
    assert not running.alive()
    eventually(lambda: _group_is_empty(running.pid))
    assert not (tmp_path / "tmp").exists()
    emulator.stop(running)


def test_a_taken_port_is_an_error_and_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers on a taken port is somebody else's: nothing must be deployed to it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(emulator, "free_port", lambda: taken.getsockname()[1])
        with pytest.raises(RuntimeError, match="did not start"):
            emulator.start(tmp_path)


def test_a_process_that_is_not_the_emulator_is_left_alone(tmp_path: Path) -> None:
    """A stack file can outlive its emulator, and its process number be given to another program."""
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        known = Emulator("http://127.0.0.1:1", stranger.pid, tmp_path)
        assert not known.alive()
        emulator.stop(known)
        assert stranger.poll() is None
        emulator.stop(replace(known, pid=2**22 - 1))
    finally:
        stranger.kill()
        stranger.communicate()


def test_the_load_scripts_count_every_call_between_start_and_stop_and_none_else(emulated: Emulator) -> None:
    """More than one page of them; a call of another service is none of a job's."""
    clients, meter = Clients(emulated.endpoint_url), Meter(emulated.endpoint_url)
    clients.dynamodb.list_tables()
    meter.start(time.time())
    for _ in range(2 * PAGE + 1):
        clients.dynamodb.list_tables()
    clients.sqs.list_queues()
    clients.functions.list_functions()
    assert meter.stop() == {"ListTables": 2 * PAGE + 1, "ListQueues": 1}
    clients.dynamodb.list_tables()
    meter.start(time.time())
    assert meter.stop() is None, "nothing counted is nothing known"
    assert Meter(None).stop() is None
