"""The task `email`: one mail through Amazon SES v2."""

import re
from email.utils import formataddr
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from whendue import limits
from whendue.context import Context
from whendue.registry import GiveUp, task
from whendue.resources import EmailSender, TaskSettings, resource
from whendue.tasks._aws import decide
from whendue.tasks._payload import Line, Payload

# https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address, with a dot in the domain. ASCII: SES takes no
# other (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html).
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"([A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+)@{_LABEL}(?:\.{_LABEL})+")
_MAILBOX: Final = re.compile(r'(?:"(?P<quoted>[^"\\<>]*)"|(?P<name>[^"\\<>,;:@()\[\]]*))\s*<(?P<address>[^<>]*)>')
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
_HOPELESS: Final = frozenset(
    {
        "AccessDeniedException",
        "AccountSuspendedException",
        "BadRequestException",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",
        "NotFoundException",
        "ValidationException",
    }
)
_THROTTLED: Final = frozenset({"LimitExceededException", "ThrottlingException", "TooManyRequestsException"})


def mailbox(text: str) -> str:
    """Read `ada@example.com` or `Ada Lovelace <ada@example.com>` and give it as SES wants it (RFC 2047 for names).

    Raises:
        ValueError: it is neither; the message never shows it.
    """
    if len(text.encode()) > limits.EMAIL_MAILBOX_BYTES:
        raise ValueError(f"over {limits.EMAIL_MAILBOX_BYTES} bytes")
    parts = _MAILBOX.fullmatch(text)
    address = parts["address"] if parts else text
    name = (parts["quoted"] or parts["name"] or "").strip() if parts else ""
    found = _ADDRESS.fullmatch(address)
    if not found or len(address) > limits.EMAIL_ADDRESS_BYTES or len(found[1]) > limits.EMAIL_LOCAL_PART_BYTES:
        raise ValueError("not an e-mail address; write name@example.com or Name <name@example.com>")
    return formataddr((name, address))


def _short(text: str) -> str:
    if len(text.encode()) > limits.EMAIL_SUBJECT_BYTES:
        raise ValueError(f"over {limits.EMAIL_SUBJECT_BYTES} bytes")
    return text


Mailbox = Annotated[Line, AfterValidator(mailbox)]
Mailboxes = Annotated[list[Mailbox], Field(max_length=limits.EMAIL_RECIPIENTS)]


class EmailPayload(Payload):
    """A mail.

    Args:
        to, cc, bcc: recipients, 50 together.
        subject: one line.
        text: the plain body.
        html: the HTML body; one of the two must be there.
        sender: `from` in JSON; without it the operator's WHENDUE_EMAIL_FROM.
        reply_to: where answers go.
    """

    to: Mailboxes = Field(default_factory=list)
    cc: Mailboxes = Field(default_factory=list)
    bcc: Mailboxes = Field(default_factory=list)
    subject: Annotated[Line, AfterValidator(_short)]
    text: str | None = None
    html: str | None = None
    sender: Mailbox | None = Field(default=None, alias="from")
    reply_to: Mailboxes = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> "EmailPayload":
        if not 1 <= len(self.to) + len(self.cc) + len(self.bcc) <= limits.EMAIL_RECIPIENTS:
            raise ValueError(f"to, cc and bcc must hold 1 to {limits.EMAIL_RECIPIENTS} addresses together")
        if self.text is None and self.html is None:
            raise ValueError("a mail needs text or html")
        return self


@task("email")
def email(payload: EmailPayload, ctx: Context) -> dict[str, Any]:
    """Send the mail and give SES's `messageId`. A lost worker's mail may be sent twice: SES knows no idempotency key.

    Raises:
        GiveUp: there is no sender, or SES refuses for good.
        Retry: SES throttles.
    """
    settings: TaskSettings = resource("settings")
    sender = payload.sender or settings.email_from
    if not sender:
        raise GiveUp("the mail has no sender: give `from`, or set WHENDUE_EMAIL_FROM")
    client: EmailSender = resource("sesv2")
    bodies = {"Text": payload.text, "Html": payload.html}
    try:
        response = client.send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": payload.to, "CcAddresses": payload.cc, "BccAddresses": payload.bcc},
            ReplyToAddresses=payload.reply_to,
            Content={
                "Simple": {
                    "Subject": _content(payload.subject),
                    "Body": {kind: _content(text) for kind, text in bodies.items() if text is not None},
                }
            },
            EmailTags=[{"Name": "whendue-job", "Value": ctx.job_id}],
        )
    except Exception as error:  # noqa: BLE001 - sorted out, and raised again in every case
        decide(error, "SES", hopeless=_HOPELESS, throttled=_THROTTLED)
    return {"messageId": response["MessageId"]}


def _content(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
