"""The channel `email`: one mail through Amazon SES v2, its words from templates that can only be filled in."""

import html
import json
import unicodedata
from collections.abc import Callable, Mapping
from string import Template
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from whendue import mail
from whendue import task_quotas as limits
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel
from whendue.jobs.failures import clip
from whendue.mail import Mail, Mailboxes, Subject

TEXT: Final = "$type at $timestamp\n\n$details\n"


class EventTemplate(Template):
    """`$name`, and `$name.inner` for what is inside: no expressions, no code."""

    idpattern = r"(?a:[_a-z][_a-z0-9]*(?:\.[_a-z0-9-]+)*)"


def _fillable(text: str) -> str:
    if not EventTemplate(text).is_valid():
        raise ValueError("has a $ without a name after it; write $$ for a $")
    return text


class EmailConfig(ChannelConfig):
    """The addresses to send to, and what to send.

    Args:
        to: one recipient, or a list; the operator's WHENDUE_EMAIL_RECIPIENTS must allow each of them to the tenant.
        subject: one line, a template.
        text: the plain body, a template.
        html: the HTML body, a template; what is filled in is escaped.
    """

    BODIES: ClassVar = frozenset({"text", "html"})

    to: Annotated[Mailboxes, Field(min_length=1)]
    subject: Annotated[Subject, AfterValidator(_fillable)] = "whendue: $type $jobId"
    text: Annotated[str, AfterValidator(_fillable)] = TEXT
    html: Annotated[str, AfterValidator(_fillable)] | None = None


def acceptable(config: EmailConfig, tenant: str) -> None:
    """Refuse recipients that the operator does not allow.

    Raises:
        NotAllowedError: one is not allowed, or there is no sender; the message names no recipient.
    """
    mail.check(tenant, None, [("config.to", config.to)])


@channel("email", check=acceptable)
def email(event: Event, config: EmailConfig, attempt: Attempt) -> dict[str, Any]:
    """Send the mail and give SES's `messageId`; SES knows no idempotency key, so a lost worker's may come twice.

    Raises:
        NotAllowedError: a recipient is not allowed any more, or there is no sender.
        GiveUp: SES refuses for good.
        Retry: SES throttles.
    """
    acceptable(config, attempt.tenant)
    values = facts(event)
    filled = Mail(
        to=config.to,
        subject=clip(_filled(config.subject, values, one_line), limits.EMAIL_SUBJECT_BYTES),
        text=_filled(config.text, values, str),
        html=None if config.html is None else _filled(config.html, values, html.escape),
    )
    return mail.send(filled, attempt.id)


class _Facts(dict[str, str]):
    """What an event has; a name that it has not is filled with nothing."""

    def __missing__(self, name: str) -> str:
        return ""


def facts(event: Event) -> Mapping[str, str]:
    """Return the values that a template may use, as text: type, timestamp, details and the event's data."""
    found = _Facts(type=event.type, timestamp=event.timestamp)
    found["details"] = "\n".join(f"{name}: {_text(value)}" for name, value in event.data.items() if value is not None)
    _collect(found, "", event.data)
    return found


def _collect(found: _Facts, prefix: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            _collect(found, f"{prefix}{name}.", value)
        found.setdefault(f"{prefix}{name}", _text(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def one_line(text: str) -> str:
    """Turn whatever could begin another line, or a header, into spaces."""
    return "".join(
        " " if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character for character in text
    )


def _filled(template: str, values: Mapping[str, str], clean: Callable[[str], str]) -> str:
    cleaned = _Facts({name: clean(value) for name, value in values.items()})
    return EventTemplate(template).substitute(cleaned)
