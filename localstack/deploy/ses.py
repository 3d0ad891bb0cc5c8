"""Which SES an emulator has: the older API stands in for the newer one, or it is said that mails will not go out."""

import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from localstack.deploy.clients import Clients


def variables(clients: Clients) -> dict[str, str]:
    """Return the variables by which functions send mails in this emulator."""
    if _there(clients.client("sesv2").get_account):
        return {}
    if not _there(clients.client("ses").get_send_quota):
        print("This emulator has no SES: jobs of the type `email` will end dead.", file=sys.stderr)
    return {"WHENDUE_SES_API": "v1"}


def _there(ask: Callable[[], Any]) -> bool:
    """Return whether an emulator supports an operation; LocalStack answers 501 if it needs a licence."""
    try:
        ask()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_IMPLEMENTED
    return True
