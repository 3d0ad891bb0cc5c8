"""What the API reads of a request: with and without a token, body, path, query, headers, token, key set."""

import json
from typing import Any

from functions.api.http import json_text, times
from functions.api.http.body import idempotency_key
from functions.api.http.etags import HEADER_CHARACTERS, precondition
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Context
from tests.builders.world import World
from tests.property.growth import Parser
from whendue.adapters import key_set
from whendue.adapters.auth import AuthSettings, Verifier
from whendue.errors import WhendueError
from whendue.quotas import BODY_BYTES, HEADERS_BYTES, JOB_BODY_BYTES, KEY_SET_BYTES, TARGET_BYTES, TOKEN_BYTES
from whendue.support.clock import ManualClock
from whendue.tracing.traceparent import traceparent

TEXTS = {
    "quotes": lambda n: '"' + '\\"' * (n // 2),
    "backslashes": lambda n: '"' + "\\" * n,
    "strings": lambda n: "[" + '"",' * (n // 3) + "1]",
    "open strings": lambda n: '["' * (n // 2),
    "brackets": lambda n: "[" * n,
    "objects": lambda n: '{"":' * (n // 4),
    "lists": lambda n: "[" + "[]," * (n // 3) + "1]",
    "closing brackets": lambda n: "]" * n,
    "wide objects": lambda n: "[" + '{"a":0},' * (n // 8) + "1]",
    "names": lambda n: "{" + ",".join(f'"{number:06}":0' for number in range(n // 11)) + "}",
    "one name": lambda n: "{" + '"a":0,' * (n // 6) + '"a":0}',
    "digits": lambda n: "1" * n,
    "digits behind a point": lambda n: "0." + "1" * n,
    "numbers": lambda n: "[" + "1e-5," * (n // 5) + "1]",
    "numbers that are too large": lambda n: "[" + "1e999," * (n // 6) + "1]",
    "NaN": lambda n: "[" + "NaN," * (n // 4) + "1]",
    "NULs": lambda n: '"' + "\\u0000" * (n // 6) + '"',
    "texts with a NUL": lambda n: "[" + '"\\u0000",' * (n // 9) + "1]",
    "halves": lambda n: '"' + "\\ud800" * (n // 6) + '"',
    "pairs": lambda n: '"' + "\\ud83d\\ude00" * (n // 12) + '"',
    "blanks": lambda n: " " * n,
    "blanks before": lambda n: " " * n + "{",
    "commas": lambda n: "[" + "," * n,
    "letters beyond ASCII": lambda n: '"' + "ü" * (n // 2) + '"',
}
SECRET_SETTINGS = AuthSettings("HS256", "issuer", "audience", "s" * 32)


def _api() -> Any:
    api, token = api_of(World()), a_token()

    def send(event: dict[str, Any]) -> None:
        reply = api(event | {"headers": {"authorization": f"Bearer {token}"} | event["headers"]}, Context())
        if reply["statusCode"] >= 500:
            raise AssertionError(reply)

    return send


SEND = _api()


def event(path: str = "/jobs", query: str = "", body: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    """Make an event; header names are written with _ for -."""
    return {
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": path}},
        "body": body,
    }


def _posted(path: str, before: str = "", after: str = "", **headers: str) -> dict[str, Any]:
    return {
        name: lambda n, make=make: event(
            path, "", before + make(n) + after, "POST", content_type="application/json", **headers
        )
        for name, make in TEXTS.items()
    }


PATHS = {
    "slashes": lambda n: event("/" * n),
    "an id": lambda n: event("/jobs/" + "a" * n),
    "an id and more": lambda n: event("/jobs/" + "a" * n + "/cancel/"),
    "two ids": lambda n: event("/subscriptions/" + "a" * (n // 2) + "/deliveries/" + "a" * (n // 2) + "/repla"),
    "escapes": lambda n: event("/jobs/" + "%00" * (n // 3)),
    "dots": lambda n: event("/jobs/" + "../" * (n // 3)),
    "line feeds": lambda n: event("/jobs" + "\n" * n),
}
QUERIES = {
    "blanks": lambda n: event(query="&" * n),
    "names": lambda n: event(query="a&" * (n // 2)),
    "many": lambda n: event(query="&".join(f"a{number:05}=" for number in range(n // 8))),
    "equals signs": lambda n: event(query="a" + "=" * n),
    "per cent signs": lambda n: event(query="type=" + "%" * n),
    "escapes": lambda n: event(query="type=" + "%ff" * (n // 3)),
    "pluses": lambda n: event(query="type=" + "+" * n),
    "commas": lambda n: event(query="type=" + "," * n),
    "semicolons": lambda n: event(query="type=" + ";" * n),
    "a cursor": lambda n: event(query="cursor=" + "a" * n),
    "a time": lambda n: event("/schedules/a/fires", "from=" + "1" * n),
}
HEADERS = {
    "many": lambda n: event() | {"headers": {f"x-{number}": "" for number in range(n // 8)}},
    "a cookie": lambda n: event(cookie="a=b;" * (n // 4)),
    "commas": lambda n: event(x="," * n),
    "a media type": lambda n: event("/jobs", "", "{}", "POST", content_type=";" * n),
    "a coding": lambda n: event("/jobs", "", "{}", "POST", content_encoding="gzip," * (n // 5)),
    "a key": lambda n: event(
        "/jobs", "", '{"type":"ok"}', "POST", content_type="application/json", idempotency_key="k" * n
    ),
    "a trace": lambda n: event(traceparent="00-" + "-" * n),
    "etags": lambda n: event("/schedules/a", method="DELETE", if_match='"1",' * (n // 4)),
    "quotes": lambda n: event("/schedules/a", method="DELETE", if_match='"' * n),
    "authorization": lambda n: event(authorization="Bearer " + "a." * (n // 2)),
    "blanks": lambda n: event(authorization=" " * n),
}
TOKENS = {
    "dots": lambda n: "Bearer " + "." * n,
    "parts": lambda n: "Bearer " + "a." * (n // 2),
    "equals signs": lambda n: "Bearer a." + "=" * n + ".a",
    "letters": lambda n: "Bearer " + "a" * n + ".e30.a",
    "blanks": lambda n: "Bearer" + " " * n,
    "a deep header": lambda n: "Bearer " + _coded('{"alg":"HS256","x":' + "[" * (n * 3 // 4)) + ".e30.a",
    "deep claims": lambda n: f"Bearer eyJhbGciOiJIUzI1NiJ9.{_coded('[' * (n * 3 // 4))}.a",
    "a digit": lambda n: f"Bearer {_coded('1' * (n * 3 // 4))}.e30.a",
}


def _coded(text: str) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _keys(item: dict[str, Any], length: int) -> Any:
    return lambda n: json.dumps({"keys": [item | {"kid": f"{number:08}"} for number in range(n // length)]}).encode()


RSA = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
KEY_SETS = {
    "keys": _keys(RSA, 70),
    "keys under one id": lambda n: json.dumps({"keys": [RSA | {"kid": "1"}] * (n // 60)}).encode(),
    "operations": lambda n: json.dumps({"keys": [RSA | {"kid": "1", "key_ops": ["sign"] * (n // 8)}]}).encode(),
    "a modulus": lambda n: json.dumps({"keys": [RSA | {"kid": "1", "n": "A" * n}]}).encode(),
    **{name: (lambda n, make=make: make(n).encode()) for name, make in TEXTS.items()},
    **{f"{name} inside": (lambda n, make=make: b'{"keys":' + make(n).encode()) for name, make in TEXTS.items()},
}
VERIFIER = Verifier(SECRET_SETTINGS, ManualClock().as_clock())
REFUSALS = (WhendueError, ValueError, key_set.KeySetError)

PARSERS = {
    "JSON": Parser(json_text.parse, TEXTS, BODY_BYTES, REFUSALS),
    "a batch": Parser(lambda text: json_text.parse(f'{{"jobs":{text}}}', "jobs"), TEXTS, BODY_BYTES, REFUSALS),
    "a body without a token": Parser(SEND, _posted("/jobs", authorization=""), BODY_BYTES),
    "a body where none belongs": Parser(SEND, _posted("/health"), BODY_BYTES),
    "a job": Parser(SEND, _posted("/jobs", '{"type":"ok","payload":', "}"), JOB_BODY_BYTES - 50),
    "a job's fields": Parser(SEND, _posted("/jobs", '{"type":"ok","dependsOn":', "}"), JOB_BODY_BYTES - 50),
    "a batch of jobs": Parser(SEND, _posted("/jobs/batch", '{"jobs":', "}"), BODY_BYTES - 20),
    "a workflow": Parser(SEND, _posted("/workflows", '{"chain":', "}"), BODY_BYTES - 20),
    "a path": Parser(SEND, PATHS, TARGET_BYTES - 50),
    "a query": Parser(SEND, QUERIES, TARGET_BYTES - 50),
    "headers": Parser(SEND, HEADERS, HEADERS_BYTES - 2000),
    "a token": Parser(VERIFIER.verify, TOKENS, TOKEN_BYTES - 100, REFUSALS),
    "a key set": Parser(lambda text: key_set.usable(text, "RS256"), KEY_SETS, KEY_SET_BYTES, REFUSALS),
    "a trace": Parser(traceparent, {"dashes": lambda n: "00-" + "-" * n, "blanks": lambda n: " \t" * (n // 2)}, 64_000),
    "an Idempotency-Key": Parser(
        lambda text: idempotency_key({"idempotency-key": text}), {"letters": lambda n: "a" * n + "\n"}, 64_000, REFUSALS
    ),
    "ETags": Parser(
        lambda text: precondition({"if-match": text}),
        {"tags": lambda n: '"1",' * (n // 4), "quotes": lambda n: '"' * n, "weak": lambda n: "W/" * (n // 2)},
        16 * HEADER_CHARACTERS,
        REFUSALS,
    ),
    "a time": Parser(
        times.read,
        {"digits": lambda n: "1" * n, "a fraction": lambda n: "2026-01-01T00:00:00." + "1" * n + "Z"},
        64_000,
        REFUSALS,
    ),
}
