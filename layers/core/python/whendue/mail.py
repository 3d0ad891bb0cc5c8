"""Mails through Amazon SES v2: addresses, lines that cannot become headers, and the one call."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formataddr
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from whendue import task_quotas as limits
from whendue.aws_errors import decide
from whendue.declarations.registry import GiveUp
from whendue.declarations.resources import EmailSender, TaskSettings, resource
from whendue.declarations.schema import Line
from whendue.errors import NotAllowedError

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


def mailbox(text: str) -> str:
    """Read `ada@example.com` or `Ada Lovelace <ada@example.com>` and give it as SES wants it (RFC 2047 for names).

    Raises:
        ValueError: it is neither; the message never shows it.
    """
    if len(text.encode()) > limits.EMAIL_MAILBOX_BYTES:
        raise ValueError(f"must have at most {limits.EMAIL_MAILBOX_BYTES} bytes")
    parts = _MAILBOX.fullmatch(text)
    address = parts["address"] if parts else text
    name = (parts["quoted"] or parts["name"] or "").strip() if parts else ""
    found = _ADDRESS.fullmatch(address)
    if not found or len(address) > limits.EMAIL_ADDRESS_BYTES or len(found[1]) > limits.EMAIL_LOCAL_PART_BYTES:
        raise ValueError(
            "must be an email address, as in name@example.com or Name <name@example.com>, in ASCII; send "
            "several as a list"
        )
    return formataddr((name, address))


def _short(text: str) -> str:
    if len(text.encode()) > limits.EMAIL_SUBJECT_BYTES:
        raise ValueError(f"must have at most {limits.EMAIL_SUBJECT_BYTES} bytes")
    return text


def _one_or_many(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read one mailbox as a list of one, and null as none; an error of the one is at the field itself."""
    if value is None or isinstance(value, list):
        return handler(value or [])
    if not isinstance(value, str):
        raise PydanticCustomError("mailbox", "write one address, or a list of addresses")
    try:
        return handler([value])
    except ValidationError as error:
        raise PydanticCustomError("mailbox", error.errors()[0]["msg"].removeprefix("Value error, ")) from None


Mailbox = Annotated[Line, AfterValidator(mailbox)]
Mailboxes = Annotated[
    list[Mailbox],
    Field(max_length=limits.EMAIL_RECIPIENTS),
    WrapValidator(_one_or_many, json_schema_input_type=str | list[str] | None),
]
Subject = Annotated[Line, AfterValidator(_short)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail.

    Args:
        to, cc, bcc, reply_to: mailboxes as `mailbox` gives them.
        subject: one line.
        text, html: the bodies; without both the text is empty.
        sender: without it the operator's WHENDUE_EMAIL_FROM.
    """

    to: Sequence[str]
    subject: str
    text: str | None
    html: str | None
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    sender: str | None = None
    reply_to: Sequence[str] = ()


def check(tenant: str, sender: str | None, recipients: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Refuse a mail that the operator does not allow to the tenant.

    Args:
        tenant: whose mail.
        sender: the one that it names, None for the operator's.
        recipients: for each field its place and its mailboxes.

    Raises:
        NotAllowedError: it is not allowed; the message names the setting, and its places never show an address.
    """
    settings: TaskSettings = resource("settings")
    places = []
    if sender is None and settings.email_from is None:
        places.append({"where": "from", "problem": "must be sent, because the operator has set no WHENDUE_EMAIL_FROM"})
    elif sender is not None and not settings.may_mail_from(tenant, sender):
        places.append({"where": "from", "problem": "WHENDUE_EMAIL_SENDERS does not allow this sender for the tenant"})
    problem = "WHENDUE_EMAIL_RECIPIENTS does not allow this recipient for the tenant"
    for where, mailboxes in recipients:
        refused = [number for number, mailbox_ in enumerate(mailboxes) if not settings.may_mail_to(tenant, mailbox_)]
        places += [{"where": f"{where}.{number}", "problem": problem} for number in refused]
    if places:
        raise NotAllowedError(f"the email is not allowed: {places[0]['problem']}", errors=places)


def send(mail: Mail, job_id: str) -> dict[str, Any]:
    """Send a mail and give SES's `messageId`. A lost worker's mail may be sent twice: SES knows no idempotency key.

    Raises:
        GiveUp: there is no sender, or SES refuses for good.
        Retry: SES throttles.
    """
    settings: TaskSettings = resource("settings")
    sender = mail.sender or settings.email_from
    if not sender:
        raise GiveUp("the email has no sender: send from, or set WHENDUE_EMAIL_FROM")
    client: EmailSender = resource("sesv2")
    bodies = {"Text": "" if mail.text is None and mail.html is None else mail.text, "Html": mail.html}
    try:
        response = client.send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": list(mail.to), "CcAddresses": list(mail.cc), "BccAddresses": list(mail.bcc)},
            ReplyToAddresses=list(mail.reply_to),
            Content={
                "Simple": {
                    "Subject": _content(mail.subject),
                    "Body": {kind: _content(text) for kind, text in bodies.items() if text is not None},
                }
            },
            EmailTags=[{"Name": "whendue-job", "Value": job_id}],
        )
    except Exception as error:  # noqa: BLE001 - sorted out, and raised again in every case
        decide(error, "SES", hopeless=_HOPELESS)
    return {"messageId": response["MessageId"]}


def _content(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
