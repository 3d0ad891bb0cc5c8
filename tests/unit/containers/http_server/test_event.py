"""Events are those that API Gateway would send, and answers what it would make of a reply."""

import base64
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import gateway
from whendue.containers.http_server.event import Request, answer_of, event_of

# What h11 lets through as a header's value, without spaces at its ends.
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
NAMES = st.from_regex(r"x-[a-z0-9-]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def request(
    target: str = "/jobs", headers: list[tuple[str, str]] | None = None, body: bytes = b"", method: str = "GET"
) -> Request:
    return Request(method, target, headers or [], body, "HTTP/1.1", "127.0.0.1", "r", 1_800_000_000_000)


@given(
    st.lists(TEXTS, min_size=1, max_size=4),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=6),
    st.dictionaries(NAMES, VALUES, max_size=5),
    TEXTS,
)
def test_an_event_is_the_one_that_the_tests_of_the_api_are_built_on(
    segments: list[str], pairs: list[tuple[str, str]], headers: dict[str, str], body: str
) -> None:
    """Path, query with repeated parameters, headers and body: what is right for API Gateway is right here."""
    path, query = "/" + "/".join(segments), urlencode(pairs)
    expected = gateway.Request("POST", path, headers, body, query).event("http")
    target = "/" + "/".join(quote(segment, safe="") for segment in segments) + (f"?{query}" if query else "")
    made = event_of(request(target, list(headers.items()), body.encode(), "POST"))
    # Absent where there is none; the builder has an empty one.
    assert made.get("queryStringParameters", {}) == expected.pop("queryStringParameters")
    assert made.get("body", "") == expected.pop("body")
    context = expected.pop("requestContext")
    assert {name: made[name] for name in expected} == expected
    assert {name: made["requestContext"][name] for name in ("requestId", "stage")} == {
        name: context[name] for name in ("requestId", "stage")
    }
    assert made["requestContext"]["http"].items() >= context["http"].items()


@given(st.lists(st.tuples(st.sampled_from(["x-a", "x-b"]), VALUES), max_size=6))
def test_repeated_headers_are_joined_by_commas_in_their_order(headers: list[tuple[str, str]]) -> None:
    """API Gateway: "Duplicate headers are combined with commas"."""
    made = event_of(request(headers=headers))["headers"]
    assert made == {name: ",".join(value for other, value in headers if other == name) for name in dict(headers)}


def test_cookies_have_a_field_of_their_own() -> None:
    """And are no header of the event."""
    made = event_of(request(headers=[("cookie", "a=1; b=2"), ("cookie", "c=3"), ("x-a", "1")]))
    assert (made["cookies"], made["headers"]) == (["a=1", "b=2", "c=3"], {"x-a": "1"})


@given(st.binary(min_size=1, max_size=40))
def test_a_body_is_text_or_base64_and_comes_back_as_it_was(body: bytes) -> None:
    """Text where it is UTF-8."""
    made = event_of(request(body=body, method="POST"))
    text: str = made["body"]
    assert (base64.b64decode(text) if made["isBase64Encoded"] else text.encode()) == body


def test_an_encoded_body_is_base64_even_if_it_reads_as_text() -> None:
    """It is refused with its own error (415), not parsed."""
    made = event_of(request(headers=[("content-encoding", "gzip")], body=b"{}"))
    assert (made["body"], made["isBase64Encoded"]) == (base64.b64encode(b"{}").decode(), True)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://api.example.com/jobs?limit=1", "/jobs", "limit=1"),
        ("HTTP://api.example.com", "/", ""),
        ("http://api.example.com?limit=1", "/", "limit=1"),
        ("*", "*", ""),
        ("ftp://api.example.com/jobs", "ftp://api.example.com/jobs", ""),
        ("/jobs/http://x", "/jobs/http://x", ""),
    ],
)
def test_a_target_with_scheme_and_authority_is_read_as_its_path(target: str, path: str, query: str) -> None:
    """RFC 9112 section 3.2.2."""
    made = event_of(request(target))
    assert (made["rawPath"], made["rawQueryString"]) == (path, query)


def test_a_reply_is_answered_with_all_its_lines() -> None:
    """Several values of a header, and cookies, are lines of their own; the length is counted in bytes."""
    reply: dict[str, Any] = {
        "statusCode": 200,
        "headers": {"X-A": "1", "Content-Type": "text/plain"},
        "multiValueHeaders": {"X-B": ["2", "3"]},
        "cookies": ["c=4", "d=5"],
        "body": "\u00fc",
    }
    answer = answer_of(reply, "GET")
    assert answer.body == b"\xc3\xbc"
    assert answer.headers == [
        (b"X-A", b"1"),
        (b"Content-Type", b"text/plain"),
        (b"X-B", b"2"),
        (b"X-B", b"3"),
        (b"Set-Cookie", b"c=4"),
        (b"Set-Cookie", b"d=5"),
        (b"Content-Length", b"2"),
    ]


def test_a_reply_in_base64_is_answered_as_bytes() -> None:
    """As API Gateway does."""
    reply = {"statusCode": 200, "body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True}
    assert answer_of(reply, "GET").body == b"\xff\x00"


@pytest.mark.parametrize(("status", "method"), [(200, "HEAD"), (204, "GET"), (304, "GET")])
def test_what_has_no_content_has_no_length(status: int, method: str) -> None:
    """RFC 9110 section 8.6; that of HEAD would have to be that of GET."""
    answer = answer_of({"statusCode": status, "body": "x"}, method)
    assert (answer.headers, answer.body) == ([], b"")
