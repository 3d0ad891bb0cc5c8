"""Requests that several threads answer at once, as `whendue api` does: each has its own event and context."""

import threading
from typing import Any

import pytest

from functions.api.app import make_resolver
from functions.api.resolver import Resolver
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World

THREADS = 4


def test_requests_that_are_under_way_at_once_keep_their_own_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """All have stored theirs before one goes on; in Powertools' class attribute the last would be everyone's."""
    world = World()
    api = api_of(world)
    api.prepare_all()
    client = Client(api, a_token())
    meet = threading.Barrier(THREADS)
    resolve: Any = Resolver._resolve

    def all_at_once(resolver: Resolver) -> Any:
        meet.wait(600)
        return resolve(resolver)

    monkeypatch.setattr(Resolver, "_resolve", all_at_once)
    jobs: dict[int, dict[str, Any]] = {}

    def submit(number: int) -> None:
        headers = {"Idempotency-Key": f"key-{number}"}
        jobs[number] = client.submit(headers=headers, payload={"number": number}, tags={"number": str(number)})

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert {number: job["tags"] for number, job in jobs.items()} == {
        number: {"number": str(number)} for number in range(THREADS)
    }
    assert len({job["id"] for job in jobs.values()}) == THREADS
    # Each key is that of its own job.
    monkeypatch.setattr(Resolver, "_resolve", resolve)
    for number, job in jobs.items():
        headers = {"Idempotency-Key": f"key-{number}"}
        answer = client.send(
            "POST", "/jobs", {"type": "ok", "payload": {"number": number}, "tags": {"number": str(number)}}, headers
        )
        assert (answer.status, answer.json["id"]) == (200, job["id"])


def test_a_route_is_built_once_before_threads_use_it() -> None:
    """Two that build it at its first request would put each middleware in twice."""
    api_of(World()).prepare_all()
    resolver: Any = make_resolver()
    routes = [*resolver._static_routes, *resolver._dynamic_routes]
    assert all(route._middleware_stack_built for route in routes)


def test_nothing_of_a_request_stays_in_its_thread() -> None:
    """The next one of the same thread begins with an empty context."""
    client = Client(api_of(World()), a_token())
    client.submit()
    assert make_resolver().context == {}
