"""Requests as API Gateway hands them to a function, in both of its event shapes, and the replies."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from functions.api.app import Api, make_resolver
from functions.api.http.gateway_event import canonical, normalise
from functions.api.http.openapi import document
from functions.api.http.routing import routes_of, template_of

Shape = Literal["http", "rest"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a client sends it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str | bytes | None = None
    query: str = ""

    def event(self, shape: Shape) -> dict[str, Any]:
        """Return the event of an HTTP API (2.0) or of a REST API (1.0); bytes travel as base64."""
        raw = isinstance(self.body, bytes)
        body = base64.b64encode(self.body).decode() if isinstance(self.body, bytes) else self.body
        return (self._http if shape == "http" else self._rest)() | {"body": body, "isBase64Encoded": raw}

    def _http(self) -> dict[str, Any]:
        together: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            together[name] = f"{together[name]},{value}" if name in together else value
        http = {"method": self.method, "path": self.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": dict(self.headers),
            "queryStringParameters": together,
            "requestContext": {"requestId": "r", "stage": "$default", "http": http},
        }

    def _rest(self) -> dict[str, Any]:
        several: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            several.setdefault(name, []).append(value)
        return {
            "resource": "/{proxy+}",
            "path": self.path,
            "httpMethod": self.method,
            "headers": {name.title(): value for name, value in self.headers.items()},
            "multiValueHeaders": {name.title(): [value] for name, value in self.headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
            "multiValueQueryStringParameters": several or None,
            "requestContext": {"requestId": "r", "stage": "live", "identity": {"sourceIp": "127.0.0.1"}},
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as a client gets it; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The problem's code; insists that it is a whole problem."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json
        assert set(problem) >= {"type", "title", "status", "code", "detail"}
        assert problem["status"] == self.status
        return str(problem["code"])


class Context:
    """The part of Lambda's context that is read."""

    aws_request_id = "request-1"
    function_name = "api"


def check(reply: Mapping[str, Any], shape: Shape) -> None:
    """Insist on what API Gateway insists on: a REST API answers 502 for a field that it does not know.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
    """
    own = {"http": {"cookies"}, "rest": {"multiValueHeaders"}}[shape]
    assert set(reply) <= {"statusCode", "headers", "body", "isBase64Encoded"} | own, "a REST API would answer 502"
    assert type(reply["statusCode"]) is int
    assert type(reply["body"]) is str
    assert type(reply["isBase64Encoded"]) is bool
    assert all(type(text) is str for header in reply["headers"].items() for text in header)
    assert json.loads(json.dumps(reply)) == reply, "Lambda answers in JSON"


@cache
def declared_codes() -> Mapping[tuple[str, str], Mapping[int, set[str]]]:
    """Return the problem codes that the OpenAPI document declares, by method and path, and by status."""
    return {
        (method.upper(), path): {
            int(status): set(answer["content"]["application/problem+json"]["examples"])
            for status, answer in operation["responses"].items()
            if "application/problem+json" in answer.get("content", {})
        }
        for path, operations in document(make_resolver())["paths"].items()
        for method, operation in operations.items()
    }


def check_declared(event: Mapping[str, Any], answer: Answer) -> None:
    """Insist that the OpenAPI document declares a problem's status and code for its operation."""
    if answer.headers.get("content-type") != "application/problem+json" or not answer.text:
        return
    try:
        asked = canonical(normalise(event))
    except Exception:  # noqa: BLE001 - an event that is none has no operation
        return
    method, path = asked["requestContext"]["http"]["method"], asked["rawPath"]
    found = [route for route in routes_of(make_resolver()) if route.rule.fullmatch(path)]
    # A path that is written out hides those with parameters.
    routes = [route for route in found if route.path == path] or found
    for template in (template_of(route) for route in routes if route.method == method):
        # Pages of the documentation are no operations.
        if codes := declared_codes().get((method, template)):
            code = answer.json["code"]
            assert code in codes.get(answer.status, ()), f"{method} {template}: {answer.status} {code} is not declared"


class Client:
    """Calls the API.

    Args:
        api: what answers.
        token: sent with each request; None sends none.
        shape: how API Gateway puts it.
    """

    def __init__(self, api: Api, token: str | None, shape: Shape = "http") -> None:
        self.api = api
        self.token = token
        self.shape = shape

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Answer:
        """Send a request; a body that is neither text nor bytes goes as JSON."""
        all_headers = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        if body is not None:
            all_headers["Content-Type"] = "application/json"
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        request = Request(method, path, all_headers | dict(headers or {}), text, urlencode(query, doseq=True))
        return self.event(request.event(self.shape))

    def event(self, event: Mapping[str, Any]) -> Answer:
        """Hand an event over as it is."""
        reply = self.api(event, Context())
        check(reply, "http" if "rawPath" in event else "rest")
        headers = {name.lower(): value for name, value in reply["headers"].items()}
        answer = Answer(reply["statusCode"], headers, reply.get("body") or "")
        check_declared(event, answer)
        return answer

    def submit(self, kind: str = "ok", headers: Mapping[str, str] | None = None, **wanted: Any) -> dict[str, Any]:
        """Submit a job that is accepted."""
        answer = self.send("POST", "/jobs", {"type": kind, **wanted}, headers)
        assert answer.status == 202, answer.text
        job: dict[str, Any] = answer.json
        return job
