"""The two homes of whendue: functions, or processes as in containers; one suite for both."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from localstack.deploy.clients import Clients
from localstack.emulator import Emulator, free_port
from localstack.environment import environment_of
from localstack.lifecycle import answers, warm
from localstack.paths import ROOT
from localstack.stack import Stack
from tests.builders.waiting import eventually
from whendue.declarations.registry import USER_TASKS
from whendue.settings import DEAD_LETTER_QUEUES, QUEUES

GRACE_S = 12
# Two, as the local deploy has two of each function at once.
WORKERS = 2


class Home(Protocol):
    """Where API, workers and timer run."""

    functions: bool

    def serve(self, stack: Stack) -> Stack:
        """Let a stack's API answer; return the stack with its address."""

    def begin(self, stack: Stack, *, timer: bool) -> None:
        """Let a stack's workers, and its timer if wanted, be at work."""

    def end(self, stack: Stack) -> None:
        """Let them rest for good."""

    def end_all(self) -> None:
        """Let all stacks' workers rest for good."""

    @contextmanager
    def without(self, stack: Stack, queue: str) -> Iterator[None]:
        """Let no worker listen to a queue for the length of a block."""

    def batches(self, stack: Stack, size: int) -> None:
        """Let workers take so many messages at once."""

    def notifiers(self, stack: Stack, concurrency: int) -> None:
        """Let so many batches of deliveries be under way at once, as on AWS."""

    def printed(self, emulator: Emulator) -> list[str]:
        """Return the lines that they have printed."""


class Functions:
    """Queues and clock start functions."""

    functions = True

    def serve(self, stack: Stack) -> Stack:
        """API Gateway starts the function."""
        return stack

    def begin(self, stack: Stack, *, timer: bool) -> None:
        """Start what the first jobs need; a stack without a timer is one for itself, and needs nothing."""
        if timer:
            warm(stack)

    def end(self, stack: Stack) -> None:
        """Nothing runs while nothing is to be done."""

    def end_all(self) -> None:
        """Nothing runs while nothing is to be done."""

    @contextmanager
    def without(self, stack: Stack, queue: str) -> Iterator[None]:
        """Take the worker's trigger away."""
        self._trigger(stack, "worker", queue, Enabled=False)
        try:
            yield
        finally:
            self._trigger(stack, "worker", queue, Enabled=True)

    def batches(self, stack: Stack, size: int) -> None:
        """Change the worker's triggers."""
        for queue in QUEUES:
            self._trigger(stack, "worker", queue, BatchSize=size)

    def notifiers(self, stack: Stack, concurrency: int) -> None:
        """Raise what the local deploy keeps at two."""
        self._trigger(stack, "notifier", "notifications", ScalingConfig={"MaximumConcurrency": concurrency})

    def printed(self, emulator: Emulator) -> list[str]:
        """The emulator shows the lines of functions that it feeds from queues."""
        return emulator.log.read_text(errors="replace").splitlines()

    def _trigger(self, stack: Stack, function: str, queue: str, **settings: Any) -> None:
        functions = Clients(stack.aws_endpoint_url).functions
        name = stack.queues[queue].rpartition("/")[2]
        known = functions.list_event_source_mappings(FunctionName=stack.functions[function])
        [mapping] = [
            mapping for mapping in known["EventSourceMappings"] if mapping["EventSourceArn"].endswith(f":{name}")
        ]
        functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)


class Replica:
    """A process that is started again when it dies, as Kubernetes does."""

    def __init__(self, stack: Stack, log: Path, *arguments: str) -> None:
        """Start `whendue` with these arguments; returns when it is ready."""
        port = free_port()
        health = ["--health-host", "127.0.0.1", "--health-port", str(port)]
        self._command = [sys.executable, "-m", "whendue.cli", *arguments, *health]
        self._environment = environment_of_suite(stack)
        self.log = log
        self._stopping = threading.Event()
        self.process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        eventually(lambda: answers(f"http://127.0.0.1:{port}/health/ready"))

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log, cwd=ROOT)

    def _keep(self) -> None:
        while self.process.wait() is not None and not self._stopping.is_set():
            self.process = self._start()

    def expect_end(self) -> None:
        """Start it no more."""
        self._stopping.set()

    def stop(self) -> int:
        """End it as Kubernetes does; return its exit code."""
        self.expect_end()
        self.process.terminate()
        try:
            return self.process.wait(GRACE_S + 1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Containers:
    """Processes `whendue api`, `whendue worker` and `whendue timer`; the functions are there, and none is started."""

    functions = False

    def __init__(self, directory: Path) -> None:
        """Put logs there."""
        self._directory = directory
        self._running: dict[str, list[Replica]] = {}
        self._serving: dict[str, Replica] = {}

    def serve(self, stack: Stack) -> Stack:
        """Start an API process, which keeps its address when it is started again."""
        port = free_port()
        api = self.replica(stack, "api", "--host", "127.0.0.1", "--port", str(port))
        self._serving[stack.table] = api
        url = f"http://127.0.0.1:{port}"
        return replace(stack, api_url=url, dashboard_url=f"{url}/")

    def begin(self, stack: Stack, *, timer: bool) -> None:
        """Start them."""
        self._running[stack.table] = []
        self._work(stack, [*stack.queues, *DEAD_LETTER_QUEUES])
        if timer:
            self._running[stack.table].append(self.replica(stack, "timer"))

    def end(self, stack: Stack) -> None:
        """Stop them, all at once."""
        self._stop(self._running.pop(stack.table, []))
        self._stop([self._serving.pop(stack.table)])

    def end_all(self) -> None:
        """Stop whatever is left."""
        for replicas in self._running.values():
            self._stop(replicas)
        self._stop(list(self._serving.values()))

    @contextmanager
    def without(self, stack: Stack, queue: str) -> Iterator[None]:
        """Replace the workers by some that do not listen to it, and those again."""
        every = [*stack.queues, *DEAD_LETTER_QUEUES]
        self._work(stack, [item for item in every if item != queue])
        try:
            yield
        finally:
            self._work(stack, every)

    def batches(self, stack: Stack, size: int) -> None:
        """Replace the workers by some that run as many jobs at once as four functions with such batches."""
        self._work(stack, [*stack.queues, *DEAD_LETTER_QUEUES], "--threads", str(4 * size))

    def notifiers(self, stack: Stack, concurrency: int) -> None:
        """Workers have threads enough."""

    def printed(self, emulator: Emulator) -> list[str]:
        """Each process has a log."""
        logs = sorted(self._directory.glob("*.log"))
        return [line for log in logs for line in log.read_text(errors="replace").splitlines()]

    def replica(self, stack: Stack, *arguments: str) -> Replica:
        """Start a process on a stack; who starts it stops it."""
        return Replica(
            stack, self._directory / f"{stack.table}-{arguments[0]}.log", *arguments, "--grace", str(GRACE_S)
        )

    def _work(self, stack: Stack, queues: list[str], *more: str) -> None:
        """Let workers listen to these queues instead of those that they listen to."""
        before = self._running[stack.table]
        self._stop(before[:WORKERS])
        options = ["--queues", ",".join(queues), "--wait", "1", *more]
        before[:WORKERS] = [self.replica(stack, "worker", *options) for _ in range(WORKERS)]

    def _stop(self, replicas: list[Replica]) -> None:
        for replica in replicas:
            replica.stop()


def environment_of_suite(stack: Stack) -> dict[str, str]:
    """Return the environment of a process, with the tasks of the suite."""
    return {
        **environment_of(stack),
        "WHENDUE_TASKS": f"{USER_TASKS},tests.e2e.tasks",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "layers/core/python"), str(ROOT))),
        "PATH": os.environ["PATH"],
    }
