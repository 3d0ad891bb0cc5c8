"""What an AWS call's error means for a job. botocore's errors are read by shape: callers import no AWS library."""

from collections.abc import Collection
from typing import NoReturn

from whendue.declarations.registry import GiveUp, Retry


def code_of(error: Exception) -> str:
    """Read the error code of a botocore ClientError; empty for any other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def decide(error: Exception, service: str, *, hopeless: Collection[str], throttled: Collection[str]) -> NoReturn:
    """Turn an error into an outcome; the service's message is left out, it may quote the payload.

    Args:
        error: what the call raised.
        service: its name, for people.
        hopeless: codes that no attempt can mend.
        throttled: codes that say: later.

    Raises:
        GiveUp: a hopeless code.
        Retry: a throttled code.
        Exception: the error itself, otherwise.
    """
    code = code_of(error)
    if code in hopeless:
        raise GiveUp(f"{service} refused: {code}") from error
    if code in throttled:
        raise Retry(f"{service} is throttled: {code}") from error
    raise error
