"""Where an outgoing request may go: strict URLs, public addresses, and the operator's exceptions. Pure: no look-ups.

Address tables: https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry. They are
written out because `ipaddress.is_global` differs between Python's patch releases and calls NAT64, 6to4 and multicast
addresses global.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from whendue.errors import ConfigurationError, InvalidRequestError
from whendue.quotas import HTTP_URL_BYTES

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 3986 section 2: no space, control character, backslash or character beyond ASCII, so that no two parsers disagree.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.ASCII | re.IGNORECASE,
)
_URL_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

# Where the operator's exceptions stand.
ALLOWED_BY: Final = "WHENDUE_HTTP_ALLOW"

_REFUSED: Final[tuple[tuple[str, str], ...]] = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared (carrier-grade NAT)"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local (instance metadata)"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    ("168.63.129.16/32", "instance metadata"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::/96", "IPv4-compatible"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64"),
    ("2001::/32", "Teredo"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
_REFUSED_NETWORKS: Final = tuple((ip_network(text), rule) for text, rule in _REFUSED)
# RFC 4291 section 2.4 and the IANA registry: all that is handed out of IPv6 so far.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")


class TargetRefusedError(InvalidRequestError):
    """The URL is not an allowed target; send a public https URL, or ask the operator to allow it."""

    code = "target_refused"


class Target(NamedTuple):
    """A URL taken apart.

    Args:
        scheme: `https` or `http`.
        host: a lower-case name, or an address without brackets.
        port: 1 to 65535.
        path: path and query, as sent.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The operator's exceptions: these may be private, and may be spoken to without TLS.

    Args:
        hosts: (host, port) pairs; port None is any.
        networks: address ranges.
    """

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Read a comma list of `host`, `host:port` and CIDR ranges, as in `hooks.internal:8080, 10.1.0.0/16`.

        Raises:
            ConfigurationError: an entry is malformed; the message counts it, and never shows it.
        """
        hosts: set[tuple[str, int | None]] = set()
        networks: list[Network] = []
        for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
            try:
                if "/" in entry:
                    networks.append(ip_network(entry))
                else:
                    hosts.add(_authority(entry))
            except ValueError as error:
                raise ConfigurationError(f"allowed target {number} is not host, host:port or CIDR range") from error
            except TargetRefusedError as error:
                raise ConfigurationError(f"allowed target {number}: {error}") from error
        return cls(frozenset(hosts), tuple(networks))

    def permits(self, target: Target, address: Address) -> bool:
        """Whether the operator allows this target at this address."""
        named = bool(self.hosts & {(target.host, target.port), (target.host, None)})
        return named or any(address in network for network in self.networks)


def parse_target(url: str) -> Target:
    """Take a URL apart, strictly: nothing that two parsers could read in two ways.

    Raises:
        TargetRefusedError: it is not an unambiguous http(s) URL; the message names the rule, never the URL.
    """
    if len(url) > HTTP_URL_BYTES:
        raise TargetRefusedError(f"the URL is over {HTTP_URL_BYTES} bytes")
    if not url.isascii():
        raise TargetRefusedError("the URL must be ASCII: write names in their xn-- form and escape the rest with %")
    if not _URL_CHARACTERS.fullmatch(url):
        raise TargetRefusedError("the URL has characters that RFC 3986 does not allow")
    parts = _URL.fullmatch(url)
    if not parts:
        raise TargetRefusedError("the URL must begin with https://")
    host, port = _authority(parts["authority"])
    scheme = parts["scheme"].lower()
    path = (parts["path"] or "/") + (parts["query"] or "")
    return Target(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port, path)


def _authority(text: str) -> tuple[str, int | None]:
    if "@" in text:
        raise TargetRefusedError("the URL must not hold a user or password")
    parts = _AUTHORITY.fullmatch(text)
    port = int(parts["port"]) if parts and parts["port"] else None
    if not parts or port == 0 or (port or 0) > 65535:  # noqa: PLR2004 - the highest port
        raise TargetRefusedError("the URL's port is not valid")
    return _host(parts["host"].lower()), port


def _host(host: str) -> str:
    if host.startswith("["):
        try:
            address = IPv6Address(host[1:-1])
        except ValueError:
            raise TargetRefusedError("the URL's host is not an IPv6 address") from None
        if address.scope_id is not None:
            raise TargetRefusedError("the URL's host must not name a network interface")
        return str(address)
    if host.endswith("."):
        raise TargetRefusedError("the URL's host must not end with a dot")
    labels = host.split(".")
    # https://url.spec.whatwg.org/#ends-in-a-number-checker: such a host is an address to many resolvers.
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise TargetRefusedError("the URL's host is a number in a form other than a.b.c.d") from None
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):  # noqa: PLR2004 - RFC 1035 section 2.3.4
        raise TargetRefusedError("the URL's host is not a valid name")
    return host


def refusal(address: Address) -> str | None:
    """Name the rule by which an address is not public; None for a public one."""
    for network, rule in _REFUSED_NETWORKS:
        if address.version == network.version and address in network:
            return rule
    return None if address.version == 4 or address in _GLOBAL_UNICAST else "reserved"  # noqa: PLR2004


def check_known(target: Target, allowed: Allowed) -> None:
    """Refuse a target that would be refused at each attempt, as far as that is known without a look-up.

    Raises:
        TargetRefusedError: it is a forbidden address, or a name that may not do without TLS.
    """
    try:
        ip_address(target.host)
    except ValueError:
        named = allowed.hosts & {(target.host, target.port), (target.host, None)}
        # Only a look-up shows what network a name is in.
        if target.scheme != "https" and not (allowed.networks or named):
            raise _not_allowed("the URL must begin with https://") from None
    else:
        check(target, [target.host], allowed)


def check(target: Target, addresses: Sequence[str], allowed: Allowed) -> None:
    """Refuse a target unless every address that its name has may be spoken to.

    Args:
        target: the URL.
        addresses: all that its host resolved to; connect to these and never resolve again (DNS rebinding).
        allowed: the operator's exceptions.

    Raises:
        TargetRefusedError: one may not; the message names the rule, never the address.
    """
    for address in map(ip_address, addresses):
        if allowed.permits(target, address):
            continue
        if rule := refusal(address):
            article = "an" if rule[0] in "aeiouI" else "a"
            raise _not_allowed(f"the URL's host has {article} {rule} address")
        if target.scheme != "https":
            raise _not_allowed("the URL must begin with https://")


def _not_allowed(problem: str) -> TargetRefusedError:
    """Refuse what the operator could allow, and say by which setting."""
    return TargetRefusedError(f"{problem}; the operator can allow it by {ALLOWED_BY}")
