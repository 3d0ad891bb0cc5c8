"""What tasks log is kept as in a worker, and the `logging` of the test process is as before afterwards."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from whendue.declarations.log_capture import TO_ATTEMPT, capture


@contextmanager
def captured(level: int) -> Iterator[None]:
    """Keep the records of tasks inside.

    Args:
        level: from which level on, a number of the standard `logging`.
    """
    root = logging.getLogger()
    former_level, was_captured = root.level, TO_ATTEMPT in root.handlers
    capture(level)
    try:
        yield
    finally:
        root.setLevel(former_level)
        if not was_captured:
            root.removeHandler(TO_ATTEMPT)
