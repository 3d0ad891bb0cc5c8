"""Fixtures of the contract: a backend per session, a fresh store, queue or bucket per test."""

import os
from collections.abc import Iterator

import pytest

from tests.builders.backends import DYNAMODB_LOCAL, LOCALSTACK, Aws, Backend, opened
from tests.builders.samples import Apply, insert_of
from whendue.engine.ports import BlobStore, JobQueue, JobStore, WriteResult
from whendue.table.writes import Write

STARTED = ["localstack"] if os.environ.get(LOCALSTACK) else []
SERVICES = ["memory", "moto", "ministack", *STARTED]
LOCAL = ["dynamodb-local"] if os.environ.get(DYNAMODB_LOCAL) else []
TABLES = SERVICES + LOCAL
ON_AWS = TABLES[1:]


def pytest_report_header() -> str:
    """Return whether DynamoDB Local and LocalStack take part: they are started by others."""
    said = {DYNAMODB_LOCAL: ("DynamoDB Local", LOCAL), LOCALSTACK: ("LocalStack", STARTED)}
    parts = (
        f"{variable} is {'set' if value else f'not set, {name} takes no part'}"
        for variable, (name, value) in said.items()
    )
    return f"contract: {'; '.join(parts)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on every backend that has what it asks for."""
    wanted = metafunc.fixturenames
    if "aws_tables" in wanted:
        metafunc.parametrize("backend", ON_AWS, indirect=True, scope="session")
    elif "batches" in wanted:
        # moto has no parametrised statements to batch.
        metafunc.parametrize("backend", ["ministack", *STARTED, *LOCAL], indirect=True, scope="session")
    elif "aws_services" in wanted:
        metafunc.parametrize("backend", SERVICES[1:], indirect=True, scope="session")
    elif "store" in wanted:
        metafunc.parametrize("backend", TABLES, indirect=True, scope="session")
    elif "backend" in wanted:
        metafunc.parametrize("backend", SERVICES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with opened(request.param, tmp_path_factory.mktemp("backend")) as it:
        yield it


@pytest.fixture
def aws_tables(backend: Backend) -> Aws:
    """Any backend that speaks DynamoDB's protocol."""
    assert isinstance(backend, Aws)
    return backend


@pytest.fixture
def batches(backend: Backend) -> Aws:
    """Any backend that takes batches of statements."""
    assert isinstance(backend, Aws)
    return backend


@pytest.fixture
def aws_services(backend: Backend) -> Aws:
    """Any backend that speaks SQS's and S3's protocols."""
    assert isinstance(backend, Aws)
    return backend


@pytest.fixture
def store(backend: Backend) -> JobStore:
    return backend.store()


@pytest.fixture
def queue(backend: Backend) -> JobQueue:
    """A queue named `normal` whose messages, once received, stay hidden for the length of a test."""
    return backend.queue(visibility_s=60)


@pytest.fixture
def quick_queue(backend: Backend) -> JobQueue:
    """A queue named `normal` whose messages come back after a second."""
    return backend.queue(visibility_s=1)


@pytest.fixture
def blobs(backend: Backend) -> BlobStore:
    return backend.blobs()


@pytest.fixture(params=["alone", "among others"])
def apply(request: pytest.FixtureRequest) -> Apply:
    """Carries out one write, by both ways that an adapter may have: a call of its own, or a batch."""

    def alone(store: JobStore, write: Write) -> WriteResult:
        [end] = store.apply([write])
        return end

    def among_others(store: JobStore, write: Write) -> WriteResult:
        before, end, after = store.apply([insert_of("before"), write, insert_of("after")])
        assert before.done
        assert after.done
        return end

    return alone if request.param == "alone" else among_others
