"""Where outgoing requests may go: URLs are read strictly, and only public addresses pass."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.errors import ConfigurationError
from whendue.outbound.ssrf import Allowed, Target, TargetRefusedError, check, parse_target, refusal

NOTHING = Allowed()
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "99.255.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "2606:4700:4700::1111",
    "2a00:1450::1",
]
NOT_PUBLIC = {
    "0.0.0.0": "unspecified",
    "10.1.2.3": "private",
    "100.64.0.1": "shared",
    "127.0.0.1": "loopback",
    "127.255.0.9": "loopback",
    "169.254.169.254": "link-local",
    "169.254.170.2": "link-local",
    "172.16.0.1": "private",
    "192.0.0.192": "reserved",
    "192.168.255.255": "private",
    "198.19.0.1": "benchmarking",
    "203.0.113.7": "documentation",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "168.63.129.16": "instance metadata",
    "::": "unspecified",
    "::1": "loopback",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::127.0.0.1": "IPv4-compatible",
    "64:ff9b::a9fe:a9fe": "NAT64",
    "64:ff9b:1::1": "NAT64",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
    "2002:7f00:1::": "6to4",
    "2001:db8::1": "documentation",
    "fd00:ec2::254": "private",
    "fe80::1%1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "4000::1": "reserved",
    "5f00::1": "reserved",
}
NON_PUBLIC_NETWORKS = [
    IPv4Network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
]
non_public_v4 = st.one_of(
    [st.integers(int(net[0]), int(net[-1])).map(IPv4Address) for net in NON_PUBLIC_NETWORKS],
)


def octal(address: IPv4Address) -> str:
    return ".".join(f"0{part:o}" for part in address.packed)


NOTATIONS: list[Callable[[IPv4Address], str]] = [
    str,
    lambda a: str(int(a)),
    lambda a: hex(int(a)),
    lambda a: hex(int(a)).upper(),
    lambda a: f"0{int(a):o}",
    octal,
    lambda a: ".".join(hex(part) for part in a.packed),
    lambda a: f"{a.packed[0]}.{int(a) & 0xFFFFFF}",
    lambda a: f"{a.packed[0]}.{a.packed[1]}.{int(a) & 0xFFFF}",
    lambda a: f"{a}.",
    lambda a: f"user@{a}",
    lambda a: f"8.8.8.8@{a}",
    lambda a: f"%{ord(str(a)[0]):x}{str(a)[1:]}",
    lambda a: str(a).replace(".", "。"),
    lambda a: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in str(a)),
    lambda a: f"[::ffff:{a}]",
    lambda a: f"[::{a}]",
    lambda a: f"[64:ff9b::{a}]",
    lambda a: f"[{IPv6Address(0x2002 << 112 | int(a) << 80)}]",
    lambda a: f"[{IPv6Address(0x20010000 << 96 | int(a) ^ 0xFFFFFFFF)}]",
]


def visit(url: str, allowed: Allowed = NOTHING) -> Target:
    """Check a URL whose host is an address, as the system's resolver would give it back."""
    target = parse_target(url)
    check(target, [target.host], allowed)
    return target


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    """A guard that refuses everything guards nothing."""
    host = f"[{address}]" if ":" in address else address
    assert visit(f"https://{host}/hook").host == address


@pytest.mark.parametrize(("address", "rule"), NOT_PUBLIC.items())
def test_an_address_that_is_not_public_is_refused_by_its_rule(address: str, rule: str) -> None:
    """A name may resolve to anything; the message says why, and keeps the address to itself."""
    target = parse_target("https://innocent.example/")
    with pytest.raises(TargetRefusedError, match=rule) as caught:
        check(target, ["8.8.8.8", address], Allowed())
    assert address not in str(caught.value)


@given(non_public_v4, st.sampled_from(NOTATIONS), st.sampled_from(["https", "http", "HTTPS"]))
def test_no_notation_smuggles_a_non_public_address_in(
    address: IPv4Address, notation: Callable[[IPv4Address], str], scheme: str
) -> None:
    """Resolvers read decimal, octal, hex, short and embedded forms; we must not be the last to notice."""
    with pytest.raises(TargetRefusedError) as caught:
        visit(f"{scheme}://{notation(address)}/")
    assert str(address) not in str(caught.value)


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_outside_global_unicast_is_refused(address: IPv6Address) -> None:
    """Everything not handed out as global unicast is refused, known to us or not."""
    if address not in IPv6Network("2000::/3"):
        assert refusal(address) is not None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://a.example/", "begin with https"),
        ("//a.example/", "begin with https"),
        ("https:a.example", "begin with https"),
        ("https:///path", "not a valid name"),
        ("https://a.example.", "end with a dot"),
        ("https://user@a.example/", "user or password"),
        ("https://user:secret@a.example/", "user or password"),
        ("https://a.example\\@b.example/", "RFC 3986"),
        ("https://a.example/\r\nX: 1", "RFC 3986"),
        ("https://a.example/a b", "RFC 3986"),
        ("https://a.example/%zz", "RFC 3986"),
        ("https://a.example\x00.b.example/", "RFC 3986"),
        ("https://ⓔxample.example/", "xn--"),
        ("https://bücher.example/", "xn--"),
        ("https://a%2eexample/", "not a valid name"),
        ("https://a..example/", "not a valid name"),
        ("https://-a.example/", "not a valid name"),
        ("https://[fe80::1%25eth0]/", "network interface"),
        ("https://[nonsense]/", "not an IPv6 address"),
        ("https://::1/", "port"),
        ("https://a.example:0/", "port"),
        ("https://a.example:65536/", "port"),
        ("https://a.example:/", "port"),
        ("https://0x7f000001/", "other than a.b.c.d"),
        ("https://a.0x/", "other than a.b.c.d"),
        ("https://127.1/", "other than a.b.c.d"),
        ("https://" + "a" * 8000, "over 8000"),
    ],
)
def test_a_url_that_two_parsers_could_read_differently_is_refused(url: str, why: str) -> None:
    """Disagreement between the checker and the connector is how guards are walked around."""
    with pytest.raises(TargetRefusedError, match=why):
        parse_target(url)


def test_a_url_is_taken_apart() -> None:
    """The Host header names the port only where it is not the scheme's own, and the fragment stays at home."""
    assert parse_target("HTTPS://A.Example?q=1#top") == Target("https", "a.example", 443, "/?q=1")
    assert parse_target("https://a.example:8443/x").authority == "a.example:8443"
    assert parse_target("https://a.example:443/x").authority == "a.example"
    assert parse_target("http://[2606:4700::1]:8080/").authority == "[2606:4700::1]:8080"
    assert parse_target("https://xn--bcher-kva.example/").host == "xn--bcher-kva.example"


def test_plain_http_is_refused_unless_the_operator_allows_the_target() -> None:
    """What goes without TLS can be read and forged on its way."""
    with pytest.raises(TargetRefusedError, match="https"):
        visit("http://8.8.8.8/")
    assert visit("http://8.8.8.8/", Allowed.parse("8.8.8.8"))


def test_the_operator_allows_by_host_port_or_range() -> None:
    """An exception reaches exactly as far as it says."""
    allowed = Allowed.parse(" Hooks.internal:8080, [::1]:9000 ,10.1.0.0/16,other.internal")
    check(parse_target("http://hooks.internal:8080/"), ["10.9.9.9"], allowed)
    check(parse_target("http://other.internal:1/"), ["10.9.9.9"], allowed)
    check(parse_target("http://[::1]:9000/"), ["::1"], allowed)
    check(parse_target("http://any.example/"), ["10.1.255.1"], allowed)
    for url, address in [
        ("http://hooks.internal:8081/", "10.9.9.9"),
        ("http://[::1]:9001/", "::1"),
        ("http://any.example/", "10.2.0.1"),
        ("http://sub.hooks.internal:8080/", "10.9.9.9"),
    ]:
        with pytest.raises(TargetRefusedError):
            check(parse_target(url), [address], allowed)


def test_one_allowed_address_does_not_excuse_the_others() -> None:
    """Every address that a name has is checked: the connector may try any of them."""
    with pytest.raises(TargetRefusedError, match="loopback"):
        check(parse_target("https://a.example/"), ["10.1.0.1", "127.0.0.1"], Allowed.parse("10.1.0.0/16"))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "a b", "user:hunter2@host", "host:99999", "1.2.3.4/33", "127.1"])
def test_a_malformed_exception_stops_the_process_without_showing_it(text: str) -> None:
    """A typo must neither be ignored nor end up in a log."""
    with pytest.raises(ConfigurationError, match="allowed target 2") as caught:
        Allowed.parse(f"fine.internal,{text}")
    assert text not in str(caught.value)
