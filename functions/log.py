"""One structured log line per invocation (Powertools Logger); never a payload, a token or a secret."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def _logger() -> "Logger":
    from aws_lambda_powertools import Logger

    return Logger(service="whendue")


def prepare() -> None:
    """Import what writes a line, and the metrics in it."""
    import aws_lambda_powertools.metrics  # noqa: F401 - the first line with metrics finds it

    _logger()


def info(what: str, **facts: Any) -> None:
    """Log what an invocation did."""
    _logger().info(what, **facts)


def failed(what: str, error: BaseException, **facts: Any) -> None:
    """Log an unexpected error: its type and place, not its words, which may quote a payload."""
    from whendue.jobs.failures import where_raised

    _logger().error(what, error_type=type(error).__name__, where=where_raised(error), **facts)
