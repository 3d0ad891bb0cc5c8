"""Who sends mails: SES v2, or SES v1 in its shape where there is no other (LocalStack without a licence)."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from whendue.adapters.aws import client
from whendue.declarations.resources import EmailSender
from whendue.errors import ConfigurationError

# What v2 calls what v1 says; what is not here has the same name, or none.
# https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html#API_SendEmail_Errors
_CODES: Final = {
    "AccessDenied": "AccessDeniedException",
    "AccountSendingPaused": "AccountSuspendedException",
    "AccountSendingPausedException": "AccountSuspendedException",
    "ConfigurationSetDoesNotExist": "NotFoundException",
    "ConfigurationSetDoesNotExistException": "NotFoundException",
    "InvalidParameterValue": "BadRequestException",
    "MailFromDomainNotVerified": "MailFromDomainNotVerifiedException",
    "Throttling": "ThrottlingException",
    "ValidationError": "ValidationException",
}


class SesV1:
    """Takes what SES v2's SendEmail takes, and calls v1.

    Args:
        ses: boto3's `ses` client.
    """

    def __init__(self, ses: Any) -> None:
        """Send by this client."""
        self._ses = ses

    def send_email(self, **parameters: Any) -> Mapping[str, Any]:
        """Send a simple mail and give SES's `MessageId`.

        Args:
            parameters: of SES v2: FromEmailAddress, Destination, ReplyToAddresses, Content.Simple, EmailTags.

        Raises:
            ClientError: SES refused, with the code that v2 has for it.
        """
        simple = parameters["Content"]["Simple"]
        try:
            reply: Mapping[str, Any] = self._ses.send_email(
                Source=parameters["FromEmailAddress"],
                Destination=parameters["Destination"],
                ReplyToAddresses=parameters.get("ReplyToAddresses", []),
                Message={"Subject": simple["Subject"], "Body": simple["Body"]},
                Tags=parameters.get("EmailTags", []),
            )
        except ClientError as error:
            said = error.response["Error"]
            code = _CODES.get(said.get("Code", ""), said.get("Code", ""))
            raise ClientError(error.response | {"Error": said | {"Code": code}}, "SendEmail") from error
        return reply


def sender(environment: Mapping[str, str], **options: Any) -> EmailSender:
    """Make the resource `sesv2` as WHENDUE_SES_API (`v2`, or `v1`) says.

    Raises:
        ConfigurationError: it says something else.
    """
    api = environment.get("WHENDUE_SES_API") or "v2"
    if api not in ("v1", "v2"):
        raise ConfigurationError("WHENDUE_SES_API must be v1 or v2")
    made: EmailSender = SesV1(client("ses", **options)) if api == "v1" else client("sesv2", **options)
    return made
