"""The task `email`: one mail through Amazon SES v2."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from whendue import mail
from whendue import task_quotas as limits
from whendue.declarations.context import Context
from whendue.declarations.registry import task
from whendue.declarations.schema import Payload
from whendue.errors import NotAllowedError
from whendue.mail import Mail, Mailbox, Mailboxes, Subject

_BODIES: Final = "write text (plain), html, or both"
_RECIPIENTS: Final = "write to, cc or bcc"


class EmailPayload(Payload):
    """A mail.

    Args:
        to, cc, bcc: recipients, 50 together; one address, or a list.
        subject: one line.
        text: the plain body; empty where there is no html either.
        html: the HTML body.
        sender: `from` in JSON; without it the operator's WHENDUE_EMAIL_FROM.
        reply_to: where answers go; one address, or a list.
    """

    INSTEAD: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("body", "content", "message", "plain"), _BODIES),
        **dict.fromkeys(("address", "email", "recipient", "recipients"), _RECIPIENTS),
        **dict.fromkeys(("fromAddress", "sender", "source"), "write from"),
        **dict.fromkeys(("reply_to", "replyto", "reply-to"), "write replyTo"),
        "title": "write subject",
        "attachments": "files cannot be attached",
    }

    to: Mailboxes = Field(default_factory=list)
    cc: Mailboxes = Field(default_factory=list)
    bcc: Mailboxes = Field(default_factory=list)
    subject: Subject
    text: str | None = None
    html: str | None = None
    sender: Mailbox | None = Field(default=None, alias="from")
    reply_to: Mailboxes = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> "EmailPayload":
        if not 1 <= len(self.to) + len(self.cc) + len(self.bcc) <= limits.EMAIL_RECIPIENTS:
            problem = f"to, cc and bcc must hold 1 to {limits.EMAIL_RECIPIENTS} addresses together"
            raise PydanticCustomError("recipients", problem)
        return self


def allowed(payload: EmailPayload, tenant: str) -> None:
    """Refuse a sender or a recipient that the operator does not allow to the tenant.

    Raises:
        NotAllowedError: one is not allowed, or there is no sender.
    """
    mail.check(tenant, payload.sender, [("to", payload.to), ("cc", payload.cc), ("bcc", payload.bcc)])


@task("email", check=allowed, never_retry=(NotAllowedError,))
def email(payload: EmailPayload, ctx: Context) -> dict[str, Any]:
    """Send the mail and give SES's `messageId`.

    Raises:
        NotAllowedError: the operator does not allow sender or recipients to the tenant (any more).
        GiveUp: SES refuses for good.
        Retry: SES throttles.
    """
    allowed(payload, ctx.tenant)
    return mail.send(Mail(**{name: getattr(payload, name) for name in Mail.__slots__}), ctx.job_id)
