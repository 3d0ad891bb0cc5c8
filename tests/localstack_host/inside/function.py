"""A function's process: loads the handler from its zip, then answers invocations, a line of JSON each.

Called as `function.py DESCRIPTOR TASK_ROOT` with _HANDLER in its environment. Nothing but the standard library.
"""

import importlib
import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class Context:
    """The part of Lambda's context that Python functions use."""

    def __init__(self, invocation: dict[str, str]) -> None:
        """Describe one invocation."""
        environment = os.environ
        self.aws_request_id = invocation["invoke-id"]
        self.invoked_function_arn = invocation["invoked-function-arn"]
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._until = time.monotonic() + float(environment["AWS_LAMBDA_FUNCTION_TIMEOUT"])

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the timeout."""
        return max(0, round((self._until - time.monotonic()) * 1000))


def load(named: str) -> Callable[[Any, Context], Any]:
    """Import the handler; what cannot be imported answers every invocation with the reason."""
    module, _, name = named.rpartition(".")
    try:
        handler: Callable[[Any, Context], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    except BaseException as error:
        traceback.print_exc()
        kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else f"Runtime.{type(error).__name__}"
        reason = {"errorType": kind, "errorMessage": f"Unable to import module '{module}': {error}", "stackTrace": []}
        raise CannotStartError(reason) from error
    return handler


class CannotStartError(Exception):
    """The handler could not be loaded; its one argument is the answer to each invocation."""


def answer(handler: Callable[[Any, Context], Any], invocation: dict[str, str]) -> dict[str, Any]:
    """Run one invocation."""
    os.environ["_X_AMZN_TRACE_ID"] = invocation.get("trace-id") or ""
    try:
        reply = handler(json.loads(invocation["payload"] or "{}"), Context(invocation))
        return {"failed": False, "payload": json.dumps(reply)}
    except Exception as error:  # noqa: BLE001 - as Lambda's own runtime does
        traceback.print_exc()
        found = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
        return {"failed": True, "payload": json.dumps(found)}


def main(descriptor: int, root: str) -> None:
    """Serve until the other end is gone."""
    sys.path.insert(0, root)
    channel = socket.socket(fileno=descriptor).makefile("rwb")
    waiting: SimpleQueue[bytes] = SimpleQueue()

    def receive() -> None:
        for line in channel:
            waiting.put(line)
        # LocalStack is gone, or gave this environment up: also in the midst of an invocation.
        os._exit(1)

    threading.Thread(target=receive, daemon=True).start()
    try:
        handler, broken = load(os.environ["_HANDLER"]), None
    except CannotStartError as error:
        handler, broken = None, {"failed": True, "payload": json.dumps(error.args[0])}
    _write(channel, {"ready": broken is None})
    while True:
        invocation = json.loads(waiting.get())
        _write(channel, broken if handler is None else answer(handler, invocation))


def _write(channel: Any, message: Any) -> None:
    channel.write(json.dumps(message).encode() + b"\n")
    channel.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
