"""What tasks get from outside: clients and settings by name, filled in by the composition root, made on first use."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol

from whendue.errors import ConfigurationError
from whendue.outbound.ssrf import ALLOWED_BY, Allowed, check_known, parse_target


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


# The key of what every tenant may. No tenant is called so: tenants' names are of other characters (adapters/auth.py).
EVERYBODY: Final = "*"
# What a list of mail addresses may hold: an address, a domain, or everything.
_MAIL_ENTRY: Final = re.compile(r"\*|(?:[^\s@*]+@)?[a-z0-9-]+(?:\.[a-z0-9-]+)+")
ByTenant = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """Resource `settings`: what the operator allows the shipped tasks and channels to do, by tenant.

    The key `*` of each list holds for every tenant. The methods are the one place that reads the lists.

    Args:
        http_allow: targets that may be private or without TLS, for every tenant.
        email_from: the sender of mails that name none.
        email_senders: tenant -> addresses and domains (lower case) that its mails may come from.
        email_recipients: tenant -> addresses and domains (lower case) that its mails may go to.
        sns_allow: tenant -> patterns of topic ARNs that its subscriptions may publish to.
        lambda_allow: tenant -> patterns (`*`, `?`, `[...]`) of function names or ARNs that its jobs may invoke.
        http_tenants: tenant -> further targets that may be private or without TLS.
        own_functions: bare names (lower case) of whendue's own functions; no list allows them.
        own_topics: the same of its topics.
    """

    http_allow: Allowed = field(default_factory=Allowed)
    email_from: str | None = None
    email_senders: ByTenant = field(default_factory=dict)
    email_recipients: ByTenant = field(default_factory=dict)
    sns_allow: ByTenant = field(default_factory=dict)
    lambda_allow: ByTenant = field(default_factory=dict)
    http_tenants: Mapping[str, Allowed] = field(default_factory=dict)
    own_functions: frozenset[str] = frozenset()
    own_topics: frozenset[str] = frozenset()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "TaskSettings":
        """Read WHENDUE_HTTP_ALLOW, _EMAIL_FROM, _EMAIL_*, _LAMBDA_ALLOW, _SNS_ALLOW and _OWN_*; each may be missing.

        Raises:
            ConfigurationError: one is malformed, or functions are allowed and whendue's own are not known; the message
                names the variable, never its value.
        """
        http = _targets(env, ALLOWED_BY)
        invoked = _of_tenants(env, "WHENDUE_LAMBDA_ALLOW")
        own = _own(env, "WHENDUE_OWN_FUNCTIONS", _function_name)
        if any(invoked.values()) and not own:
            raise ConfigurationError(
                "WHENDUE_LAMBDA_ALLOW needs WHENDUE_OWN_FUNCTIONS: the names of whendue's own functions, separated by "
                "commas, which no job may invoke"
            )
        return cls(
            http_allow=http.pop(EVERYBODY, Allowed()),
            email_from=env.get("WHENDUE_EMAIL_FROM") or None,
            email_senders=_mail_lists(env, "WHENDUE_EMAIL_SENDERS"),
            email_recipients=_mail_lists(env, "WHENDUE_EMAIL_RECIPIENTS"),
            sns_allow=_of_tenants(env, "WHENDUE_SNS_ALLOW"),
            lambda_allow=invoked,
            http_tenants=http,
            # Lambda sets the name of each function.
            own_functions=own | _own(env, "AWS_LAMBDA_FUNCTION_NAME", _function_name),
            own_topics=_own(env, "WHENDUE_OWN_TOPICS", _topic_name),
        )

    def http_allowed(self, tenant: str) -> Allowed:
        """Return the targets that a tenant's requests may reach although they are private or without TLS."""
        own = self.http_tenants.get(tenant)
        if own is None:
            return self.http_allow
        return Allowed(self.http_allow.hosts | own.hosts, self.http_allow.networks + own.networks)

    def check_target(self, tenant: str, url: str) -> None:
        """Refuse a URL that would be refused at each attempt, as far as that is known without a look-up.

        Raises:
            TargetRefusedError: it leads where no request of this tenant may go.
        """
        check_known(parse_target(url), self.http_allowed(tenant))

    def may_mail_from(self, tenant: str, mailbox: str) -> bool:
        """Return whether a tenant's mails may have this sender, an address with or without a name."""
        return mailbox == self.email_from or _fits(mailbox, _of(self.email_senders, tenant))

    def may_mail_to(self, tenant: str, mailbox: str) -> bool:
        """Return whether a tenant's mails may go to this recipient, an address with or without a name."""
        return _fits(mailbox, _of(self.email_recipients, tenant))

    def may_publish(self, tenant: str, topic_arn: str) -> bool:
        """Return whether a tenant's subscriptions may publish to this topic; never to one of whendue's own."""
        if _topic_name(topic_arn) in self.own_topics:
            return False
        return any(fnmatchcase(topic_arn, pattern) for pattern in _of(self.sns_allow, tenant))

    def is_own_function(self, name: str) -> bool:
        """Return whether a name or ARN (partial or full, qualified or not, in any case) is one of whendue's own."""
        return _function_name(name) in self.own_functions

    def may_invoke(self, tenant: str, name: str) -> bool:
        """Return whether a tenant's jobs may invoke this function; never one of whendue's own."""
        if self.is_own_function(name):
            return False
        return any(fnmatchcase(name, pattern) for pattern in _of(self.lambda_allow, tenant))


def address_of(mailbox: str) -> str:
    """Return the bare address of `name@example.com` or `Name <name@example.com>`."""
    return mailbox[mailbox.rfind("<") + 1 : -1] if mailbox.endswith(">") else mailbox


def _of(lists: ByTenant, tenant: str) -> tuple[str, ...]:
    return lists.get(EVERYBODY, ()) + (lists.get(tenant, ()) if tenant != EVERYBODY else ())


def _fits(mailbox: str, entries: tuple[str, ...]) -> bool:
    address = address_of(mailbox).lower()
    return not {address, address.rpartition("@")[2], "*"}.isdisjoint(entries)


def _function_name(text: str) -> str:
    """Return a function's bare name, in lower case: no account or region before it, no qualifier after it."""
    return text.casefold().rpartition("function:")[2].partition(":")[0]


def _topic_name(text: str) -> str:
    return text.casefold().rpartition(":")[2]


def _own(env: Mapping[str, str], variable: str, name_of: Callable[[str], str]) -> frozenset[str]:
    return frozenset(name_of(item) for item in map(str.strip, env.get(variable, "").split(",")) if item)


def _of_tenants(env: Mapping[str, str], name: str) -> dict[str, tuple[str, ...]]:
    malformed = ConfigurationError(
        f'{name} must be JSON: an object of lists of texts, by tenant, with "*" for every tenant'
    )
    try:
        said = json.loads(env.get(name) or "{}")
    except ValueError:
        raise malformed from None
    lists = list(said.values()) if isinstance(said, dict) else [None]
    if not all(isinstance(item, list) and all(isinstance(text, str) for text in item) for item in lists):
        raise malformed
    return {tenant: tuple(allowed) for tenant, allowed in said.items()}


def _mail_lists(env: Mapping[str, str], name: str) -> dict[str, tuple[str, ...]]:
    lists = {tenant: tuple(map(str.lower, entries)) for tenant, entries in _of_tenants(env, name).items()}
    if not all(_MAIL_ENTRY.fullmatch(entry) for entries in lists.values() for entry in entries):
        raise ConfigurationError(f"{name} has an entry that is neither an address nor a domain nor *")
    return lists


def _targets(env: Mapping[str, str], name: str) -> dict[str, Allowed]:
    """Read targets by tenant; a plain comma list is every tenant's."""
    text = env.get(name, "").strip()
    lists = _of_tenants(env, name) if text.startswith("{") else {EVERYBODY: (text,)}
    try:
        return {tenant: Allowed.parse(",".join(entries)) for tenant, entries in lists.items()}
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error


class Resources:
    """Named things that are made once, when first asked for; safe to ask from many threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._factories: dict[str, Callable[[], Any]] = {}
        self._made: dict[str, Any] = {}
        # Reentrant: a factory may ask for another resource.
        self._lock = threading.RLock()

    def provide(self, name: str, factory: Callable[[], Any]) -> None:
        """Register a resource's factory; a later one replaces an earlier one and what it created."""
        with self._lock:
            self._factories[name] = factory
            self._made.pop(name, None)

    def get(self, name: str) -> Any:
        """Return the resource, created at the first call; a factory that raises is called again next time.

        Raises:
            ConfigurationError: no provider is declared for it.
        """
        with self._lock:
            if name not in self._made:
                if name not in self._factories:
                    raise ConfigurationError(f"this process does not provide {name!r} to its tasks")
                self._made[name] = self._factories[name]()
            return self._made[name]


RESOURCES: Final = Resources()
provide = RESOURCES.provide
resource = RESOURCES.get
