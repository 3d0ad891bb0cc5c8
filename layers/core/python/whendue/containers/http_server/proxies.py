"""The client's address: X-Forwarded-For is believed as far as proxies that are named have written it."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Proxies:
    """Networks whose hosts are believed.

    Args:
        networks: none believes nobody.
    """

    networks: Sequence[IPv4Network | IPv6Network] = ()

    @classmethod
    def parse(cls, text: str) -> "Proxies":
        """Read addresses and networks (CIDR), separated by commas.

        Raises:
            ValueError: one is neither; the message names it.
        """
        return cls([ip_network(part.strip()) for part in text.split(",") if part.strip()])

    def client(self, peer: str, forwarded: Sequence[str]) -> tuple[str, list[str]]:
        """Return the client's address, and the addresses that are believed, the client's first.

        Args:
            peer: the other end of the connection.
            forwarded: X-Forwarded-For as it was sent, one address an entry, the nearest last.
        """
        at = _address(peer)
        if at is None:
            return peer, [peer]
        believed = [at]
        for entry in reversed(forwarded):
            if not self._trusts(believed[0]) or (before := _address(entry)) is None:
                break
            believed.insert(0, before)
        return str(believed[0]), [str(address) for address in believed]

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _address(text: str) -> Address | None:
    """Read an address; some proxies write its port behind it (`1.2.3.4:80`, `[::1]:80`)."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows an IPv4 peer so (RFC 4291 section 2.5.5.2).
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
