"""The backends under contract: each makes fresh stores, queues and blobs; those on AWS's protocol show their client."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from localstack import emulator
from localstack.deploy.clients import Clients
from localstack.deploy.storage import deploy_table
from localstack.stack import REGION
from localstack.topology import topology
from tests.builders.wire import Wire
from tests.builders.world import SETTINGS
from whendue.adapters import aws
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.adapters.memory import InlineRunner, MemoryBlobs, MemoryQueue, MemoryStore
from whendue.adapters.s3 import S3Blobs
from whendue.adapters.sqs import SqsQueue
from whendue.bootstrap.application import App, build
from whendue.declarations.registry import Registry
from whendue.engine.ports import BlobStore, JobQueue, JobStore
from whendue.support.clock import system_clock

# Addresses of backends that somebody else has started (`make e2e-localstack` does).
DYNAMODB_LOCAL = "WHENDUE_DYNAMODB_LOCAL"
LOCALSTACK = "DEV_STACK_LOCALSTACK"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
_numbers = count()


class Memory:
    """The adapters without any network."""

    def store(self) -> JobStore:
        return MemoryStore()

    def queue(self, visibility_s: int) -> JobQueue:
        return MemoryQueue(system_clock(), visibility_s=visibility_s)

    def blobs(self) -> BlobStore:
        return MemoryBlobs()


class _ProductClients(Clients):
    """Clients as the product makes them, pointed at a backend."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def client(self, service: str) -> Any:
        with patch.dict(os.environ, self._environment):
            return aws.client(service)


@dataclass(slots=True)
class Aws:
    """The adapters on AWS's protocol.

    Args:
        environment: what `aws.client` reads.
        statements: whether the table takes parametrised PartiQL batches.
    """

    environment: Mapping[str, str]
    statements: bool = True

    @property
    def clients(self) -> Clients:
        return _ProductClients(self.environment)

    def table(self) -> str:
        return deploy_table(self.clients, f"contract-{os.getpid()}-{next(_numbers)}", topology().table)

    def store(self) -> DynamoStore:
        return self.store_on(self.clients.dynamodb)

    def store_on(self, client: Any, **options: Any) -> DynamoStore:
        return DynamoStore(client, self.table(), system_clock(), **{"statements": self.statements} | options)

    def queue(self, visibility_s: int) -> SqsQueue:
        return self.queue_on(self.clients.sqs, visibility_s)

    def queue_on(self, client: Any, visibility_s: int = 60) -> SqsQueue:
        name = f"contract-{os.getpid()}-{next(_numbers)}"
        attributes = {"VisibilityTimeout": str(visibility_s)}
        url = self.clients.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return SqsQueue(client, {"normal": url}, system_clock())

    def blobs(self) -> S3Blobs:
        name = f"contract-{os.getpid()}-{next(_numbers)}"
        client = self.clients.s3
        client.create_bucket(Bucket=name)
        return S3Blobs(client, name)

    def wired(self, service: str) -> Wire:
        return Wire(self.clients.client(service))


Backend = Memory | Aws


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let moto answer one request at a time: it reads and writes its dictionaries without any lock."""
    lock, answer = Lock(), BotocoreStubber.process_request

    def alone(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return answer(self, request)

    with patch.object(BotocoreStubber, "process_request", alone):
        yield


@contextmanager
def _moto() -> Iterator[Aws]:
    with mock_aws(), _one_at_a_time():
        # moto's PartiQL knows no parameters in batches: each write is a call of its own there.
        yield Aws(CREDENTIALS, statements=False)


@contextmanager
def _ministack(directory: Path) -> Iterator[Aws]:
    with emulator.running(directory) as running:
        yield Aws(CREDENTIALS | {"AWS_ENDPOINT_URL": running.endpoint_url})


def _started(variable: str) -> AbstractContextManager[Aws]:
    return nullcontext(Aws(CREDENTIALS | {"AWS_ENDPOINT_URL": os.environ[variable]}))


def opened(name: str, directory: Path) -> AbstractContextManager[Backend]:
    """Open a backend by its name."""
    match name:
        case "memory":
            return nullcontext(Memory())
        case "moto":
            return _moto()
        case "ministack":
            return _ministack(directory)
        case "dynamodb-local":
            return _started(DYNAMODB_LOCAL)
        case "localstack":
            return _started(LOCALSTACK)
        case _:
            raise ValueError(f"no backend is called {name!r}")


def app_on(store: JobStore) -> App:
    clock = system_clock()
    return build(SETTINGS, clock, store, MemoryQueue(clock), MemoryBlobs(), InlineRunner(), Registry())
