"""The pool of a process that has no threads for it: calls run one after the other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class InlinePool:
    """Runs calls in the caller's thread, in order, so that a run can be repeated exactly."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Run calls; an error of one does not stop the others.

        Raises:
            Exception: the first of their errors, once all of them have ended.
        """
        values: list[T] = []
        errors: list[Exception] = []
        for call in calls:
            try:
                values.append(call())
            except Exception as error:  # noqa: BLE001 - it is raised once all have ended
                errors.append(error)
        if errors:
            raise errors[0]
        return values
