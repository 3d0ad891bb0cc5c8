"""Both flavours of API Gateway: what each sends is read the same way, and each is answered in its own shape."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.api.http.gateway_event import answer, normalise
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client, Context, Request, Shape, check
from tests.builders.world import World

REPLY = {"statusCode": 202, "headers": {"Content-Type": "text/plain"}, "body": "ä", "isBase64Encoded": False}
# A REST API writes every field, and null into those that have nothing to say.
NOTHING = {"headers": None, "multiValueHeaders": None, "queryStringParameters": None, "body": None}


@pytest.fixture
def send(world: World, shape: Shape) -> Callable[..., Answer]:
    """Send requests by either flavour."""
    return Client(api_of(world), a_token(), shape).send


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/jobs", {"type": "ok"}, 202),
        ("POST", "/tasks/schedule", {"type": "ok", "delaySeconds": 30, "retries": 3}, 202),
        ("POST", "/jobs/batch", {"jobs": [{"type": "ok"}, {"type": "nothing"}]}, 207),
        ("GET", "/jobs", None, 200),
        ("GET", "/", None, 200),
        ("GET", "/docs", None, 200),
        ("GET", "/health/ready", None, 200),
        ("POST", "/jobs", "{", 400),
        ("POST", "/jobs", {"type": 1}, 422),
        ("GET", "/nowhere", None, 404),
        ("DELETE", "/jobs", None, 405),
    ],
)
def test_every_kind_of_answer_is_one_that_its_flavour_takes(
    send: Callable[..., Answer], method: str, path: str, body: Any, status: int
) -> None:
    """A REST API makes a 502 of an answer with the HTTP API's field `cookies`; the client insists on each shape."""
    assert send(method, path, body).status == status


def test_a_rest_answer_holds_what_a_rest_api_knows_and_nothing_else(world: World) -> None:
    """The five fields, to the letter."""
    event = Request("POST", "/jobs", {"Authorization": f"Bearer {a_token()}"}, "{").event("rest")
    reply = api_of(world)(event, Context())
    assert set(reply) == {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def test_cookies_travel_as_each_flavour_has_them() -> None:
    """The one header that cannot be joined into a line."""
    reply = REPLY | {"cookies": ["a=1", "b=2"]}
    http, rest = (answer(Request("GET", "/", {}).event(shape), reply) for shape in ("http", "rest"))
    assert http == REPLY | {"cookies": ["a=1", "b=2"]}
    assert rest == REPLY | {"multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}


@pytest.mark.parametrize("odd", [{"body": None}, {"isBase64Encoded": None}, {"headers": None}, {"made": "up"}])
def test_nothing_in_an_answer_is_null_or_unknown(shape: Shape, odd: dict[str, Any]) -> None:
    """API Gateway answers 502 or 500 for either."""
    check(answer(Request("GET", "/", {}).event(shape), REPLY | odd), shape)


def test_headers_are_text(shape: Shape) -> None:
    """Numbers and lists are refused by API Gateway."""
    reply = REPLY | {"headers": {"Retry-After": 5, "Allow": ["GET", "POST"]}}
    assert answer(Request("GET", "/", {}).event(shape), reply)["headers"] == {"Retry-After": "5", "Allow": "GET, POST"}


def _rest(path: str = "/jobs", **other: Any) -> dict[str, Any]:
    return Request("GET", path, {"Authorization": f"Bearer {a_token()}"}).event("rest") | other


@pytest.mark.parametrize("name", sorted(NOTHING))
def test_a_rest_events_nulls_are_nothing(world: World, name: str) -> None:
    """Each alone, and each as its neighbour says it."""
    assert Client(api_of(world), None).event(_rest() | {name: NOTHING[name]}).status == 200


def test_all_nulls_of_a_rest_event_are_an_anonymous_request(world: World) -> None:
    """As without any header: no token is a 401, and what is public is served."""
    client = Client(api_of(world), None)
    assert client.event(_rest() | NOTHING).status == 401
    assert client.event(_rest("/health") | NOTHING | {"requestContext": None, "isBase64Encoded": None}).status == 200


def test_a_parameter_without_a_value_is_an_empty_one() -> None:
    """`?state` may come as null, in either field and flavour."""
    both = {"queryStringParameters": {"state": None}, "multiValueQueryStringParameters": {"state": [None]}}
    assert normalise(_rest() | both)["queryStringParameters"] == {"state": ""}
    http = Request("GET", "/jobs", {}).event("http") | {"queryStringParameters": {"state": None}}
    assert normalise(http)["queryStringParameters"] == {"state": ""}


def test_repeated_parameters_and_headers_are_the_same_in_both_flavours() -> None:
    """A REST API's single fields hold the last value only."""
    rest = Request("GET", "/jobs", {}, query="a=1&a=2&b=3").event("rest")
    rest |= {"headers": {"X-Many": "2"}, "multiValueHeaders": {"X-Many": ["1", "2"]}}
    http = Request("GET", "/jobs", {"x-many": "1,2"}, query="a=1&a=2&b=3").event("http")
    for name in ("queryStringParameters", "headers", "rawPath"):
        assert normalise(rest)[name] == normalise(http)[name]


@pytest.mark.parametrize("stage", ["v1", "jobs", "health"])
def test_a_stage_or_a_base_path_that_is_called_like_a_route_hides_none(world: World, stage: str) -> None:
    """A REST API's path has no stage; a custom domain's has its base path before it."""
    client = Client(api_of(world), None)
    context = {"requestId": "r", "stage": stage, "identity": {"sourceIp": "127.0.0.1"}}
    for path in ("/jobs", f"/{stage}/jobs"):
        event = _rest(path, pathParameters={"proxy": "jobs"}, requestContext=context)
        assert client.event(event).status == 200
        assert normalise(event)["rawPath"] == "/jobs"
    root = _rest(f"/{stage}", resource="/", requestContext=context)
    assert client.event(root).headers["content-type"].startswith("text/html")
    http = Request("GET", f"/{stage}/jobs", {"Authorization": f"Bearer {a_token()}"}).event("http")
    http["requestContext"]["stage"] = stage
    assert client.event(http).status == 200


@pytest.mark.parametrize("path", ["/schedules/a%2Fb", "/schedules/a/b", "/schedules/%C3%96", "/schedules/a%20b"])
def test_encoded_paths_are_never_a_server_error_and_mean_the_same(world: World, path: str) -> None:
    """`%2F` comes decoded from some gateways, and as it was sent from others."""
    from urllib.parse import unquote

    http = Request("GET", path, {"Authorization": f"Bearer {a_token()}"}).event("http")
    rest = _rest(path, pathParameters={"proxy": unquote(path[1:])})
    statuses = {Client(api_of(world), None).event(event).status for event in (http, rest)}
    assert statuses < {404, 422}
    assert len(statuses) == 1


def test_a_binary_body_is_read_in_both_flavours(send: Callable[..., Answer]) -> None:
    """Where API Gateway takes a media type for binary it sends base64."""
    assert send("POST", "/jobs", b'{"type": "ok"}').status == 202
    assert send("POST", "/jobs", b"\xff\xfe").code == "malformed_request"
