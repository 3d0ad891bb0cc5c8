"""Submits jobs to one system. Reads a command a line from standard input, answers each with a line of JSON.

A command is JSON: `first`, `count`, `bulk` (jobs a call, 1 is single), `slow_every` (0 is never), `slow_s`, `sleep_s`
(of the others), `rate` (jobs a second, 0 is as fast as possible). The answer has `seconds` and `cpu_s`.
"""

import importlib
import json
import sys
import time
from typing import Any, Protocol


class Client(Protocol):
    """Submits to one system."""

    def submit(self, payload: dict[str, Any]) -> None:
        """Submit a job."""

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        """Submit jobs, by the best means that the system has."""


def submit(client: Client, command: dict[str, Any]) -> dict[str, float]:
    """Carry out a command."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    for offset in range(0, command["count"], command["bulk"]):
        if command["rate"]:
            due_s = began_s + offset / command["rate"]
            time.sleep(max(0.0, due_s - time.perf_counter()))
        size = min(command["bulk"], command["count"] - offset)
        payloads = [_payload(command, command["first"] + offset + i) for i in range(size)]
        if command["bulk"] == 1:
            client.submit(payloads[0])
        else:
            client.submit_many(payloads)
    return {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - began_cpu_s}


def _payload(command: dict[str, Any], n: int) -> dict[str, Any]:
    slow = command["slow_every"] and n % command["slow_every"] == 0
    return {"n": n, "at_ns": time.time_ns(), "sleep_s": command["slow_s"] if slow else command["sleep_s"]}


def main() -> None:
    """Serve commands until there are no more."""
    client: Client = importlib.import_module(f"tests.load.bench.programs.{sys.argv[1]}").client()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(submit(client, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
