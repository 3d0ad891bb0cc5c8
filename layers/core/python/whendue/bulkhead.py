"""Bulkheads: where many items are handled together, an exception of one ends it alone, visibly; the rest goes on."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Generic, TypeVar

from whendue.errors import UnavailableError
from whendue.jobs.failures import type_name, where_raised

T = TypeVar("T")
R = TypeVar("R")

# Of the errors between two log lines, the first few are described; all are counted.
DESCRIBED: Final = 20


def raised_by_users() -> tuple[type[BaseException], ...]:
    """Return what code of users may raise. Not BaseException: what ends a process from outside goes on doing so."""
    # As large as all of ours, and its own code of users has imported it.
    from asyncio import CancelledError

    return Exception, SystemExit, KeyboardInterrupt, GeneratorExit, CancelledError, BaseExceptionGroup


@dataclass(frozen=True, slots=True)
class IsolatedError:
    """An error that ended one item and none of its neighbours.

    Args:
        stage: what was being done, as in `promote` or `schedule_plan`.
        item: the item's id or name; never its content.
        error_type: the exception's class.
        where: the innermost frame.
    """

    stage: str
    item: str
    error_type: str
    where: str


@dataclass(slots=True)
class Apart(Generic[T, R]):
    """What came of items that were handled together.

    Args:
        results: what the calls returned that did not raise.
        failed: the items that are to blame, each with its error.
    """

    results: list[R] = field(default_factory=list)
    failed: list[tuple[T, Exception]] = field(default_factory=list)


class Bulkhead:
    """Keeps the errors of single items apart, and remembers them until the process's next log line.

    A process has one of these; its threads share it.
    """

    def __init__(self) -> None:
        """Start with no errors."""
        self._lock = threading.Lock()
        self._errors: list[IsolatedError] = []
        self._count = 0

    def each(
        self, items: Iterable[T], function: Callable[[T], R], *, stage: str, name: Callable[[T], str] = str
    ) -> list[tuple[T, R]]:
        """Call a function for each item; return (item, result) of those for which it did not raise, in order.

        Args:
            items: what is handled together.
            function: what is done with each.
            stage: what is being done, for the log.
            name: the item's id or name, for the log; never its content.

        Raises:
            UnavailableError: a service refused for now, which is no fault of one item.
        """
        done = []
        for item in items:
            try:
                done.append((item, function(item)))
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this item's alone
                self.note(stage, name(item), error)
        return done

    def together(
        self, items: Sequence[T], function: Callable[[Sequence[T]], R], *, stage: str, name: Callable[[T], str] = str
    ) -> Apart[T, R]:
        """Call a function once for all items; if it raises, for each half of them, and so on: it must be repeatable.

        Nothing is called more often while nothing raises, and about 2 x log2(n) times more often for each bad item.

        Args:
            items: what is handled together.
            function: what is done with several at once.
            stage: what is being done, for the log.
            name: the item's id or name, for the log; never its content.

        Raises:
            UnavailableError: as `each`.
        """
        apart = Apart[T, R]()
        waiting = [items] if items else []
        while waiting:
            part = waiting.pop()
            try:
                apart.results.append(function(part))
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is one item's alone
                if len(part) > 1:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
                else:
                    self.note(stage, name(part[0]), error)
                    apart.failed.append((part[0], error))
        return apart

    def batch(
        self,
        items: Sequence[T],
        function: Callable[[Sequence[T]], Sequence[R]],
        *,
        stage: str,
        name: Callable[[T], str] = str,
    ) -> list[tuple[T, R | BaseException]]:
        """Call a function that gives one result for each item, as `together`; return (item, result or its error).

        Args:
            items: what is handled together; doing one again must do no harm.
            function: gives one result for each of the items that it is called for, in order.
            stage: what is being done, for the log.
            name: the item's id or name, for the log; never its content.

        Raises:
            UnavailableError: as `each`.
        """
        outcomes: dict[int, R | BaseException] = {}

        def some(numbers: Sequence[int]) -> None:
            outcomes.update(zip(numbers, function([items[number] for number in numbers]), strict=True))

        apart = self.together(range(len(items)), some, stage=stage, name=lambda number: name(items[number]))
        outcomes.update(apart.failed)
        return [(item, outcomes[number]) for number, item in enumerate(items)]

    @contextmanager
    def around(self, stage: str, item: str) -> Iterator[None]:
        """Let an exception inside end what is inside, and nothing more.

        Args:
            stage: what is being done, for the log.
            item: whose it is, for the log.

        Raises:
            UnavailableError: a service refused for now.
        """
        try:
            yield
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this item's alone
            self.note(stage, item, error)

    def note(self, stage: str, item: str, error: BaseException) -> None:
        """Remember that an error ended an item."""
        with self._lock:
            self._count += 1
            if len(self._errors) < DESCRIBED:
                self._errors.append(IsolatedError(stage, item, type_name(error), where_raised(error)))

    def take(self) -> dict[str, Any]:
        """Return the errors since the last call as members of a log line; empty if there were none."""
        with self._lock:
            errors, count = self._errors, self._count
            self._errors, self._count = [], 0
        return {"isolated_errors": count, "isolated": [asdict(error) for error in errors]} if count else {}
