"""What an AWS call's error means for a job. botocore's errors are read by shape: callers import no AWS library."""

from collections.abc import Collection
from typing import Final, NoReturn

from whendue.declarations.registry import GiveUp, Retry

# What Lambda, SES, SNS and the KMS behind it call throttling:
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
THROTTLED: Final = frozenset(
    {
        "EC2ThrottledException",
        "KMSThrottling",
        "LimitExceededException",
        "SnapStartNotReadyException",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def code_of(error: Exception) -> str:
    """Read the error code of a botocore ClientError; empty for any other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def decide(error: Exception, service: str, *, hopeless: Collection[str]) -> NoReturn:
    """Turn an error into an outcome; the service's message is left out, it may quote the payload.

    Args:
        error: what the call raised.
        service: its name, for people.
        hopeless: codes that no attempt can mend.

    Raises:
        GiveUp: a hopeless code.
        Retry: a code of THROTTLED.
        Exception: the error itself, otherwise.
    """
    code = code_of(error)
    if code in hopeless:
        raise GiveUp(f"{service} refused: {code}") from error
    if code in THROTTLED:
        raise Retry(f"{service} is throttled: {code}") from error
    raise error
