"""What a cold start imports and makes, counted on what is built; times are measured by `tests.load.cold_start`."""

import json
from pathlib import Path

import pytest

from localstack import build as builder
from localstack import emulator
from tests.load.cold_start import STARTS, Start, modules, run, table, unpack

BY_NAME = {start.name: start for start in STARTS}
HANDLERS = ("api", "dead_letter", "notifier", "timer", "worker")
# Modules of a worker, or of the API, beyond those of a bare handler; boto3's own, which it does without, are not
# subtracted. Bounds are a few per cent above what they were when this was written: 181 and 414.
WORKER_MODULES = 195
API_MODULES = 435
# What no plain job needs, and what it would cost: models, cryptography, the routes and the services of others.
NOT_OF_A_WORKER = {
    "asyncio",
    "boto3",
    "cryptography",
    "ctypes",
    "jwt",
    "prometheus_client",
    "pydantic",
    "s3transfer",
    "tzdata",
    "whendue.adapters.auth",
    "whendue.adapters.memory",
    "whendue.channels.email",
    "whendue.channels.webhook",
    "whendue.declarations.channel",
    "whendue.declarations.declaring",
    "whendue.inspection",
    "whendue.mail",
    "whendue.notifications.sender",
    "whendue.operations.listing",
    "whendue.outbound.client",
    "whendue.schedules.ticks.runner",
    "whendue.schedules.service",
    "whendue.tasks.email",
    "whendue.tasks.http",
    "whendue.tasks.lambda_",
    "whendue.tasks.workflow",
    "whendue.timer",
    "zoneinfo",
}
NOT_OF_THE_API = {
    "boto3",
    "functions.api.http.openapi",
    "functions.api.routes.schedules",
    "functions.api.routes.subscriptions",
    "functions.api.routes.workflows",
    "functions.api.schemas.schedule.definitions",
    "functions.api.schemas.subscriptions",
    "prometheus_client",
    "s3transfer",
    "whendue.tasks.email",
    "whendue.tasks.http",
    "whendue.tasks.lambda_",
    "whendue.timer",
    "whendue.worker",
}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build for the embedded emulator, and unpack as Lambda does."""
    emulator.install()
    return unpack(builder.build("local"), tmp_path_factory.mktemp("cold"))


@pytest.fixture(scope="module")
def bare(unpacked: Path) -> set[str]:
    """The modules of a handler that makes the two clients and nothing else."""
    return modules(BY_NAME["bare"], unpacked)


def test_a_worker_imports_little_beyond_a_bare_handler(unpacked: Path, bare: set[str]) -> None:
    """Each module costs every cold start about half a millisecond."""
    imported = modules(BY_NAME["worker"], unpacked)
    assert imported & NOT_OF_A_WORKER == set()
    assert len(imported - bare) <= WORKER_MODULES


def test_the_api_imports_the_routes_that_are_asked_for(unpacked: Path, bare: set[str]) -> None:
    """The models of a section's requests and answers cost as much as all of pydantic."""
    imported = modules(BY_NAME["api"], unpacked)
    assert imported & NOT_OF_THE_API == set()
    assert len(imported - bare) <= API_MODULES
    # What its first request needs is there.
    assert {"functions.api.routes.jobs", "jwt"} <= imported


def test_what_a_worker_must_not_import_is_noticed(unpacked: Path) -> None:
    """Else the tests above would show nothing: a task of users brings pydantic."""
    assert "pydantic" in modules(BY_NAME["worker with the demonstration's tasks"], unpacked)


STATE = """
import gc, json, sys
from whendue.bootstrap.process import app
made = app.cache_info().currsize
own = {} if "functions.worker.handler" in sys.modules else {"described": True}
print(json.dumps({
    "made": made,
    "services": sorted(name for name in ("work", "tick", "dead_letter") if made and name in vars(app(**own))),
    "collects": gc.isenabled(),
    "frozen": gc.get_freeze_count() > 1000,
    "s3": bool(made) and app(**own).runtime.payloads._blobs._client._client is not None,
}))
"""


@pytest.mark.parametrize("name", HANDLERS)
def test_a_start_makes_what_the_first_invocation_needs(name: str, unpacked: Path) -> None:
    """Lambda gives a process its full CPU only while it starts, and a snapshot keeps what was made then."""
    state = json.loads(run(BY_NAME[name], unpacked, STATE))
    services = {"worker": ["work"], "notifier": ["work"], "timer": ["tick"], "dead_letter": ["dead_letter"], "api": []}
    assert state == {"made": 1, "services": services[name], "collects": True, "frozen": True, "s3": False}


@pytest.mark.parametrize("name", HANDLERS)
def test_elsewhere_the_import_of_a_handler_makes_nothing(name: str, unpacked: Path) -> None:
    """Tests and tools import handlers too: without Lambda's variable nothing is prepared, and garbage is collected."""
    start = BY_NAME[name]
    without = Start(name, f"import os; del os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n{start.code}", start.folder)
    state = json.loads(run(without, unpacked, STATE))
    assert state == {"made": 0, "services": [], "collects": True, "frozen": False, "s3": False}


SHIPPED = """
from whendue.bootstrap.process import app
registry = app().registry
deferred = dict(registry._deferred)
found = {name: registry.get(name).location.module for name in deferred}
assert found == deferred, found
assert not registry.failures and not registry._deferred
print(sorted(found))
"""


def test_each_shipped_task_is_in_the_module_that_is_called_like_it(unpacked: Path) -> None:
    """That is how it is found when the first job of it comes."""
    found = run(BY_NAME["worker"], unpacked, SHIPPED)
    names = ["email", "http", "lambda", "notify.email", "notify.sns", "notify.webhook", "workflow"]
    assert found.strip() == str(names)


def test_a_start_that_fails_says_why(unpacked: Path) -> None:
    """A figure of a start that did not happen would be the best of all."""
    with pytest.raises(RuntimeError, match="no_such_module"):
        run(Start("broken", "import no_such_module"), unpacked)


def test_the_table_compares_medians_with_the_bare_handler() -> None:
    """Of three trials the middle one counts, whatever the machine did in the others."""
    text = table({"bare": [100, 300, 200], "worker": [250, 900, 240]}, {"bare": 10, "worker": 12})
    assert text.splitlines()[2:] == ["| bare | 200 (100-300) | 1.00 | 10 |", "| worker | 250 (240-900) | 1.25 | 12 |"]
