"""What became of mutants, kept in the repository: a gate judges only what has changed, and goes on where it stopped."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.simulation.covering_tests import TESTS, file_of
from tests.simulation.mutants import Mutant

# The gate's own files: no world depends on them, nor on tests.
GATE = {
    "allowed_mutants.py",
    "coverage.py",
    "covering_tests.py",
    "mutants.py",
    "mutation_gate.py",
    "parts.py",
    "report.py",
    "verdicts.py",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Args:
        mutant: which.
        by: who caught it; None for a survivor.
        what: by what.
        broken: why it could not be judged; such a mutant counts as caught by nobody.
    """

    mutant: Mutant
    by: str | None = None
    what: str = ""
    broken: str | None = None

    @property
    def end(self) -> str:
        """Name the end, as the report counts it."""
        if self.broken:
            return "unjudged"
        return self.by or ("explained" if self.mutant.allowed_because else "survivors")

    @property
    def sentence(self) -> str:
        """Describe it in one line."""
        match self.end:
            case "unjudged":
                return f"UNJUDGED: {self.broken}"
            case "explained":
                return f"explained: {self.mutant.allowed_because}"
            case "survivors":
                return "SURVIVES"
        return f"caught by {self.by}: {self.what}"


class CaughtMutants:
    """The mutants that were caught, in a file of JSON lines.

    An entry holds as long as the mutant's module and what caught it are unchanged: a file of tests with the builders,
    or the simulator. Survivors are not kept: they are judged again.
    """

    def __init__(self, path: Path) -> None:
        """Keep them in this file."""
        self._path = path

    def find(self) -> dict[str, tuple[str, str]]:
        """Return who caught a mutant and by what, for the mutants' digests; only what still holds."""
        return {entry["mutant"]: (entry["by"], entry["what"]) for entry in self._entries() if _holds(entry)}

    def add(self, verdict: Verdict) -> None:
        """Append a verdict; of a mutant that was not caught nothing is kept."""
        if verdict.by is None or verdict.broken:
            return
        entry = {
            "mutant": digest_of(verdict.mutant),
            "by": verdict.by,
            "what": verdict.what,
            "basis": _basis(verdict.by, verdict.what),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def tidy(self) -> None:
        """Keep only what still holds, once and in order, so that a change of the file shows what has changed."""
        holding = {entry["mutant"]: json.dumps(entry) for entry in self._entries() if _holds(entry)}
        self._path.write_text("".join(f"{line}\n" for _, line in sorted(holding.items())))

    def _entries(self) -> Iterator[dict[str, str]]:
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                entry: dict[str, str] = json.loads(line)
                yield entry


def digest_of(mutant: Mutant) -> str:
    """Return a digest of a mutant: which change to which source."""
    return _digest(f"{mutant.module} {mutant.change}\n{mutant.source}".encode())


def _holds(entry: dict[str, str]) -> bool:
    return entry["basis"] == _basis(entry["by"], entry["what"]) != ""


def _basis(by: str, what: str) -> str:
    """Return a digest of what caught a mutant, empty if that cannot be told."""
    return _digest_of_test(file_of(what)) if by == "tests" else _digest_below("simulation")


@cache
def _digest_of_test(file: str) -> str:
    path = TESTS / file
    return _digest(path.read_bytes() + _digest_below("builders").encode()) if path.is_file() else ""


@cache
def _digest_below(directory: str) -> str:
    found = sorted((TESTS / directory).rglob("*.py"))
    paths = [path for path in found if path.name not in GATE and not path.name.startswith("test_")]
    return _digest(b"".join(path.read_bytes() for path in paths))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
