"""Routes that take no fields refuse a body with some: whoever sends one expects it to do something."""

import json
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions.api.problems import MalformedRequestError
from whendue.errors import InvalidRequestError

# What a GET brings along has no meaning at all: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.1
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Of names that an answer repeats, as in an unknown query parameter.
NAMED: Final = 20
NAME_CHARACTERS: Final = 64


def refuse_body(resolver: APIGatewayHttpResolver, next_middleware: Callable[..., Any]) -> Any:
    """Refuse fields that the route would ignore; no body, `{}` and `null` are fine.

    Raises:
        InvalidRequestError: there are some; their places are named.
        MalformedRequestError: the body is no JSON.
    """
    route = resolver.context["_route"]
    text = resolver.current_event.body
    if text and text.strip() and route.method not in _SAFE and not route.dependant.body_params:
        _insist_on_nothing(text)
    return next_middleware(resolver)


def _insist_on_nothing(text: str) -> None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedRequestError("the body is not valid JSON") from None
    if body is None or body == {}:
        return
    problem = "this request takes no fields; send no body"
    names = sorted(f"body.{name[:NAME_CHARACTERS]}" for name in body) if isinstance(body, dict) else ["body"]
    raise InvalidRequestError(
        "the request is not valid", errors=[{"where": where, "problem": problem} for where in names[:NAMED]]
    )
