"""One JSON line per event on stdout; never a payload, a token or a secret."""

import json
import sys
from typing import Any

from whendue.jobs.failures import where_raised


def info(what: str, **facts: Any) -> None:
    """Log what the process did."""
    _line("INFO", what, facts)


def failed(what: str, error: BaseException) -> None:
    """Log an unexpected error: its type and place, not its words, which may quote a payload."""
    _line("ERROR", what, {"error_type": type(error).__name__, "where": where_raised(error)})


def _line(level: str, what: str, facts: dict[str, Any]) -> None:
    # One write: lines of several threads do not mix.
    sys.stdout.write(json.dumps({"level": level, "message": what, "service": "whendue"} | facts) + "\n")
    sys.stdout.flush()
