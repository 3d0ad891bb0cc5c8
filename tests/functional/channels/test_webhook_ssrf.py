"""Where webhooks may not lead: refused when a subscription is put, and again at each attempt, by name of the rule."""

import re
import socket
from collections import Counter
from typing import Any

import pytest

from tests.builders.notified import Notified
from tests.builders.web import Web
from tests.builders.world import TENANT
from whendue.declarations.resources import Resources, TaskSettings
from whendue.jobs.model import Job, State
from whendue.notifications.subscription import Terms
from whendue.outbound.ssrf import Allowed, TargetRefusedError

# What is written in a URL, and the rule that refuses it.
WRITTEN = {
    "https://127.0.0.1/": "loopback",
    "https://[::1]/": "loopback",
    "https://169.254.169.254/latest/meta-data": "link-local (instance metadata)",
    "https://[fe80::1]/": "link-local",
    "https://[fd00:ec2::254]/": "private",
    "https://168.63.129.16/": "instance metadata",
    "https://[::ffff:169.254.169.254]/": "IPv4-mapped",
    "https://[::ffff:a9fe:a9fe]/": "IPv4-mapped",
    "https://[64:ff9b::a9fe:a9fe]/": "NAT64",
    "https://[64:ff9b:1::a9fe:a9fe]/": "NAT64",
    "https://[2002:a9fe:a9fe::]/": "6to4",
    "https://2130706433/": "a number in a form other than a.b.c.d",
    "https://017700000001/": "a number in a form other than a.b.c.d",
    "https://0177.0.0.1/": "a number in a form other than a.b.c.d",
    "https://0x7f.1/": "a number in a form other than a.b.c.d",
    "https://127.1/": "a number in a form other than a.b.c.d",
    "https://10.0.0.1/": "private",
    "https://172.16.0.1/": "private",
    "https://192.168.0.1/": "private",
    "https://100.64.0.1/": "shared",
    "https://0.0.0.0/": "unspecified",
    "https://user@hooks.example/": "user or password",
    "https://hooks.example@10.0.0.1/": "user or password",
    "http://hooks.example/": "https://",
    "http://93.184.215.14/": "https://",
    "ftp://hooks.example/": "https://",
    "https://hooks.example\\@10.0.0.1/": "characters",
}
# What a name may resolve to, and the rule that refuses it.
RESOLVED = {
    "127.0.0.1": "loopback",
    "::1": "loopback",
    "169.254.169.254": "link-local (instance metadata)",
    "fe80::1": "link-local",
    "::ffff:10.0.0.1": "IPv4-mapped",
    "64:ff9b::7f00:1": "NAT64",
    "10.1.2.3": "private",
    "fd00::1": "private",
}
PUBLIC = "93.184.215.14"


@pytest.fixture
def strict(provided: Resources, world: Notified) -> Notified:
    """An operator who allows nothing."""
    provided.provide("settings", lambda: TaskSettings(Allowed()))
    return world


def put(world: Notified, url: str) -> None:
    world.app.subscriptions.put(TENANT, "hook", Terms("webhook", "", ("succeeded",)), {"url": url})


@pytest.mark.parametrize("url", WRITTEN)
def test_a_url_that_says_where_it_must_not_lead_is_refused_when_it_is_put(strict: Notified, url: str) -> None:
    """The rule is named, the URL is not repeated; nothing is stored."""
    with pytest.raises(TargetRefusedError, match=re.escape(WRITTEN[url])) as caught:
        put(strict, url)
    assert url not in str(caught.value)
    assert strict.app.subscriptions.every(TENANT) == []


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let every name resolve to these addresses, one answer after the other; return the names that were asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        if host.replace(".", "").isdigit():
            # The connection's own look at an address.
            return real(host, port, *rest, **more)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def delivered(world: Notified) -> tuple[Job, Counter[str]]:
    """Deliver once; return the delivery and what is logged."""
    delivery = world.notify_one()
    worked = world.work()
    return world.job(delivery), sum((result.counts for result in worked), Counter[str]())


@pytest.mark.parametrize("address", RESOLVED)
@pytest.mark.parametrize("others", [[], [PUBLIC]])
def test_a_name_that_leads_where_it_must_not_is_refused_for_good(
    strict: Notified, monkeypatch: pytest.MonkeyPatch, address: str, others: list[str]
) -> None:
    """One bad address among good ones is enough. The rule stands in the delivery's error and in the log line."""
    put(strict, "https://hooks.example/")
    resolving(monkeypatch, [*others, address])
    job, logged = delivered(strict)
    assert job.state is State.DEAD
    assert job.last is not None
    article = {"unspecified": "an", "IPv4-mapped": "an"}.get(RESOLVED[address], "a")
    said = f"the URL's host has {article} {RESOLVED[address]} address; the operator can allow it by WHENDUE_HTTP_ALLOW"
    assert (job.last.type, job.last.message) == ("target_refused", said)
    assert logged[f"target_refused: {said}"] == 1


def test_a_name_that_is_rebound_is_spoken_to_where_it_was_checked(
    strict: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is resolved once an attempt, and connected to what was checked; the next attempt checks anew."""
    put(strict, "https://hooks.example/")
    asked = resolving(monkeypatch, [PUBLIC], ["127.0.0.1"])
    connected: list[Any] = []

    def create_connection(address: Any, **_: Any) -> Any:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    job, _ = delivered(strict)
    assert (job.state, asked, connected) == (State.PENDING, ["hooks.example"], [(PUBLIC, 443)])
    after = strict.again(job)
    assert (after.state, after.last and after.last.type) == (State.DEAD, "target_refused")
    assert connected == [(PUBLIC, 443)], "the rebound address was never spoken to"


def test_a_pinned_connection_carries_the_original_name(
    web: Web, provided: Resources, world: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Virtual hosts and certificates need it; the operator's exceptions name it."""
    provided.provide("settings", lambda: TaskSettings(Allowed.parse(f"hooks.internal:{web.port}")))
    put(world, web.url(host="hooks.internal"))
    resolving(monkeypatch, ["127.0.0.1"])
    job, _ = delivered(world)
    assert job.state is State.SUCCEEDED
    assert web.seen[0].headers["Host"] == f"hooks.internal:{web.port}"


def test_a_target_that_is_open_to_one_tenant_is_closed_to_another(
    web: Web, provided: Resources, world: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is put, and at each attempt."""
    lists = {tenant: Allowed.parse(f"127.0.0.1:{web.port}") for tenant in (TENANT, "other")}
    provided.provide("settings", lambda: TaskSettings(http_tenants=lists))
    put(world, web.url())
    del lists[TENANT]
    with pytest.raises(TargetRefusedError):
        put(world, web.url())
    job, _ = delivered(world)
    assert job.state is State.DEAD
    assert web.seen == []
