"""What tasks get from outside: clients and settings by name, filled in by the composition root, made on first use."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from whendue.errors import ConfigurationError
from whendue.ssrf import Allowed


class EmailSender(Protocol):
    """Resource `sesv2`: the part of boto3's `sesv2` client that the task `email` uses.

    Its configuration must not retry by itself: a repeated send is a second mail.
    """

    def send_email(self, **parameters: Any) -> Mapping[str, Any]:
        """Call SES v2 SendEmail: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html ."""


class TopicPublisher(Protocol):
    """Resource `sns`: the part of boto3's `sns` client that the channel `sns` uses.

    Its configuration must not retry by itself: deliveries are tried again by their jobs.
    """

    def publish(self, **parameters: Any) -> Mapping[str, Any]:
        """Call Publish: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html ."""


class FunctionInvoker(Protocol):
    """Resource `lambda`: the part of boto3's `lambda` client that the task `lambda` uses.

    Its configuration must not retry by itself, and must read as long as a function may run (900 s).
    """

    def invoke(self, **parameters: Any) -> Mapping[str, Any]:
        """Call Invoke: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html ."""


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """Resource `settings`: what the operator allows the shipped tasks to do.

    Args:
        http_allow: targets that may be private or without TLS.
        email_from: the sender of mails that name none.
        email_recipients: tenant -> addresses and domains (lower case) that its subscriptions may send mails to.
        sns_allow: tenant -> patterns of topic ARNs that its subscriptions may publish to.
        lambda_allow: patterns (`*`, `?`, `[...]`) of function names or ARNs that jobs may invoke.
    """

    http_allow: Allowed = field(default_factory=Allowed)
    email_from: str | None = None
    lambda_allow: tuple[str, ...] = ()
    email_recipients: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sns_allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "TaskSettings":
        """Read WHENDUE_HTTP_ALLOW, _EMAIL_FROM, _EMAIL_RECIPIENTS, _LAMBDA_ALLOW and _SNS_ALLOW; each may be missing.

        Raises:
            ConfigurationError: one is malformed; the message names it, never its value.
        """
        try:
            allow = Allowed.parse(env.get("WHENDUE_HTTP_ALLOW", ""))
        except ConfigurationError as error:
            raise ConfigurationError(f"WHENDUE_HTTP_ALLOW: {error}") from error
        patterns = map(str.strip, env.get("WHENDUE_LAMBDA_ALLOW", "").split(","))
        recipients = _of_tenants(env, "WHENDUE_EMAIL_RECIPIENTS")
        return cls(
            allow,
            env.get("WHENDUE_EMAIL_FROM") or None,
            tuple(filter(None, patterns)),
            {tenant: tuple(map(str.lower, allowed)) for tenant, allowed in recipients.items()},
            _of_tenants(env, "WHENDUE_SNS_ALLOW"),
        )


def _of_tenants(env: Mapping[str, str], name: str) -> dict[str, tuple[str, ...]]:
    malformed = ConfigurationError(f"{name} must be JSON: an object of lists of texts, by tenant")
    try:
        said = json.loads(env.get(name) or "{}")
    except ValueError:
        raise malformed from None
    lists = list(said.values()) if isinstance(said, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise malformed
    return {tenant: tuple(allowed) for tenant, allowed in said.items()}


class Resources:
    """Named things that are made once, when first asked for; safe to ask from many threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._factories: dict[str, Callable[[], Any]] = {}
        self._made: dict[str, Any] = {}
        # Reentrant: a factory may ask for another resource.
        self._lock = threading.RLock()

    def provide(self, name: str, factory: Callable[[], Any]) -> None:
        """Say how a resource is made; a later word replaces an earlier one and what it made."""
        with self._lock:
            self._factories[name] = factory
            self._made.pop(name, None)

    def get(self, name: str) -> Any:
        """Give the resource, making it if it is the first time; a factory that raises is asked again next time.

        Raises:
            ConfigurationError: nobody provides it.
        """
        with self._lock:
            if name not in self._made:
                if name not in self._factories:
                    raise ConfigurationError(f"this process provides no {name!r} to its tasks")
                self._made[name] = self._factories[name]()
            return self._made[name]


RESOURCES: Final = Resources()
provide = RESOURCES.provide
resource = RESOURCES.get
