"""The client in force: of the block, of the process, of the environment, in this order."""

import asyncio

import pytest

from whendue import AsyncClient, Client
from whendue.client import configure, current_client, use

FIRST, SECOND = (Client(f"http://127.0.0.1:{port}", "t") for port in (1, 2))


@pytest.fixture(autouse=True)
def _nothing_configured() -> None:
    """Other tests may have configured one."""
    configure(None)


def test_a_block_wins_over_the_process_and_ends_with_itself() -> None:
    """Also where blocks are nested, and where one raises."""
    configure(FIRST)
    with use(SECOND):
        assert current_client() is SECOND
        with use(FIRST):
            assert current_client() is FIRST
        assert current_client() is SECOND
    with pytest.raises(RuntimeError), use(SECOND):
        raise RuntimeError
    assert current_client() is FIRST
    configure(None)


def test_the_environments_client_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its first use, not at import."""
    monkeypatch.setenv("WHENDUE_URL", "http://127.0.0.1:3")
    monkeypatch.setenv("WHENDUE_TOKEN", "t")
    monkeypatch.delenv("WHENDUE_TOKEN_FILE", raising=False)
    made = current_client()
    assert isinstance(made, Client)
    assert current_client() is made
    configure(None)
    assert current_client() is not made
    configure(None)


def test_coroutines_have_blocks_of_their_own() -> None:
    """Two that run side by side in one thread do not take each other's client."""
    other = AsyncClient("http://127.0.0.1:4", "t")

    async def within(client: Client | AsyncClient) -> bool:
        with use(client):
            await asyncio.sleep(0)
            return current_client() is client

    async def both() -> list[bool]:
        return list(await asyncio.gather(within(FIRST), within(other)))

    assert asyncio.run(both()) == [True, True]
