"""LocalStack's executor plugin `process`: functions are processes of this machine, from their zips alone.

Layers are not mounted, as in a LocalStack without a licence. A function that cannot start answers each invocation with
the reason, as AWS's does: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

FUNCTION = Path(__file__).with_name("function.py")
STOP_S = 5
LOOPBACK = "127.0.0.1"


class ProcessExecutor(RuntimeExecutor):
    """One execution environment: a process that answers one invocation at a time over a socket pair."""

    def start(self, env_vars: dict[str, Any]) -> None:
        """Start the process; returns when the function's module is loaded, or could not be."""
        self._root = str(self.function_version.config.code.get_unzipped_code_location())
        self._environment = {name: str(value) for name, value in env_vars.items() if value is not None}
        self._environment |= {"LAMBDA_TASK_ROOT": self._root, "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        self._spawn()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # Isolated and without site-packages: what LocalStack needs must not hide what a zip lacks.
            command = [sys.executable, "-I", "-S", "-B", str(FUNCTION), str(theirs.fileno()), self._root]
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        with ours:
            self._channel = ours.makefile("rwb")
        self._channel.readline()

    def stop(self) -> None:
        """End the process."""
        self._end(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        with suppress(OSError):
            os.killpg(self._process.pid, number)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Hand an invocation over; a process that has died since the last one is started again."""
        if self._process.poll() is not None:
            self._spawn()
        timeout_s = float(self.function_version.config.timeout)
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            self._end(signal.SIGKILL)

        timer = threading.Timer(timeout_s, give_up)
        timer.start()
        line = b""
        with suppress(OSError):
            self._channel.write(json.dumps(payload).encode() + b"\n")
            self._channel.flush()
            line = self._channel.readline()
        timer.cancel()
        request = payload["invoke-id"]
        # They are in LocalStack's own log; it warns of an invocation that has none.
        logs = f"END RequestId: {request}\n"
        if line:
            answer = json.loads(line)
            return InvocationResult(request, answer["payload"].encode(), answer["failed"], logs=logs)
        status = self._process.wait()
        error = (
            {"errorType": "Sandbox.Timedout", "errorMessage": f"{request} Task timed out after {timeout_s:.2f} seconds"}
            if overdue.is_set()
            else {"errorType": "Runtime.ExitError", "errorMessage": f"{request} Runtime exited with {status}"}
        )
        return InvocationResult(request, json.dumps(error).encode(), is_error=True, logs=logs)

    def get_address(self) -> str:
        """Everything is on this machine."""
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        """Everything is on this machine."""
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        """Return an address that nobody asks: the socket pair stands for it."""
        return f"http://{LOOPBACK}/{self.id}"

    def get_logs(self) -> str:
        """Functions print into LocalStack's own log."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unpack the zip."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Unpacked code goes with the host's folder."""


class ProcessPlugin(RuntimeExecutorPlugin):
    """What LocalStack finds under LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *_args: Any, **_options: Any) -> type[ProcessExecutor]:
        """Return the executor."""
        return ProcessExecutor
