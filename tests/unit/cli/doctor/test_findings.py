"""Checks are isolated from each other."""

from collections.abc import Iterator

from whendue.cli.doctor.findings import Finding, fault, ok, run, warning


def good(subject: str) -> Iterator[Finding]:
    yield ok("good", subject)


def broken(subject: str) -> Iterator[Finding]:
    yield warning("broken", "seen", subject)
    raise KeyError("a secret")


def test_a_broken_check_ends_itself_alone() -> None:
    """What it found before counts, the others run, and its error is not quoted."""
    found = list(run([("broken", broken), ("good", good)], "x"))
    assert found == [
        warning("broken", "seen", "x"),
        fault("broken", "check_failed", "the check itself failed: KeyError"),
        ok("good", "x"),
    ]
