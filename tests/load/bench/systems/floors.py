"""The two floors: bare boto3 for the same contract, batched and not (programs/floor.py)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localstack.deploy.clients import Clients
from localstack.deploy.storage import deploy_table
from localstack.topology import topology
from tests.load.bench.systems.base import ProcessDeployment, Site, python
from tests.load.bench.systems.stores import counted, delete_tables, queue, with_state

PROGRAM = "tests.load.bench.programs.floor"


@dataclass(frozen=True, slots=True)
class Floor:
    """One of the floors."""

    name: str
    title: str
    batched: bool
    delayed: bool = True
    long_polls: bool = True

    def missing(self) -> str | None:
        """It needs nothing but the emulator."""
        return None

    @contextmanager
    def deployed(self, site: Site) -> Iterator[ProcessDeployment]:
        """Make a queue, and a table with the same index as whendue's."""
        clients = Clients(site.direct_url)
        table = deploy_table(clients, f"{site.name}-jobs", topology().table)
        with queue(clients, f"{site.name}-jobs", site.visibility_s) as url:
            environment = site.environment(BENCH_TABLE=table, BENCH_QUEUE_URL=url, BENCH_BATCHED=str(int(self.batched)))
            made = ProcessDeployment(
                commands=[python(PROGRAM, str(site.threads))] * site.processes,
                environment=environment,
                module="floor",
                folder=site.folder,
                server_pid=site.emulator_pid,
                worker_processes=site.processes,
                done=counted(clients, table, **with_state("succeeded")),
            )
            try:
                yield made
            finally:
                made.close()
        delete_tables(clients, site.name)


FLOORS = (
    Floor("floor-batched", "bare boto3, batched", batched=True),
    Floor("floor-single", "bare boto3, a call for each step", batched=False),
)
