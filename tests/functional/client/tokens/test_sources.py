"""whendue.client.tokens.sources: a text, a function, a coroutine function, a file that is rotated."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.client.servers import HEALTH, answer, both, misbehaving, problem
from whendue.client import AsyncClient, Client, TokenError, TokenFile

DOWN = answer(404, b"{}")


def sent(web: object) -> list[str]:
    return [seen.headers["Authorization"].removeprefix("Bearer ") for seen in web.seen]  # type: ignore[attr-defined]


def test_a_function_is_called_for_each_request() -> None:
    """It decides itself how long a token is good."""
    tokens: Iterator[str] = iter("abcdefgh")

    def use(client: object) -> object:
        if isinstance(client, AsyncClient):

            async def twice() -> None:
                for _ in range(2):
                    with pytest.raises(Exception, match="404"):
                        await client.get_usage()

            return twice()
        assert isinstance(client, Client)
        for _ in range(2):
            with pytest.raises(Exception, match="404"):
                client.get_usage()
        return None

    with misbehaving(DOWN) as web:
        assert [outcome for kind, _, outcome in both(web, use, token=lambda: next(tokens)) if sent(web)] == [None, None]
        assert sent(web) == ["c", "d"]


def test_a_coroutine_function_is_awaited() -> None:
    """By the asynchronous client; the other one cannot, and says what is wrong."""

    async def token() -> str:
        return "later"

    with misbehaving(DOWN) as web:
        [(_, _, blocking), (_, _, _)] = list(both(web, lambda client: client.get_usage(), token=token))
        assert str(blocking) == "the token's function is a coroutine function: use AsyncClient"
        assert sent(web) == ["later"]


def test_what_is_no_token_is_an_error_without_it() -> None:
    """Of a function that returns something else, or a text that no header can carry."""
    for wrong in (None, "", "secret\nsecret", "sécret"):
        with misbehaving(DOWN) as web:
            for _, _, error in both(web, lambda client: client.get_usage(), token=lambda: wrong):  # noqa: B023
                assert isinstance(error, TokenError)
                assert "cret" not in str(error)
                assert web.seen == []


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """As a platform rotates it: a link is put on another file. It is not read for each request."""
    link, source = tmp_path / "token", TokenFile(tmp_path / "token")
    for name in ("first", "second"):
        (tmp_path / name).write_text(f" {name}\n")
    link.symlink_to("first")
    with misbehaving(DOWN) as web:
        list(both(web, lambda client: client.get_usage(), token=source))
        assert sent(web) == ["first"]
        (tmp_path / "new").symlink_to("second")
        (tmp_path / "new").replace(link)
        list(both(web, lambda client: client.get_usage(), token=source))
        assert sent(web) == ["second"]


def test_a_file_that_has_not_changed_is_read_once_more_when_its_token_is_refused(tmp_path: Path) -> None:
    """Some file systems do not show each change."""
    path = tmp_path / "token"
    path.write_text("first")
    source, before = TokenFile(path), path.stat()
    with misbehaving(DOWN, problem(401, "unauthenticated"), answer(200, HEALTH)) as web:
        with Client(web.url(""), source) as client:
            with pytest.raises(Exception, match="404"):
                client.get_usage()
            path.write_text("other")
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            with pytest.raises(Exception, match="not one of this API"):
                client.get_usage()
        assert sent(web) == ["first", "first", "other"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """And a new one without a token is."""
    for make in (lambda _: None, lambda path: path.write_text(" \n"), lambda path: path.write_bytes(b"\xff")):
        path = tmp_path / "token"
        path.unlink(missing_ok=True)
        make(path)
        with misbehaving(DOWN) as web:
            for _, _, error in both(web, lambda client: client.get_usage(), token=TokenFile(path)):
                assert isinstance(error, TokenError)
                assert str(path) in str(error)
