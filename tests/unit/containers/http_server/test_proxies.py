"""Whose X-Forwarded-For is believed."""

import pytest

from whendue.containers.http_server.proxies import Proxies


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client", "believed"),
    [
        # Nobody is named: whatever a client writes there is nothing.
        ("", "203.0.113.9", ["10.0.0.1"], "203.0.113.9", ["203.0.113.9"]),
        ("10.0.0.0/8", "203.0.113.9", ["198.51.100.1"], "203.0.113.9", ["203.0.113.9"]),
        ("10.0.0.0/8", "10.0.0.2", ["198.51.100.1"], "198.51.100.1", ["198.51.100.1", "10.0.0.2"]),
        # Two proxies of ours; what stands before the first one is the client's own word.
        (
            "10.0.0.0/8,192.0.2.7",
            "10.0.0.2",
            ["6.6.6.6", "198.51.100.1", "192.0.2.7"],
            "198.51.100.1",
            ["198.51.100.1", "192.0.2.7", "10.0.0.2"],
        ),
        ("10.0.0.0/8", "10.0.0.2", [], "10.0.0.2", ["10.0.0.2"]),
        ("10.0.0.0/8", "10.0.0.2", ["not an address"], "10.0.0.2", ["10.0.0.2"]),
        ("10.0.0.0/8", "10.0.0.2", ["198.51.100.1:4711"], "198.51.100.1", ["198.51.100.1", "10.0.0.2"]),
        ("fd00::/8", "fd00::2", ["[2001:db8::1]:4711"], "2001:db8::1", ["2001:db8::1", "fd00::2"]),
        ("10.0.0.0/8", "::ffff:10.0.0.2", [" 198.51.100.1 "], "198.51.100.1", ["198.51.100.1", "10.0.0.2"]),
        ("10.0.0.0/8", "testclient", ["198.51.100.1"], "testclient", ["testclient"]),
    ],
)
def test_a_proxy_that_is_named_is_believed_and_no_one_else(
    trusted: str, peer: str, forwarded: list[str], client: str, believed: list[str]
) -> None:
    """From the nearest one on, as long as each is named."""
    assert Proxies.parse(trusted).client(peer, forwarded) == (client, believed)


@pytest.mark.parametrize("text", ["proxy.example.com", "10.0.0.0/40", "10.0.0.1/8"])
def test_what_is_no_network_is_named(text: str) -> None:
    """One with bits behind its prefix is a slip of the pen."""
    with pytest.raises(ValueError, match=text):
        Proxies.parse(f"192.0.2.7, {text}")
