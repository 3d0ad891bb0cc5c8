"""examples/container_worker.py: with the options that it names, its job survives a deployment."""

import re
import shlex
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from localstack.paths import ROOT
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.waiting import eventually
from tests.builders.world import RealTime
from whendue.cli.processes import _parser
from whendue.containers.worker import GIVE_BACK_S, Options, Worker

PAGES = 20
INTERRUPTED_AT = 4


def options(**others: int) -> Options:
    """Read the worker's options from the example's own words."""
    [words] = re.findall(r"whendue\.cli (worker .*)", (ROOT / "examples/container_worker.py").read_text())
    given = _parser().parse_args(shlex.split(words))
    wanted = {"threads": given.threads, "wait_s": 1, "grace_s": given.grace} | others
    return Options(given.queues, **wanted)


def submit(client: Client) -> str:
    job = client.submit("example.import", payload={"pages": PAGES, "page_s": 0}, priority="low")
    return f"/jobs/{job['id']}"


@pytest.fixture
def client(real_time: RealTime) -> Client:
    return Client(api_of(real_time), a_token())


def state_of(client: Client, path: str) -> Callable[[], str]:
    return lambda: str(client.send("GET", path).json["state"])


def test_it_imports_every_page(client: Client, real_time: RealTime, start: Callable[..., Worker]) -> None:
    """From the queue that the command names."""
    start(real_time, options())
    path = submit(client)
    eventually(state_of(client, path), lambda state: state == "succeeded")
    assert client.send("GET", path).json["result"] == {"importedByThisAttempt": PAGES}


def test_another_worker_continues_what_a_deployment_has_interrupted(
    client: Client, real_time: RealTime, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no cost in attempts: the page that was interrupted, and those before it, are not read again."""
    read: list[float] = []

    def sleep(page_s: float) -> None:
        read.append(page_s)
        while len(read) == INTERRUPTED_AT and not real_time.release.wait(0.01):
            pass

    monkeypatch.setattr("examples.container_worker.time", SimpleNamespace(sleep=sleep))
    path = submit(client)
    first = start(real_time, options(grace_s=GIVE_BACK_S + 1))
    eventually(lambda: len(read), lambda pages: pages == INTERRUPTED_AT)
    first.drain()
    assert first.join()
    given_back = client.send("GET", path).json
    assert (given_back["state"], given_back["attempts"]) == ("queued", [])
    start(real_time, options())
    eventually(state_of(client, path), lambda state: state == "succeeded")
    job = client.send("GET", path).json
    assert (job["attempt"], len(read)) == (1, PAGES)
    assert job["result"] == {"importedByThisAttempt": PAGES - INTERRUPTED_AT}
