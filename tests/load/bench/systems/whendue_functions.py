"""whendue as functions: the whole stack of the topology, submitted to over HTTP, run by the emulator's Lambda."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from localstack import token
from localstack.deploy import deploy, mail
from localstack.deploy.clients import Clients
from localstack.lifecycle import warm
from localstack.stack import Stack
from localstack.topology import topology
from tests.load.bench import processes
from tests.load.bench.notes import Notes
from tests.load.bench.systems.base import Producer, Site
from tests.load.bench.systems.stores import counted, delete_queues, delete_tables, with_state

TASKS = Path(__file__).parents[1] / "programs/tasks"
SECRET = "benchmark-benchmark-benchmark-benchmark-benchmark"
TENANT = "bench"


class FunctionsDeployment:
    """The stack; its workers are what the emulator starts."""

    def __init__(self, site: Site, stack: Stack) -> None:
        """Start the producer."""
        self._clients, self._stack = Clients(site.direct_url), stack
        self._rule = f"{site.name}-tick"
        self.notes = Notes(site.folder / "notes")
        self.server_pid = site.emulator_pid
        # As many as the local deploy lets run at once; the trial's number of processes is the same by default.
        self.worker_processes = topology().local.maximum_concurrency
        self._done = counted(self._clients, stack.table, **with_state("succeeded"))
        environment = site.environment(
            BENCH_API_URL=stack.api_url,
            BENCH_TOKEN=token.make(TENANT, signing_secret=SECRET),
        )
        self.producer = Producer("http_client", environment, site.folder / "producer.log")

    def start(self) -> None:
        """Let the queues start functions."""
        self._feed(on=True)

    def stop(self) -> None:
        """Let them start none."""
        self._feed(on=False)

    def kill(self) -> None:
        """Kill all that the emulator has started; the queues go on and start new ones."""
        for pid in self.worker_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def worker_pids(self) -> set[int]:
        """Return what the emulator has started, the API's process included."""
        return processes.tree([self.server_pid]) - {self.server_pid}

    def settled(self, count: int) -> bool:
        """Count the ends in the table."""
        return self._done(count)

    def close(self) -> None:
        """End all that runs. Functions stay: to delete one the emulator removes its files for half a minute."""
        self.stop()
        self.producer.end()
        for mapping in self._mappings():
            self._clients.functions.delete_event_source_mapping(UUID=mapping)
        self._clients.events.disable_rule(Name=self._rule)
        self.kill()

    def _mappings(self) -> list[str]:
        found = self._clients.functions.list_event_source_mappings()["EventSourceMappings"]
        own = tuple(self._stack.functions.values())
        return [mapping["UUID"] for mapping in found if mapping["FunctionArn"].rpartition(":")[2] in own]

    def _feed(self, *, on: bool) -> None:
        for mapping in self._mappings():
            self._clients.functions.update_event_source_mapping(UUID=mapping, Enabled=on)


@dataclass(frozen=True, slots=True)
class Functions:
    """The stack of `make up`, one for each trial."""

    name: str = "whendue-functions"
    title: str = "whendue as functions, over HTTP"
    # The emulator itself gives functions its address.
    delayed: bool = False
    long_polls: bool = False

    def missing(self) -> str | None:
        """It needs nothing but the emulator."""
        return None

    @contextmanager
    def deployed(self, site: Site) -> Iterator[FunctionsDeployment]:
        """Deploy it, start each function once, and hold the queues."""
        clients = Clients(site.direct_url)
        site.folder.mkdir(parents=True, exist_ok=True)
        own = {"BENCH_NOTES": str(site.folder / "notes"), "WHENDUE_LEASE_S": str(site.visibility_s)}
        stack = deploy(
            site.direct_url,
            site.name,
            environment=mail.SETTINGS | token.environment(SECRET) | own,
            queues=topology().queues.model_copy(update={"visibility_s": site.visibility_s}),
            extra_tasks=TASKS,
        )
        warm(stack)
        made = FunctionsDeployment(site, stack)
        made.stop()
        try:
            yield made
        finally:
            made.close()
            delete_queues(clients, site.name)
            delete_tables(clients, site.name)
