"""Celery: on SQS with results in DynamoDB, on SQS without results, and on Redis with results in Redis.

Each takes part with the best of its `CHOICES`, found by one drain of each before the trials.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from localstack.deploy.clients import Clients
from localstack.emulator import free_port
from tests.load.bench import processes
from tests.load.bench.systems.base import ProcessDeployment, Site, python
from tests.load.bench.systems.stores import counted, delete_queues, delete_tables, is_empty, queue

PROGRAM = "tests.load.bench.programs.celery_app"
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
RESULTS = {"FilterExpression": "attribute_exists(#r)", "ExpressionAttributeNames": {"#r": "result"}}


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings of Celery's worker.

    Args:
        pool: `threads`: each worker has so many; `prefork`: each thread of the others is a process here.
        prefetch: messages that are fetched ahead, for each slot.
    """

    pool: str
    prefetch: int

    @property
    def title(self) -> str:
        """Name it."""
        return f"{self.pool}, prefetch {self.prefetch}"


CHOICES = (Choice("threads", 4), Choice("threads", 20), Choice("prefork", 20))


@dataclass(frozen=True, slots=True)
class Celery:
    """Celery on one broker.

    Args:
        broker: `sqs` or `redis`.
        results: whether results are kept.
        choice: its settings.
    """

    name: str
    title: str
    broker: str
    results: bool
    choice: Choice = CHOICES[0]
    delayed: bool = True
    long_polls: bool = True

    def missing(self) -> str | None:
        """Redis must be on the machine."""
        return "no redis-server" if self.broker == "redis" and not shutil.which("redis-server") else None

    def choices(self) -> "list[Celery]":
        """Return itself with all settings that are tried."""
        return [replace(self, choice=choice) for choice in CHOICES]

    @contextmanager
    def deployed(self, site: Site) -> Iterator[ProcessDeployment]:
        """Make its queue, and its table or its Redis."""
        with (self._on_sqs if self.broker == "sqs" else self._on_redis)(site) as made:
            try:
                yield made
            finally:
                made.close()

    @contextmanager
    def _on_sqs(self, site: Site) -> Iterator[ProcessDeployment]:
        clients, host = Clients(site.direct_url), urlsplit(site.url).netloc
        # Without the wait between polls a receive follows the last one at once, and waits in SQS.
        transport = {"wait_time_seconds": 20, "polling_interval": 0}
        environment = site.environment(
            BENCH_BROKER=f"sqs://test:test@{host}//", BENCH_QUEUE=site.name, BENCH_TRANSPORT=json.dumps(transport)
        )
        with queue(clients, site.name, site.visibility_s) as url:
            if self.results:
                environment["BENCH_BACKEND"] = f"dynamodb://test:test@us-east-1/{site.name}?read=1000&write=1000"
                done = counted(clients, site.name, **RESULTS)
            yield self._deployment(
                site, environment, site.emulator_pid, done if self.results else lambda _: is_empty(clients, url)
            )
        delete_queues(clients, site.name)
        delete_tables(clients, site.name)

    @contextmanager
    def _on_redis(self, site: Site) -> Iterator[ProcessDeployment]:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        server = processes.quiet(command, site.environment(), site.folder / "redis.log")
        address = f"redis://127.0.0.1:{site.proxy(port)}/0"
        environment = site.environment(BENCH_BROKER=address, BENCH_BACKEND=address, BENCH_QUEUE=site.name)
        try:
            yield self._deployment(site, environment, server.pid, lambda _: True)
        finally:
            processes.end([server])

    def _deployment(self, site: Site, environment: dict[str, str], server_pid: int, done: object) -> ProcessDeployment:
        settings = {"worker_prefetch_multiplier": self.choice.prefetch}
        pool = ["--pool", self.choice.pool, "--concurrency", str(site.threads)]
        workers = [
            python("celery", "-A", PROGRAM, "worker", *pool, *QUIET, "-n", f"{number}@{site.name}")
            for number in range(site.processes)
        ]
        forks = site.threads if self.choice.pool == "prefork" else 1
        assert callable(done)
        return ProcessDeployment(
            commands=workers,
            environment=environment | {"BENCH_SETTINGS": json.dumps(settings)},
            module="celery_app",
            folder=site.folder,
            server_pid=server_pid,
            worker_processes=site.processes * forks,
            done=done,
        )


CELERY = (
    Celery("celery", "Celery on SQS, results in DynamoDB", "sqs", results=True),
    Celery("celery-no-results", "Celery on SQS, without results", "sqs", results=False),
    Celery("celery-redis", "Celery on Redis, results in Redis", "redis", results=True),
)
