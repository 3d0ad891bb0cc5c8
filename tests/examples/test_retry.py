"""examples/retry.py: a shop that answers each way, and what becomes of the job."""

from collections.abc import Iterator

import pytest

from tests.builders.gateway import Client
from tests.builders.web import Web, serving
from tests.builders.world import World

ORDER = {"order": 7}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A shop on loopback."""
    with serving() as web:
        monkeypatch.setenv("SHOP_URL", web.url(""))
        yield web


def run(client: Client, world: World) -> str:
    job = client.submit("example.order_status", payload=ORDER)
    world.work()
    return f"/jobs/{job['id']}"


def test_what_the_shop_answers_is_the_result(client: Client, world: World, shop: Web) -> None:
    """It asks for the order of the payload."""
    shop.answers(200, b'{"status": "sent"}')
    path = run(client, world)
    assert client.send("GET", path).json["result"] == {"status": "sent"}
    assert [seen.path for seen in shop.seen] == ["/orders/7"]


def test_an_order_that_is_not_there_is_given_up_at_once(client: Client, world: World, shop: Web) -> None:
    """No other attempt would find it."""
    shop.answers(404)
    job = client.send("GET", run(client, world)).json
    assert (job["state"], job["attempts"][-1]["error"]["type"]) == ("dead", "GiveUp")


@pytest.mark.parametrize(("status", "wait_s"), [(429, 90), (500, 0)])
def test_what_may_pass_is_tried_again_no_sooner_than_asked(
    client: Client, world: World, shop: Web, status: int, wait_s: int
) -> None:
    """A 500 after the backoff, a 429 after what the shop says."""
    shop.answers(status, Retry_After="90")
    path = run(client, world)
    shop.answers(200, b"{}")
    world.pass_time(wait_s - 1)
    assert len(shop.seen) == 1
    world.pass_time(600)
    job = client.send("GET", path).json
    assert (job["state"], job["attempt"], len(shop.seen)) == ("succeeded", 2, 2)
