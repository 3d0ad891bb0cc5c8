"""whendue.client.listing: page after page, to the end."""

from typing import Any

import pytest

from tests.builders.world import World
from tests.functional.client.servers import an_api, answer, both, misbehaving, paths, with_async_client
from whendue.client import AsyncClient, NewJob, UnexpectedAnswerError

EMPTY: dict[str, Any] = {"items": [], "missing": None}


def names(client: Any) -> Any:
    """Read a list with the client of either kind."""
    if isinstance(client, AsyncClient):

        async def read() -> list[Any]:
            return [each async for each in client.list_jobs(limit=2)]

        return read()
    return list(client.list_jobs(limit=2))


def test_pages_are_read_to_the_end_however_short_they_are() -> None:
    """A page may be empty although there are more."""
    replies = [answer(200, EMPTY | {"cursor": cursor}) for cursor in ("a b", "c", None)] * 2
    with misbehaving(*replies) as web:
        for _, _, found in both(web, names):
            assert found == []
            assert paths(web) == ["GET /jobs?limit=2", "GET /jobs?limit=2&cursor=a+b", "GET /jobs?limit=2&cursor=c"]


def test_a_list_that_never_ends_is_an_error() -> None:
    """The same cursor once more would be asked for ever."""
    with misbehaving(answer(200, EMPTY | {"cursor": "c"})) as web:
        for _, _, error in both(web, names):
            assert (type(error), len(web.seen)) == (UnexpectedAnswerError, 2)


def test_a_list_is_read_from_the_beginning_each_time_and_continued_from_a_page() -> None:
    """By its cursor; nothing is read before it is asked for."""
    world = World()
    with an_api(world) as (client, url):
        ids = [client.submit_job(NewJob("ok")).id for _ in range(3)]
        items = client.list_jobs(limit=1)
        assert [job.id for job in items] == [job.id for job in items] == ids[::-1]
        first = next(items.pages())
        assert [job.id for job in client.list_jobs(cursor=first.cursor)] == ids[1::-1]

        async def read(asynchronous: AsyncClient) -> list[str]:
            return [job.id async for page in asynchronous.list_jobs(limit=2).pages() async for job in _each(page)]

        async def _each(page: Any) -> Any:
            for job in page.items:
                yield job

        assert with_async_client(url, world, read) == ids[::-1]


def test_the_filters_are_the_apis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that the API refuses is its error."""
    world = World()
    with an_api(world) as (client, _):
        client.submit_job(NewJob("ok", tags={"a": "b"}))
        assert len(list(client.list_jobs(tags={"a": "b"}, type="ok", state="queued"))) == 1
        assert list(client.list_jobs(tags={"a": "c"})) == []
