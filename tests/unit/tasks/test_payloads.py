"""What the shipped tasks' payloads refuse at submit."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.declarations.registry import TASKS, discover
from whendue.declarations.validation import PLACES
from whendue.errors import InvalidPayloadError, InvalidReferenceError, InvalidWorkflowError
from whendue.mail import mailbox
from whendue.tasks.email import EmailPayload
from whendue.tasks.http import HttpPayload

URL = "https://a.example/"
MAIL: dict[str, Any] = {"to": ["ada@example.com"], "subject": "Hello", "text": "Hi"}
controls = st.characters(categories=["Cc", "Zl", "Zp"])
texts_with_controls = st.builds("{}{}{}".format, st.text(max_size=20), controls, st.text(max_size=20))


@pytest.fixture(scope="module", autouse=True)
def _tasks() -> None:
    discover("whendue.tasks")


def parse(task: str, payload: object) -> Any:
    return TASKS.get(task).parse(payload)


def refused(task: str, payload: object, *, where: str) -> str:
    """Expect a refusal at this place; give all that it says."""
    with pytest.raises(InvalidPayloadError) as caught:
        parse(task, payload)
    places: Any = caught.value.details["errors"]
    assert any(re.match(where, error["where"]) for error in places), places
    return f"{caught.value} {places}"


def test_the_shipped_tasks_are_discovered() -> None:
    """Their names are part of the interface."""
    assert {"http", "email", "lambda", "workflow"} <= set(TASKS.names())


@pytest.mark.parametrize(
    ("task", "payload", "where"),
    [
        ("http", {"url": URL, "surprise": 1}, "surprise"),
        ("http", {"url": URL, "timeout_seconds": 1}, "timeout_seconds"),
        ("http", {"url": URL, "timeoutSeconds": "1"}, "timeoutSeconds"),
        ("http", {"url": URL, "timeoutSeconds": 0}, "timeoutSeconds"),
        ("http", {"url": URL, "timeoutSeconds": 901}, "timeoutSeconds"),
        ("http", {"url": URL, "timeoutSeconds": float("nan")}, "timeoutSeconds"),
        ("http", {"url": URL, "method": "TRACE"}, "method"),
        ("http", {"url": URL, "method": "post"}, "method"),
        ("http", {"url": URL, "body": 1, "text": "x"}, ""),
        ("http", {"url": URL, "body": None, "text": "x"}, ""),
        ("http", {"url": URL, "expectedStatus": []}, "expectedStatus"),
        ("http", {"url": URL, "expectedStatus": [199]}, "expectedStatus"),
        ("http", {"url": URL, "expectedStatus": ["1xx"]}, "expectedStatus"),
        ("http", {"url": URL, "expectedStatus": ["2xx\n"]}, "expectedStatus"),
        ("http", {"url": "https://user:hunter2@a.example/"}, "url"),
        ("http", {"url": "https://127.1/"}, "url"),
        ("http", {}, "url"),
        ("http", {"url": URL, "headers": {"A": "1", "a": "2"}}, "headers"),
        ("http", {"url": URL, "headers": {"A": "é"}}, "headers"),
        ("http", {"url": URL, "headers": {"A": "x" * 4097}}, "headers"),
        ("http", {"url": URL, "headers": {"A B": "1"}}, "headers"),
        ("http", {"url": URL, "headers": {"": "1"}}, "headers"),
        ("http", {"url": URL, "headers": {f"a{i}": "1" for i in range(51)}}, "headers"),
        ("email", {**MAIL, "surprise": 1}, "surprise"),
        ("email", {**MAIL, "sender": "a@example.com"}, "sender"),
        ("email", {**MAIL, "reply_to": ["a@example.com"]}, "reply_to"),
        ("email", {**MAIL, "to": []}, ""),
        ("email", {**MAIL, "to": "nobody"}, "to$"),
        ("email", {**MAIL, "to": "a@example.com, b@example.com"}, "to$"),
        ("email", {**MAIL, "to": {"address": "a@example.com"}}, "to$"),
        ("email", {**MAIL, "to": 5}, "to$"),
        ("email", {**MAIL, "to": ["a@example.com", "nobody"]}, "to.1$"),
        ("email", {**MAIL, "to": ["a@example.com"] * 51}, "to$"),
        ("email", {"subject": "Hello"}, ""),
        ("email", {"to": "a@example.com"}, "subject$"),
        ("email", {**MAIL, "subject": None}, "subject$"),
        ("email", {**MAIL, "cc": ["a@example.com"] * 50}, ""),
        ("email", {**MAIL, "text": 5}, "text$"),
        ("email", {**MAIL, "subject": "x" * 999}, "subject"),
        ("email", {**MAIL, "from": "nobody"}, "from"),
        ("lambda", {"functionName": "a:b"}, "functionName"),
        ("lambda", {"functionName": "f\n"}, "functionName"),
        ("lambda", {"functionName": "arn:aws:lambda:eu-west-1:123456789012:function:f:PROD"}, "functionName"),
        ("lambda", {"functionName": "f", "qualifier": "a b"}, "qualifier"),
        ("lambda", {"functionName": "f", "invocationType": "DryRun"}, "invocationType"),
        ("lambda", {"function_name": "f"}, "function_name"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_at_its_place(task: str, payload: object, where: str) -> None:
    """A mistake is the caller's to see at submit, not a dead job's at night; and it is never quoted back."""
    assert "hunter2" not in refused(task, payload, where=where)


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "Idempotency-Key", "User-Agent", "X-Whendue-Job"],
)
def test_headers_that_frame_the_message_or_that_whendue_sets_are_refused(name: str) -> None:
    """They are how requests are smuggled, and how another job's identity is forged."""
    refused("http", {"url": URL, "headers": {name: "1"}}, where="headers")


@given(texts_with_controls)
def test_no_http_header_takes_a_control_character(text: str) -> None:
    """CR LF in a header is another header; tab alone is allowed in a value (RFC 9110 section 5.5)."""
    refused("http", {"url": URL, "headers": {text: "1"}}, where="headers")
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") and character != "\t" for character in text):
        refused("http", {"url": URL, "headers": {"X-Note": text}}, where="headers")


@given(texts_with_controls, st.sampled_from(["subject", "from", "to", "cc", "bcc", "replyTo"]), st.booleans())
def test_no_mail_header_takes_a_control_character(text: str, field: str, named: bool) -> None:
    """CR LF in a subject or a name is a header of the attacker's, or a whole other mail."""
    value = f"{text} <ada@example.com>" if named else text
    refused("email", {**MAIL, field: value if field in ("subject", "from") else [value]}, where=field)


@pytest.mark.parametrize(
    ("text", "for_ses"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "Ada Lovelace <ada@example.com>"),
        ('"Lovelace, Ada" <ada@example.com>', '"Lovelace, Ada" <ada@example.com>'),
        ("<ada@example.com>", "ada@example.com"),
        ("Zoë <zoe+x@mail.example.com>", "=?utf-8?q?Zo=C3=AB?= <zoe+x@mail.example.com>"),
    ],
)
def test_a_mailbox_is_an_address_with_or_without_a_name(text: str, for_ses: str) -> None:
    """Names beyond ASCII are encoded, as SES wants them."""
    assert mailbox(text) == for_ses


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@localhost",
        "@example.com",
        "a@b@example.com",
        "a@example.com, b@example.com",
        "a@example.com;b@example.com",
        "Eve <eve@example.com>, Bob <bob@example.com>",
        "a@[127.0.0.1]",
        "a b@example.com",
        "a@exam_ple.com",
        "a@-example.com",
        "ädä@example.com",
        "a@bücher.example",
        '"a"b <a@example.com>',
        "x" * 65 + "@example.com",
        "a@" + "b." * 127 + "com",
        " " * 100_000 + "<",
    ],
)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    """One entry is one recipient: a second one must not hide in it."""
    with pytest.raises(ValueError):
        mailbox(text)


def test_defaults_are_those_of_the_documentation() -> None:
    """A POST that expects any 2xx; a mail without copies; an invocation that waits."""
    http = HttpPayload.model_validate({"url": URL})
    assert (http.method, http.expects(204), http.expects(302), http.timeout_seconds) == ("POST", True, False, 30)
    assert EmailPayload.model_validate(MAIL).sender is None
    assert parse("lambda", {"functionName": "f"}).invocation_type == "RequestResponse"


BRIEF: dict[str, Any] = {"to": "user@example.com", "subject": "Hello"}


def test_the_briefs_mail_is_one_address_and_a_subject() -> None:
    """To the letter: no list, no text."""
    mail = EmailPayload.model_validate(BRIEF)
    assert (mail.to, mail.subject, mail.text, mail.html) == (["user@example.com"], "Hello", None, None)


@pytest.mark.parametrize("name", ["to", "cc", "bcc", "replyTo"])
@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Ada <ada@x.org>", ["Ada <ada@x.org>"]),
        ("ada+jobs@x.org", ["ada+jobs@x.org"]),
        ("Zoë <zoe@x.org>", ["=?utf-8?q?Zo=C3=AB?= <zoe@x.org>"]),
        (["a@x.org", "Ada <ada@x.org>"], ["a@x.org", "Ada <ada@x.org>"]),
    ],
)
def test_one_address_is_a_list_of_one(name: str, value: Any, read: list[str]) -> None:
    """Wherever addresses stand."""
    mail = EmailPayload.model_validate({**BRIEF, name: value})
    assert getattr(mail, "reply_to" if name == "replyTo" else name) == read


@pytest.mark.parametrize("more", [{"cc": None}, {"bcc": None}, {"replyTo": None}, {"text": None, "html": None}])
def test_what_is_null_is_not_there(more: dict[str, Any]) -> None:
    """Clients that fill in every field send it."""
    assert EmailPayload.model_validate(BRIEF | more) == EmailPayload.model_validate(BRIEF)


def test_a_subject_may_be_empty_or_in_any_script() -> None:
    """It is the sender's business."""
    assert [EmailPayload.model_validate({**BRIEF, "subject": item}).subject for item in ("", "Grüße ☀")] == [
        "",
        "Grüße ☀",
    ]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("body", "text"), ("message", "text"), ("content", "text"), ("recipients", "to"), ("sender", "from"),
        ("title", "subject"), ("reply_to", "replyTo"), ("attachments", "cannot"),
    ],
)  # fmt: skip
def test_an_error_for_a_misnamed_field_names_the_right_one(name: str, instead: str) -> None:
    """At its place, beside whatever else is wrong."""
    with pytest.raises(InvalidPayloadError) as caught:
        parse("email", {**BRIEF, name: "x", "to": "nobody"})
    places: Any = caught.value.details["errors"]
    problems = {error["where"]: error["problem"] for error in places}
    assert set(problems) == {name, "to"}
    assert instead in problems[name]
    assert "name@example.com" in problems["to"]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (
            BRIEF | {"priority": "high"},
            {"priority": "is not a field; the fields are bcc, cc, from, html, replyTo, subject, text, to"},
        ),
        (BRIEF | {"to": {"email": "a@x.org"}}, {"to": "write one address, or a list of addresses"}),
        (
            BRIEF | {"to": "a@x.org; b@x.org"},
            {
                "to": "must be an email address, as in name@example.com or Name <name@example.com>, in ASCII; send "
                "several as a list"
            },
        ),
        ({"subject": "Hello"}, {"": "to, cc and bcc must hold 1 to 50 addresses together"}),
    ],
)
def test_an_error_says_what_to_send_instead(payload: dict[str, Any], says: dict[str, str]) -> None:
    """Not what a library calls it."""
    with pytest.raises(InvalidPayloadError) as caught:
        parse("email", payload)
    places: Any = caught.value.details["errors"]
    assert {error["where"]: error["problem"] for error in places} == says


def test_however_much_is_wrong_the_answer_is_short() -> None:
    """A payload of a hundred thousand unknown fields made an answer of megabytes."""
    with pytest.raises(InvalidPayloadError) as caught:
        parse("email", BRIEF | {f"f{number}": 1 for number in range(1000)})
    places: Any = caught.value.details["errors"]
    assert len(places) == PLACES + 1
    assert "more" in places[-1]["problem"]


NODE: dict[str, Any] = {"name": "a", "request": {"type": "ok", "policy": {}}}


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ({}, "nodes"),
        ({"nodes": {}}, "nodes"),
        ({"nodes": ["a"]}, "nodes.0"),
        ({"nodes": [NODE], "deadline_s": "1"}, "deadline_s"),
        ({"nodes": [NODE], "more": 1}, "more"),
        ({"nodes": [{"name": "a"}]}, ""),
        ({"nodes": [{"request": {"type": "ok"}}]}, ""),
        ({"nodes": [{"name": "a", "request": 1}]}, ""),
        ({"nodes": [{"name": "a", "request": {"type": "ok", "policy": 1}}]}, ""),
        ({"nodes": [NODE | {"dependencies": 1}]}, ""),
        ({"nodes": [NODE | {"dependencies": [["a", "done"]]}]}, ""),
        ({"nodes": [NODE | {"dependencies": [[0, "done", 1]]}]}, ""),
        ({"nodes": [NODE | {"dependencies": [[0, []]]}, NODE | {"name": "b", "dependencies": [[0, []]]}]}, ""),
    ],
)
def test_a_workflow_takes_the_one_form_of_a_graph(payload: Any, where: str) -> None:
    """Whoever submits something else by hand is refused, not found out by a worker."""
    refused_any("workflow", payload, where)


def refused_any(task: str, payload: object, where: str) -> None:
    with pytest.raises((InvalidPayloadError, InvalidWorkflowError)) as caught:
        parse(task, payload)
    if isinstance(caught.value, InvalidPayloadError):
        places: Any = caught.value.details["errors"]
        assert where in [error["where"] for error in places]


def test_a_workflow_checks_the_laws_of_graphs() -> None:
    """A schedule's template is checked by this alone when it fires."""
    parse("workflow", {"nodes": [NODE, NODE | {"name": "b", "dependencies": [[0, "done"]]}], "deadline_s": 5})
    with pytest.raises(InvalidWorkflowError):
        parse("workflow", {"nodes": [NODE, NODE]})
    with pytest.raises(InvalidReferenceError):
        parse("workflow", {"nodes": [{"name": "a", "request": {"type": "ok", "payload": {"$from": "b"}}}]})
