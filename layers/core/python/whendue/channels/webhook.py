"""The channel `webhook`: one signed POST, as Standard Webhooks has it."""

from typing import Any, Final, NoReturn

from pydantic import Field

from whendue import quotas as limits
from whendue.declarations.channel import Attempt, ChannelConfig, Event, ReceiverGoneError
from whendue.declarations.registry import Retry, channel
from whendue.declarations.resources import TaskSettings, resource
from whendue.declarations.schema import Line
from whendue.jobs.failures import clip
from whendue.outbound import client as outbound
from whendue.outbound import signing
from whendue.outbound.signing import Kind
from whendue.outbound.ssrf import parse_target
from whendue.version import VERSION

# Standard Webhooks, "Status codes": the subscription is to be disabled.
_GONE: Final = 410
_WITH_RETRY_AFTER: Final = frozenset({429, 502, 503, 504})


class WebhookStatusError(Exception):
    """The answer was no success; a later attempt may do better."""


class WebhookConfig(ChannelConfig):
    """Where to send.

    Args:
        url: https, unless the operator allows the target without.
        signature: `v1` (HMAC-SHA256, a shared secret) or `v1a` (ed25519, a public key).
    """

    url: Line
    signature: Kind = Field(default="v1")

    @property
    def signed(self) -> Kind:
        """Always."""
        return self.signature


def acceptable(config: WebhookConfig, tenant: str) -> None:
    """Refuse what would be refused at each attempt.

    Raises:
        TargetRefusedError: the URL leads where no request may go.
    """
    settings: TaskSettings = resource("settings")
    settings.check_target(tenant, config.url)


@channel("webhook", check=acceptable)
def webhook(event: Event, config: WebhookConfig, attempt: Attempt) -> dict[str, Any]:
    """Send the event and give the answer's `status`, and the beginning of its `body` if it is text.

    Raises:
        TargetRefusedError: the URL leads where no request may go.
        ReceiverGoneError: 410.
        Retry: 429, 502, 503 or 504 with Retry-After.
        WebhookStatusError: any other status but 2xx; redirects are not followed.
        HttpTimeoutError, HttpProtocolError, OSError: no answer.
    """
    settings: TaskSettings = resource("settings")
    body = event.model_dump_json().encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"whendue/{VERSION}"}
    headers |= {"traceparent": attempt.traceparent} if attempt.traceparent else {}
    headers |= signing.headers(attempt.keys, attempt.id, int(attempt.now_s()), body)
    ends_at_s = attempt.remaining_s() - min(limits.NOTIFY_TIMEOUT_S, attempt.remaining_s())
    answer = outbound.send(
        outbound.Request(parse_target(config.url), "POST", headers, body),
        allowed=settings.http_allowed(attempt.tenant),
        left_s=lambda: attempt.remaining_s() - ends_at_s,
        body_limit=limits.NOTIFY_ANSWER_BYTES,
    )
    if answer.status // 100 != 2:  # noqa: PLR2004
        _judge(answer, attempt.now_s())
    return {"status": answer.status, "body": _text(answer)}


def _judge(answer: outbound.Answer, now_s: float) -> NoReturn:
    said = _text(answer)
    message = f"the receiver answered {answer.status}" + (f": {said}" if said else "")
    if answer.status // 100 == 3:  # noqa: PLR2004
        raise WebhookStatusError(f"the receiver answered {answer.status}, and redirects are not followed")
    if answer.status == _GONE:
        raise ReceiverGoneError(message)
    if answer.status in _WITH_RETRY_AFTER and "retry-after" in answer.headers:
        raise Retry(message, after=outbound.retry_after_s(answer, now_s))
    raise WebhookStatusError(message)


def _text(answer: outbound.Answer) -> str:
    """Return the receiver's response as one line of text; empty if it is compressed."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        return ""
    text = answer.body.decode(errors="replace")
    return clip(
        "".join(character if character.isprintable() else " " for character in text).strip(), limits.NOTIFY_ANSWER_BYTES
    )
