"""What all processes print, in one stream: each line with the name of its process."""

import json
import sys
import threading
from typing import IO, Any, Final

# A line of a log is shorter; one without an end is cut.
LINE_BYTES: Final = 64 * 1024
# What each line of ours has, and what only CloudWatch reads.
_UNSHOWN: Final = frozenset(
    {"level", "message", "service", "exception", "_aws", "timestamp", "location", "xray_trace_id"}
)
WIDTH: Final = 8
# What the API logs of each request, and the least status that is an error.
_REQUEST: Final = "request"
_ERRORS: Final = 400


class Stream:
    """Writes lines of several threads, each as a whole.

    Args:
        as_json: write each as a JSON document instead.
        verbose: leave out nothing.
        target: where to.
    """

    def __init__(self, *, as_json: bool = False, verbose: bool = False, target: IO[str] | None = None) -> None:
        """Write nothing yet."""
        self._as_json = as_json
        self._verbose = verbose or as_json
        self._target = target or sys.stdout
        self._lock = threading.Lock()
        self.closed = False

    def wants(self, read: dict[str, Any]) -> bool:
        """Return whether a line of a log is worth a line here: requests that were answered as asked are not.

        Args:
            read: the line, see `document`.
        """
        status = read.get("status")
        return self._verbose or read["message"] != _REQUEST or not isinstance(status, int) or status >= _ERRORS

    def write(self, process: str, text: str) -> None:
        """Write text, a line at a time; a reader that has gone ends nothing but the writing."""
        with self._lock:
            if self.closed:
                return
            try:
                for line in text.splitlines() or [""]:
                    self._target.write(self._formatted(process, line))
                self._target.flush()
            except (BrokenPipeError, ValueError):
                self.closed = True

    def _formatted(self, process: str, line: str) -> str:
        if self._as_json:
            return f"{json.dumps({'process': process, 'text': line})}\n"
        encoding = getattr(self._target, "encoding", None) or "utf-8"
        return f"{process:<{WIDTH}} | {_printable(line)}\n".encode(encoding, "replace").decode(encoding)


def document(line: str) -> dict[str, Any] | None:
    """Return a line of a log as whendue's processes write them; None if it is another one."""
    if not line.startswith("{"):
        return None
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) and "message" in read else None


def readable(read: dict[str, Any]) -> str:
    """Return a line of a log for people: its level unless that is INFO, its message, and its facts without metrics."""
    level, unshown = str(read.get("level", "INFO")), _UNSHOWN | _metrics(read.get("_aws"))
    facts = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in read.items()
        if name not in unshown and value not in ({}, [], 0, False, None, "")
    )
    shown = [] if level == "INFO" else [level]
    trace = f"\n{read['exception']}" if read.get("exception") else ""
    return f"{' '.join([*shown, str(read['message']), facts]).strip()}{trace}"


def _metrics(description: Any) -> set[str]:
    """Name the metrics that a line holds, which describes them as CloudWatch wants it (EMF)."""
    groups = description.get("CloudWatchMetrics", ()) if isinstance(description, dict) else ()
    return {metric["Name"] for group in groups for metric in group["Metrics"]}


def _printable(line: str) -> str:
    """Return a line without characters that move a terminal's cursor or change its colours."""
    return "".join(character if character.isprintable() or character == "\t" else "\ufffd" for character in line)
