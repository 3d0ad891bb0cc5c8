"""Fixtures: a world, its API, and clients with tokens of tenants."""

from collections.abc import Callable, Iterator
from io import StringIO
from logging import StreamHandler

import pytest

from functions import log
from localstack import token
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import TENANT, World


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What the functions log: Powertools' handler keeps the stream that it began with."""
    handler = log._logger().registered_handler
    assert isinstance(handler, StreamHandler)
    before = handler.setStream(stream := StringIO())
    yield stream
    handler.setStream(before)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["http", "rest"])
def shape(request: pytest.FixtureRequest) -> Shape:
    """Both kinds of API Gateway."""
    kind: Shape = request.param
    return kind


@pytest.fixture
def client_of(world: World) -> Callable[..., Client]:
    """Make clients of the one API: `client_of(tenant, scopes)`."""
    api = api_of(world)
    return lambda tenant=TENANT, scopes=token.SCOPES: Client(api, a_token(tenant, scopes))


@pytest.fixture
def client(client_of: Callable[..., Client]) -> Client:
    return client_of()
