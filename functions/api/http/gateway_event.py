"""Both flavours of API Gateway in one place: events become an HTTP API's (2.0), answers what each flavour takes.

Sources:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

# https://docs.aws.amazon.com/apigateway/latest/developerguide/stages.html; and base paths of custom domains.
_STAGE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
# What an answer may hold. A REST API refuses one that holds anything else: its caller gets a 502.
HTTP_FIELDS = ("statusCode", "headers", "cookies", "body", "isBase64Encoded")
REST_FIELDS = ("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded")


def normalise(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event in version 2.0, its path without stage and base path.

    Besides it has `root`, how to get from the address that the client sees to ours, and `binary`, whether an answer may
    be bytes: a REST API passes their base64 on as it is, unless it is configured for media types.
    """
    two = _from_rest(event) if _is_rest(event) else _from_http(event)
    context = dict(two["requestContext"])
    headers = {name.lower(): value for name, value in two["headers"].items()}
    # Powertools takes the stage off the path by itself; the path has none any more.
    context |= {"stage": "$default", "http": context["http"] | {"path": two["rawPath"]}}
    more = {"root": _root(_seen(event), two["rawPath"]), "binary": not _is_rest(event)}
    return two | {"headers": headers, "requestContext": context} | more


def canonical(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a normalised event as our routes know it: GET for HEAD, and no slash at the end of the path."""
    http = event["requestContext"]["http"]
    path = event["rawPath"]
    path = path[:-1] if path.endswith("/") and path.rstrip("/") == path[:-1] else path
    path = path or "/"
    method = "GET" if http["method"] == "HEAD" else http["method"]
    context = event["requestContext"] | {"http": http | {"method": method, "path": path}}
    return dict(event) | {"rawPath": path, "requestContext": context}


def _prefix(event: Mapping[str, Any]) -> str:
    """Return what comes before our path where the client sees it: a stage, or a custom domain's base path."""
    seen = _seen(event)
    ours = normalise(event)["rawPath"]
    if not seen or not seen.endswith(ours):
        return ""
    return seen[: -len(ours)]


def _seen(event: Mapping[str, Any]) -> str:
    """Return the path as the client sees it, with a stage or a custom domain's base path; empty if that is unknown."""
    seen = (event.get("requestContext") or {}).get("path") if _is_rest(event) else event["rawPath"]
    return str(seen or "")


def _root(seen: str, ours: str) -> str:
    """Return the reference from an address to the API's root, as in `../`.

    Args:
        seen: path of the address, with what comes before our path.
        ours: our path.
    """
    if ours == "/" and seen not in ("", "/") and not seen.endswith("/"):
        # The stage itself, `/prod`: what is relative to it is beside it.
        stage = seen.rpartition("/")[2]
        return f"./{stage}/" if _STAGE.fullmatch(stage) else "./"
    return "../" * (ours.count("/") - 1) or "./"


def answer(event: Mapping[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reply as the event's flavour takes it: with its fields alone, none of them null, headers as text.

    Args:
        event: as API Gateway sent it.
        reply: status code, headers (a value may be a list), cookies, body.
    """
    headers = {name: _as_text(value) for name, value in (reply.get("headers") or {}).items()}
    if headers.get("Location", "").startswith("/"):
        headers["Location"] = _prefix(event) + headers["Location"]
    whole = {
        "statusCode": int(reply["statusCode"]),
        "headers": headers,
        # A body of null is none of API Gateway's answers: emulators make a 500 of it.
        "body": reply.get("body") or "",
        "isBase64Encoded": bool(reply.get("isBase64Encoded")),
    }
    cookies = [*(reply.get("cookies") or ())]
    # A REST API has no field for cookies: they are the one header whose values cannot stand in one line.
    several = {"Set-Cookie": cookies} if cookies else {}
    whole |= {"multiValueHeaders": several} if _is_rest(event) else {"cookies": cookies}
    return {name: whole[name] for name in (REST_FIELDS if _is_rest(event) else HTTP_FIELDS)}


def _is_rest(event: Mapping[str, Any]) -> bool:
    return "rawPath" not in event


def _as_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _from_http(event: Mapping[str, Any]) -> dict[str, Any]:
    stage = (event.get("requestContext") or {}).get("stage", "")
    path = _below_resource(event) or _without_stage(event["rawPath"], stage)
    return dict(event) | {
        "rawPath": path,
        "headers": _without_nulls(event.get("headers")),
        "queryStringParameters": _without_nulls(event.get("queryStringParameters")),
    }


def _from_rest(event: Mapping[str, Any]) -> dict[str, Any]:
    context = event.get("requestContext") or {}
    path = event.get("path") or "/"
    several = _lists(event, "queryStringParameters", "multiValueQueryStringParameters")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": _below_resource(event) or _without_stage(path, context.get("stage") or ""),
        "rawQueryString": urlencode(several, doseq=True),
        "headers": {name: ",".join(values) for name, values in _lists(event, "headers", "multiValueHeaders").items()},
        "queryStringParameters": {name: ",".join(values) for name, values in several.items()},
        "requestContext": {
            "requestId": context.get("requestId") or "",
            "stage": context.get("stage") or "",
            "http": {
                "method": event["httpMethod"],
                "path": path,
                "sourceIp": (context.get("identity") or {}).get("sourceIp") or "",
            },
        },
        "body": event.get("body"),
        "isBase64Encoded": bool(event.get("isBase64Encoded")),
    }


def _lists(event: Mapping[str, Any], single: str, several: str) -> dict[str, list[str]]:
    """Join the two fields in which a REST API puts headers, or parameters; each, or a value in it, may be null."""
    found = {name: [value or ""] for name, value in (event.get(single) or {}).items()}
    for name, values in (event.get(several) or {}).items():
        found[name] = [value or "" for value in values or ()]
    return found


def _without_nulls(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: value or "" for name, value in (values or {}).items()}


def _below_resource(event: Mapping[str, Any]) -> str | None:
    """Return what stands for `{proxy+}` as it was sent, None if there is no such resource.

    What comes before it is a stage or a custom domain's base path, which may be called like one of our routes.
    """
    if event.get("resource") == "/":
        return "/"
    proxy = (event.get("pathParameters") or {}).get("proxy")
    path = event.get("path") or event.get("rawPath") or ""
    # The parameter is decoded, the path may not be.
    endings = (f"/{proxy}", f"/{quote(proxy)}", f"/{quote(proxy, safe='')}") if proxy else ()
    return next((ending for ending in endings if path.endswith(ending)), None)


def _without_stage(path: str, stage: str) -> str:
    """Take `/stage` off: API Gateway leaves it in the path unless the stage is the default one."""
    prefix = f"/{stage}"
    if path == prefix:
        return "/"
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path or "/"
