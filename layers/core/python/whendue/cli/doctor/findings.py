"""What a check finds, and running checks so that a broken one ends itself alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")
Status = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found.

    Args:
        check: name of the check.
        status: `ok`, `warning` (it works, look at it) or `fault`.
        code: stable name of what is wrong; `ok` if nothing is.
        text: what is wrong, where, and what to do.
    """

    check: str
    status: Status
    code: str
    text: str


Check = Callable[[T], Iterator[Finding]]


def ok(check: str, text: str) -> Finding:
    """Return that a check has found nothing wrong."""
    return Finding(check, "ok", "ok", text)


def fault(check: str, code: str, text: str) -> Finding:
    """Return what does not work."""
    return Finding(check, "fault", code, text)


def warning(check: str, code: str, text: str) -> Finding:
    """Return what works and should be looked at."""
    return Finding(check, "warning", code, text)


def run(checks: Sequence[tuple[str, Check[T]]], subject: T) -> Iterator[Finding]:
    """Run checks one after another; an error of one is its finding, and the others run."""
    for name, check in checks:
        try:
            yield from check(subject)
        except Exception as error:  # noqa: BLE001 - the other checks say more
            yield fault(name, "check_failed", f"the check itself failed: {type(error).__name__}")
