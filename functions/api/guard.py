"""What is checked of every request before a route sees it: size, content type, and that the body is sane JSON."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from math import isinf
from typing import Any, NoReturn

from functions.api.problems import BodyTooLargeError, MalformedRequestError, UnsupportedMediaTypeError
from whendue.errors import InvalidRequestError
from whendue.limits import BODY_BYTES, IDEMPOTENCY_KEY_BYTES, JSON_DEPTH

KEY = re.compile(rf"[\x21-\x7e]{{1,{IDEMPOTENCY_KEY_BYTES}}}")
JSON = "application/json"
# A JSON number that a double cannot hold would come back changed.
INTEGER_DIGITS = 18
_SCAN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]}]')


def checked_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands for the body from here on: text, None where there is none, and its one media type.

    Raises:
        BodyTooLargeError, UnsupportedMediaTypeError, MalformedRequestError: it is not acceptable.
    """
    raw = event.get("body") or ""
    # Base64 is four thirds of what it holds.
    if len(raw) > BODY_BYTES * 4 // 3 + 4:
        raise BodyTooLargeError(f"the body is over {BODY_BYTES} bytes")
    text = _decoded(raw) if event.get("isBase64Encoded") else raw
    if len(text.encode(errors="surrogatepass")) > BODY_BYTES:
        raise BodyTooLargeError(f"the body is over {BODY_BYTES} bytes")
    if not text.strip():
        return {"body": None, "isBase64Encoded": False}
    media = event["headers"].get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON:
        raise UnsupportedMediaTypeError
    parse(text)
    # Powertools compares the media type letter by letter.
    return {"body": text, "isBase64Encoded": False, "headers": event["headers"] | {"content-type": JSON}}


def _decoded(raw: str) -> str:
    try:
        return base64.b64decode(raw, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise MalformedRequestError("the body is not UTF-8") from error


def parse(text: str) -> Any:
    """Parse JSON strictly: bounded depth, no repeated names, no NaN, no lone surrogates, no NUL, no huge integers.

    Raises:
        MalformedRequestError: it is none; the message never quotes it.
    """
    if _depth(text) > JSON_DEPTH:
        raise MalformedRequestError(f"the body is nested deeper than {JSON_DEPTH} levels")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unrepeated,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        # A lone surrogate cannot be written as UTF-8; NUL is refused by too many systems behind us.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedRequestError("the body is not valid JSON") from error
    if "\\u0000" in text or "\0" in text:
        raise MalformedRequestError("the body holds a NUL character")
    return value


def _depth(text: str) -> int:
    """Count how deep brackets nest, without parsing: a parser's own recursion must not be the limit."""
    depth = deepest = 0
    for token in _SCAN.finditer(text):
        if (sign := token[0]) in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
    return deepest


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise MalformedRequestError("the body has an object with a repeated name")
    return dict(pairs)


def _constant(_: str) -> NoReturn:
    raise MalformedRequestError("NaN and Infinity are not JSON")


def _integer(digits: str) -> int:
    if len(digits) > INTEGER_DIGITS:
        raise MalformedRequestError(f"the body has an integer of more than {INTEGER_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    if isinf(number := float(digits)):
        raise MalformedRequestError("the body has a number that is too large")
    return number


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Give the Idempotency-Key; None where there is none.

    Raises:
        InvalidRequestError: it is empty, too long, or not printable ASCII.
    """
    key = headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise InvalidRequestError(f"Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_BYTES} printable ASCII characters")
    return key
