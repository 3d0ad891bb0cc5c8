"""Mutants that may survive, and why: they change nothing that a guarantee is about (docs/adr/0008)."""

from typing import Final

EXCUSES: Final[dict[str, str]] = {}
