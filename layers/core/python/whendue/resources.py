"""What tasks get from outside: clients and settings by name, filled in by the composition root, made on first use."""

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
        lambda_allow: patterns (`*`, `?`, `[...]`) of function names or ARNs that jobs may invoke.
    """

    http_allow: Allowed = field(default_factory=Allowed)
    email_from: str | None = None
    lambda_allow: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "TaskSettings":
        """Read WHENDUE_HTTP_ALLOW, WHENDUE_EMAIL_FROM and WHENDUE_LAMBDA_ALLOW; each may be missing.

        Raises:
            ConfigurationError: one is malformed; the message names it, never its value.
        """
        try:
            allow = Allowed.parse(env.get("WHENDUE_HTTP_ALLOW", ""))
        except ConfigurationError as error:
            raise ConfigurationError(f"WHENDUE_HTTP_ALLOW: {error}") from error
        patterns = map(str.strip, env.get("WHENDUE_LAMBDA_ALLOW", "").split(","))
        return cls(allow, env.get("WHENDUE_EMAIL_FROM") or None, tuple(filter(None, patterns)))


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
