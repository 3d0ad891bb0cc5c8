"""One emulator for the suite, and the stacks deployed to it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localstack import emulator, token
from localstack.deploy import deploy, mail
from localstack.deploy.clients import Clients
from localstack.emulator import Emulator
from localstack.topology import topology
from tests.builders.backends import LOCALSTACK
from tests.e2e import five_seconds, terraform
from tests.e2e.homes import Containers, Functions, Home
from tests.e2e.stage import VISIBILITY_S, Http, Stage, new_secret

TASKS = Path(__file__).parent / "tasks"
# Short, so that what takes minutes in production takes seconds here.
LEASE_S = 5
# LocalStack has HTTP APIs only with a licence; WHENDUE_E2E_API=rest takes a REST API on MiniStack, too.
FLAVOR = os.environ.get("WHENDUE_E2E_API") or ("rest" if os.environ.get(LOCALSTACK) else "http")


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run the emulator, or use the LocalStack that is running."""
    if url := os.environ.get(LOCALSTACK):
        yield Emulator(url, pid=0, directory=tmp_path_factory.mktemp("localstack"))
        return
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def calls(emulated: Emulator) -> Path:
    """Say where the functions' calls are noted."""
    return emulated.directory / "calls"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let that test run last which looks at what all others have made the functions do."""
    items.sort(key=lambda item: item.path.name == "test_permissions.py")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Return the home that the suite runs in: `make e2e-containers`, or Lambda."""
    homes: dict[str, Callable[[], Home]] = {
        "lambda": Functions,
        "container": lambda: Containers(tmp_path_factory.mktemp("containers")),
    }
    made = homes[os.environ.get("WHENDUE_E2E_HOME") or "lambda"]()
    yield made
    made.end_all()


@pytest.fixture(scope="session")
def stage_named(emulated: Emulator, calls: Path, home: Home) -> Callable[..., Stage]:
    """Deploy stacks."""

    def make(
        prefix: str, *, schedule_timer: bool, api_flavor: str = FLAVOR, at_work: bool = True, **environment: str
    ) -> Stage:
        secret = new_secret()
        environment = {"WHENDUE_LEASE_S": str(LEASE_S), "WHENDUE_E2E_CALLS": str(calls)} | environment
        if terraform.PROGRAM and home.functions and api_flavor == "http":
            made = terraform.deploy(
                emulated.endpoint_url,
                prefix,
                emulated.directory,
                secret=secret,
                environment=environment,
                visibility_s=VISIBILITY_S,
                schedule_timer=schedule_timer,
                extra_tasks=TASKS,
            )
            return Stage(made, secret, Clients(emulated.endpoint_url), home)
        queues = topology().queues.model_copy(update={"visibility_s": VISIBILITY_S})
        stack = deploy(
            emulated.endpoint_url,
            prefix,
            environment=token.environment(secret) | environment,
            api_flavor=api_flavor,
            queues=queues,
            schedule_timer=schedule_timer and home.functions,
            feed=home.functions,
            extra_tasks=TASKS,
            target="container" if os.environ.get(LOCALSTACK) else "local",
        )
        stack = home.serve(stack)
        if at_work:
            home.begin(stack, timer=schedule_timer)
        return Stage(stack, secret, Clients(emulated.endpoint_url), home)

    return make


@pytest.fixture(scope="session")
def stage(stage_named: Callable[..., Stage]) -> Stage:
    """Return the stack that most tests share, its timer ticking by itself."""
    # As `make up` has it: everyone may mail to everyone.
    made = stage_named("e2e", schedule_timer=True, **mail.SETTINGS, WHENDUE_LAMBDA_ALLOW='{"*": ["*"]}')
    # Terraform makes no identities: whose addresses they are is between their owners and SES.
    mail.verify_senders(made.clients, mail.SETTINGS)
    five_seconds.begin(made)
    return made


@pytest.fixture
def timeless(stage_named: Callable[..., Stage], request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Return a stack of its own, without a timer, to a test that ticks with its own clock."""
    made = stage_named(f"timeless-{abs(hash(request.node.nodeid)) % 10_000}", schedule_timer=False)
    yield made
    made.home.end(made.stack)


@pytest.fixture(scope="session")
def quiet(stage_named: Callable[..., Stage]) -> Stage:
    """Return a stack without a timer, to tests that count."""
    return stage_named("quiet", schedule_timer=False)


@pytest.fixture
def http(stage: Stage) -> Iterator[Http]:
    """Talk to the shared stack."""
    with stage.http() as client:
        yield client
