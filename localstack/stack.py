"""A deployed stack's addresses, and the file in which the dev loop remembers its own."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from localstack.paths import STACK_FILE

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Stack:
    """What one needs to know to use a stack.

    Args:
        api_url: the HTTP API.
        dashboard_url: the page for people.
        aws_endpoint_url: the emulator.
        region: of everything.
        table: the table's name.
        bucket: the bucket's name.
        queues: queue name -> URL.
        dead_letter_queue: its URL.
        functions: function name -> deployed name.
        emulator_pid: the emulator's process, None if it is not ours to stop.
        log: the emulator's log.
    """

    api_url: str
    dashboard_url: str
    aws_endpoint_url: str
    region: str
    table: str
    bucket: str
    queues: dict[str, str]
    dead_letter_queue: str
    functions: dict[str, str] = field(default_factory=dict)
    emulator_pid: int | None = None
    log: str | None = None

    def save(self, path: Path = STACK_FILE) -> None:
        """Remember the stack."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def on(self, pid: int, log: Path) -> "Stack":
        """Return the stack with the emulator that it runs on."""
        return replace(self, emulator_pid=pid, log=str(log))


def load(path: Path = STACK_FILE) -> Stack | None:
    """Recall the stack; None if there is none."""
    if not path.exists():
        return None
    return Stack(**json.loads(path.read_text()))
