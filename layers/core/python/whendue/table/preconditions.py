"""What a writer expects of a versioned thing before it changes it: optimistic locking."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold of the current version; by default anything goes.

    Args:
        one_of: the current version is one of these; None: any.
        exists: True: there is one, False: there is none; None: either.
    """

    one_of: frozenset[int] | None = None
    exists: bool | None = None

    def holds(self, version: int | None) -> bool:
        """Return whether the current version (None if there is none) is what the writer expects."""
        if self.exists is not None and self.exists != (version is not None):
            return False
        return self.one_of is None or version in self.one_of
