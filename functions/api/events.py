"""Both event shapes of API Gateway become one: a REST API's (1.0) event is rewritten as an HTTP API's (2.0).

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


def normalise(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the event in version 2.0, its path without the stage."""
    two = dict(event) if "rawPath" in event else _from_rest(event)
    context = dict(two["requestContext"])
    path = _without_stage(two["rawPath"], context.get("stage", ""))
    headers = {name.lower(): value for name, value in (two.get("headers") or {}).items()}
    # Powertools takes the stage off the path by itself; the path has none any more.
    context |= {"stage": "$default", "http": context["http"] | {"path": path}}
    return two | {"rawPath": path, "headers": headers, "requestContext": context}


def _without_stage(path: str, stage: str) -> str:
    """Take `/stage` off: API Gateway leaves it in the path unless the stage is the default one."""
    prefix = f"/{stage}"
    if path == prefix:
        return "/"
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path or "/"


def _from_rest(event: Mapping[str, Any]) -> dict[str, Any]:
    context = event.get("requestContext") or {}
    several = event.get("multiValueQueryStringParameters") or {
        name: [value] for name, value in (event.get("queryStringParameters") or {}).items()
    }
    headers = dict(event.get("headers") or {})
    for name, values in (event.get("multiValueHeaders") or {}).items():
        headers[name] = ",".join(values)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": event["path"],
        "rawQueryString": urlencode(several, doseq=True),
        "headers": headers,
        "queryStringParameters": {name: ",".join(values) for name, values in several.items()},
        "requestContext": {
            "requestId": context.get("requestId", ""),
            "stage": context.get("stage", ""),
            "http": {
                "method": event["httpMethod"],
                "path": event["path"],
                "sourceIp": (context.get("identity") or {}).get("sourceIp", ""),
            },
        },
        "body": event.get("body"),
        "isBase64Encoded": event.get("isBase64Encoded", False),
    }
