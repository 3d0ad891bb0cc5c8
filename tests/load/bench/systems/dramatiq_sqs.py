"""dramatiq on SQS; it keeps no results here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localstack.deploy.clients import Clients
from tests.load.bench.systems.base import ProcessDeployment, Site, python
from tests.load.bench.systems.stores import delete_queues, is_empty, queue

PROGRAM = "tests.load.bench.programs.dramatiq_app"


@dataclass(frozen=True, slots=True)
class Dramatiq:
    """dramatiq with dramatiq_sqs."""

    name: str = "dramatiq"
    title: str = "dramatiq on SQS, without results"
    delayed: bool = True
    long_polls: bool = True

    def missing(self) -> str | None:
        """It needs nothing but the emulator."""
        return None

    @contextmanager
    def deployed(self, site: Site) -> Iterator[ProcessDeployment]:
        """Make its queue."""
        clients = Clients(site.direct_url)
        workers = ["--processes", str(site.processes), "--threads", str(site.threads)]
        with queue(clients, f"{site.name}_default", site.visibility_s) as url:
            made = ProcessDeployment(
                commands=[python("dramatiq", PROGRAM, *workers)],
                environment=site.environment(BENCH_QUEUE=site.name),
                module="dramatiq_app",
                folder=site.folder,
                server_pid=site.emulator_pid,
                worker_processes=site.processes,
                done=lambda _: is_empty(clients, url),
            )
            try:
                yield made
            finally:
                made.close()
        delete_queues(clients, site.name)
