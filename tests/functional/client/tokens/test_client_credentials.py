"""whendue.client.tokens.client_credentials: one fetch at a time, kept until shortly before the token expires."""

import asyncio
import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.builders.web import Web
from tests.functional.client.servers import Slept, answer, both, misbehaving, problem
from whendue.client import AsyncClient, Client, ClientCredentials, TokenError, TransportError, UnauthorizedError

UP = answer(200, b"x")


class Issuer:
    """An authorization server that counts its tokens."""

    def __init__(self) -> None:
        self.issued = 0
        self.wait = threading.Event()
        self.wait.set()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.wait.wait(5)
        self.issued += 1
        answer(200, {"access_token": f"t{self.issued}", "token_type": "Bearer", "expires_in": 600})(handler)


@contextmanager
def issuing(*replies: Any) -> Iterator[tuple[Web, Issuer, Slept, ClientCredentials]]:
    issuer, slept = Issuer(), Slept()
    with misbehaving(*(replies or (issuer,))) as web:
        yield web, issuer, slept, ClientCredentials(web.url("/token"), "id", "se-cret", scope="a b", clock=slept.clock)


def test_a_token_is_fetched_once_and_again_shortly_before_it_expires() -> None:
    """A minute before, so that it does not expire on its way."""
    with misbehaving(UP) as api, issuing() as (web, issuer, slept, source):
        with Client(api.url(""), source, clock=slept.clock) as client:
            for advance_s, issued in ((0, 1), (539, 1), (1, 2), (539, 2)):
                slept.manual.advance(advance_s)
                client.get_metrics()
                assert issuer.issued == issued
        form = parse_qs(web.seen[0].body.decode())
        assert form == {"grant_type": ["client_credentials"], "scope": ["a b"]}
        assert web.seen[0].headers["Authorization"] == "Basic " + base64.b64encode(b"id:se-cret").decode()
    assert [seen.headers["Authorization"] for seen in api.seen] == ["Bearer t1"] * 2 + ["Bearer t2"] * 2
    assert "se-cret" not in repr(source) + repr(vars(source))


def test_the_secret_may_be_sent_in_the_form() -> None:
    """Some servers take it only there."""
    with misbehaving(UP) as api, misbehaving(Issuer()) as web:
        source = ClientCredentials(web.url("/t"), "id", "se-cret", method="post", audience="whendue")
        list(both(api, lambda client: client.get_metrics(), token=source))
        form = parse_qs(web.seen[0].body.decode())
        assert (form["client_secret"], form["client_id"], form["audience"]) == (["se-cret"], ["id"], ["whendue"])
        assert "Authorization" not in web.seen[0].headers


def test_a_refused_token_is_fetched_again_once() -> None:
    """It may have been withdrawn; one that stays refused is not fetched a third time."""
    refused = problem(401, "unauthenticated")
    for replies, kind in ((refused, UP, refused, UP), str), ((refused,), UnauthorizedError):
        with misbehaving(*replies) as api:
            for issuing_again in (issuing(), issuing()):
                with issuing_again as (_, issuer, _, source):
                    _, _, made = next(both(api, lambda client: client.get_metrics(), token=source))
                    assert isinstance(made, kind)
                    assert (issuer.issued, len(api.seen)) == (2, 2)


def test_threads_that_need_a_token_at_once_fetch_one() -> None:
    """The others wait for it."""
    with misbehaving(UP) as api, issuing() as (web, issuer, _, source):
        issuer.wait.clear()
        with Client(api.url(""), source, transport=httpx.HTTPTransport(verify=False)) as client:
            threads = [threading.Thread(target=client.get_metrics) for _ in range(8)]
            for thread in threads:
                thread.start()
            issuer.wait.set()
            for thread in threads:
                thread.join()
    assert (issuer.issued, len(web.seen), len(api.seen)) == (1, 1, 8)


def test_tasks_that_need_a_token_at_once_fetch_one() -> None:
    """As threads do."""

    async def run(url: str, source: ClientCredentials) -> None:
        async with AsyncClient(url, source, transport=httpx.AsyncHTTPTransport(verify=False)) as client:
            await asyncio.gather(*(client.get_metrics() for _ in range(8)))

    with misbehaving(UP) as api, issuing() as (web, issuer, _, source):
        asyncio.run(run(api.url(""), source))
    assert (issuer.issued, len(web.seen), len(api.seen)) == (1, 1, 8)


def test_a_server_that_is_unavailable_is_asked_again() -> None:
    """Whatever the request is: nothing of it was sent."""
    issuer = Issuer()
    with misbehaving(UP) as api, issuing(answer(503), answer(429), issuer) as (web, _, _, source):
        [(_, slept, _), _] = list(both(api, lambda client: client.get_metrics(), token=source))
        assert (len(slept.seconds), len(web.seen)) == (2, 3)
    with misbehaving(UP) as api, issuing(answer(503)) as (web, _, _, source):
        for _, _, error in both(api, lambda client: client.test_subscription("s"), token=source):
            assert (type(error), error.attempts, api.seen) == (TokenError, 5, [])
    gone = ClientCredentials(web.url("/token"), "id", "secret")
    with misbehaving(UP) as api:
        for _, _, error in both(api, lambda client: client.test_subscription("s"), token=gone):
            assert (type(error), error.sent, error.attempts) == (TransportError, False, 5)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(401, {"error": "invalid_client", "error_description": "se-cret"}), "401 invalid_client"),
        (answer(400, {"error": "<se-cret>"}), "400$"),
        (answer(200, {"expires_in": 5}), "did not answer with a token"),
        (answer(200, {"access_token": "a b"}), "did not answer with a token"),
        (answer(200, {"access_token": "t", "expires_in": "x"}), "did not answer with a token"),
        (answer(200, b"[]"), "did not answer with a token"),
        (answer(200, b"<html>"), "did not answer with a token"),
    ],
)
def test_a_refusal_is_an_error_at_once(reply: Any, words: str) -> None:
    """With the short name of the error alone: a description may repeat what was sent."""
    with misbehaving(UP) as api, issuing(reply) as (web, _, _, source):
        for _, slept, error in both(api, lambda client: client.get_metrics(), token=source):
            assert isinstance(error, TokenError)
            assert re.search(words, str(error))
            assert "se-cret" not in str(error)
            assert (slept.seconds, api.seen) == ([], [])
        assert len(web.seen) == 2
