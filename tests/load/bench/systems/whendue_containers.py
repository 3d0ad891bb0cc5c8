"""whendue as in containers: processes `whendue worker`, and where workers are killed a timer beside them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localstack.deploy.clients import Clients
from localstack.deploy.storage import deploy_bucket, deploy_queues, deploy_table
from localstack.topology import topology
from tests.load.bench.systems.base import ProcessDeployment, Site, python
from tests.load.bench.systems.stores import counted, delete_queues, delete_tables, with_state
from whendue.settings import QUEUES

TASKS = "tests.load.bench.programs.tasks"
# For ids and cursors of tables that live for a minute.
SECRET = "benchmark-benchmark-benchmark-benchmark-benchmark"
HEALTH = ("--health-host", "127.0.0.1", "--health-port", "0")


@dataclass(frozen=True, slots=True)
class Containers:
    """Worker processes.

    Args:
        options: of `whendue worker`, beside the threads.
    """

    name: str
    title: str
    options: tuple[str, ...]
    delayed: bool = True
    long_polls: bool = True

    def missing(self) -> str | None:
        """It needs nothing but the emulator."""
        return None

    @contextmanager
    def deployed(self, site: Site) -> Iterator[ProcessDeployment]:
        """Make the table, the bucket and the queues of the topology."""
        clients, plan = Clients(site.direct_url), topology()
        table = deploy_table(clients, f"{site.name}-jobs", plan.table)
        bucket = deploy_bucket(clients, f"{site.name}-payloads", plan.bucket)
        queues = plan.queues.model_copy(update={"visibility_s": site.visibility_s})
        urls, dead_urls, _ = deploy_queues(clients, site.name, queues)
        environment = site.environment(
            WHENDUE_TABLE=table,
            WHENDUE_BUCKET=bucket,
            WHENDUE_QUEUES=json.dumps(urls),
            WHENDUE_DEAD_LETTER_QUEUE=dead_urls["dead_letter"],
            WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE=dead_urls["notifications_dead_letter"],
            WHENDUE_VISIBILITY_S=str(site.visibility_s),
            WHENDUE_LEASE_S=str(site.visibility_s),
            WHENDUE_SECRET=SECRET,
            WHENDUE_TASKS=TASKS,
        )
        worker = python("whendue.cli", "worker", "--threads", str(site.threads), *self.options, *HEALTH)
        made = ProcessDeployment(
            commands=[worker] * site.processes,
            environment=environment,
            module="whendue_client",
            folder=site.folder,
            server_pid=site.emulator_pid,
            worker_processes=site.processes,
            done=counted(clients, table, **with_state("succeeded")),
            helpers=[python("whendue.cli", "timer", *HEALTH)] if site.heals else [],
        )
        try:
            yield made
        finally:
            made.close()
            delete_queues(clients, site.name)
            delete_tables(clients, site.name)


CONTAINERS = (
    Containers("whendue", "whendue in containers, one queue", ("--queues", QUEUES[2])),
    Containers("whendue-all-queues", "whendue in containers, all seven queues", ()),
)
