"""One process at a time: what is made once under `.local/` may be wanted by several processes (parallel tests)."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from localstack.paths import LOCAL


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold a lock for the length of a block; the system lets go of it when the process ends, however it ends.

    Args:
        name: what is being made.
    """
    LOCAL.mkdir(parents=True, exist_ok=True)
    with (LOCAL / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
