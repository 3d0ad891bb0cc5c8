"""What the harness asks of a system: fresh queues and tables, a producer, and workers that start, stop and die."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from localstack.paths import LOCAL, ROOT
from tests.load.bench import processes
from tests.load.bench.notes import Notes

PYTHON = LOCAL / "bench-venv/bin/python"
SAMPLED = "tests.load.bench.programs.sampled"
START_S = 60


@dataclass(frozen=True, slots=True)
class Site:
    """Where and how a system is deployed for one trial.

    Args:
        name: of the trial; begins the names of all queues and tables.
        direct_url: the emulator, for the harness.
        url: the same for the system: a proxy may be between.
        emulator_pid: its process.
        folder: for logs and notes.
        processes: how many workers.
        threads: of each.
        visibility_s: of messages and leases.
        heals: whether what heals lost jobs runs beside the workers, if it is a process of its own.
        proxy: makes an address of this machine reachable through the condition's proxy; returns the new port.
    """

    name: str
    direct_url: str
    url: str
    emulator_pid: int
    folder: Path
    processes: int
    threads: int
    visibility_s: int
    heals: bool = False
    proxy: Callable[[int], int] = lambda port: port

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the system's processes."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "layers/core/python"), str(ROOT))),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BENCH_NOTES": str(self.folder / "notes"),
            "BENCH_VISIBILITY_S": str(self.visibility_s),
            **more,
        }


class Producer:
    """A process that submits.

    Args:
        module: of `programs`, with `client`.
        environment: of the process.
        log: for what it prints as errors.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        """Start it; returns when it is ready."""
        command = [str(PYTHON), "-m", "tests.load.bench.programs.produce", module]
        self._process, self._log = processes.start(command, environment, log), log
        self._answer()
        self._next = 0

    def submit(
        self,
        count: int,
        *,
        bulk: int = 1,
        rate: float = 0,
        sleep_s: float = 0,
        slow_every: int = 0,
        slow_s: float = 0,
    ) -> dict[str, float]:
        """Submit jobs; returns `seconds` and `cpu_s`. See programs/produce.py."""
        command = {"first": self._next, "count": count, "bulk": bulk, "rate": rate, "sleep_s": sleep_s}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command | {"slow_every": slow_every, "slow_s": slow_s}) + "\n")
        self._process.stdin.flush()
        self._next += count
        return self._answer()

    def end(self) -> None:
        """End it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(processes.END_S)
        self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the producer ended; see {self._log}:\n{self._log.read_text()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Deployment(Protocol):
    """A system, deployed for one trial.

    Args:
        notes: of its jobs.
        producer: submits to it.
        server_pid: the emulator's process, or whatever stands in its place.
        worker_processes: how many processes run jobs.
    """

    notes: Notes
    producer: Producer
    server_pid: int
    worker_processes: int

    def start(self) -> None:
        """Start the workers."""

    def stop(self) -> None:
        """Stop them; nothing is left to run."""

    def kill(self) -> None:
        """Kill them with SIGKILL."""

    def worker_pids(self) -> set[int]:
        """Return the workers' processes."""

    def settled(self, count: int) -> bool:
        """Return whether everything is recorded for so many jobs: their results, or that their messages are gone."""


class System(Protocol):
    """A system that takes part."""

    @property
    def name(self) -> str:
        """Its name for the option SYSTEMS and in the results."""

    @property
    def title(self) -> str:
        """Its name on the page."""

    @property
    def delayed(self) -> bool:
        """Whether a proxy can stand between its workers and the emulator."""

    @property
    def long_polls(self) -> bool:
        """Whether a worker that was stopped leaves a poll behind, which may take messages until its end."""

    def missing(self) -> str | None:
        """Return why it cannot take part here; None if it can."""

    def deployed(self, site: Site) -> AbstractContextManager[Deployment]:
        """Deploy it for the length of a block."""


@dataclass
class ProcessDeployment:
    """Workers that are processes of this machine.

    Args:
        commands: one for each worker, whose processes run jobs.
        environment: theirs and the producer's.
        module: the producer's.
        folder: for logs and notes.
        server_pid: the emulator's process, or whatever stands in its place.
        worker_processes: how many processes run jobs.
        done: says whether everything is recorded.
        helpers: further processes of the system that run no jobs.
    """

    commands: Sequence[Sequence[str]]
    environment: Mapping[str, str]
    module: str
    folder: Path
    server_pid: int
    worker_processes: int
    done: Callable[[int], bool]
    helpers: Sequence[Sequence[str]] = ()
    _running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the producer."""
        self.notes = Notes(self.folder / "notes")
        self.producer = Producer(self.module, self.environment, self.folder / "producer.log")

    def start(self) -> None:
        """Start the workers."""
        log = self.folder / "workers.log"
        for command in (*self.commands, *self.helpers):
            self._running.append(processes.quiet(command, self.environment, log))

    def sampled(self, samples: Path) -> None:
        """Let the workers be sampled (programs/sampled.py); those that fork show only their first process."""
        samples.mkdir(parents=True)
        self.environment = {**self.environment, "BENCH_SAMPLES": str(samples)}
        self.commands = [python(SAMPLED, *command[2:]) for command in self.commands]

    def stop(self) -> None:
        """Kill them: in good order they would first wait for the ends of their long polls."""
        self.kill()

    def kill(self) -> None:
        """Kill them."""
        processes.kill(self._running)
        self._running.clear()

    def worker_pids(self) -> set[int]:
        """Return them and what they have started.

        Raises:
            RuntimeError: one has ended by itself.
        """
        if any(process.poll() is not None for process in self._running):
            log = self.folder / "workers.log"
            raise RuntimeError(f"a worker ended; see {log}:\n{log.read_text(errors='replace')[-2000:]}")
        return processes.tree(process.pid for process in self._running)

    def settled(self, count: int) -> bool:
        """Ask the system's own means."""
        return self.done(count)

    def close(self) -> None:
        """End everything."""
        self.stop()
        self.producer.end()


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in the benchmark's environment."""
    return [str(PYTHON), "-m", module, *arguments]
