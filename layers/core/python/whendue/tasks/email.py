"""The task `email`: one mail through Amazon SES v2."""

from typing import Any

from pydantic import Field, model_validator

from whendue import limits, mail
from whendue.context import Context
from whendue.mail import Mail, Mailbox, Mailboxes, Subject
from whendue.payload import Payload
from whendue.registry import task


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
    subject: Subject
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
    """Send the mail and give SES's `messageId`.

    Raises:
        GiveUp: there is no sender, or SES refuses for good.
        Retry: SES throttles.
    """
    return mail.send(Mail(**{name: getattr(payload, name) for name in Mail.__slots__}), ctx.job_id)
