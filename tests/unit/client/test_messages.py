"""whendue.client.messages: requests are made and answers are read purely."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from whendue.client import ApiError, Health, InvalidRequestError, UnexpectedAnswerError
from whendue.client.inputs.definitions import NewSchedule
from whendue.client.inputs.jobs import NewJob
from whendue.client.messages import Answer, checked_key, failure, json_value, model, retry_after_s
from whendue.client.requests.jobs import cancel_job, get_job, list_jobs, submit_job, update_job
from whendue.client.requests.schedules import list_fires, put_schedule

NOW_S = 1_800_000_000


def test_values_in_a_path_stay_in_their_segment() -> None:
    """Else a name could lead to another operation."""
    assert get_job("a/../b?c#d é").path == "/jobs/a%2F..%2Fb%3Fc%23d%20%C3%A9"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_path_that_would_become_another_one_is_refused(name: str) -> None:
    """Clients and proxies take such segments off."""
    with pytest.raises(ValueError, match="job_id must not be empty"):
        get_job(name)


def test_parameters_that_are_none_are_not_sent() -> None:
    """Tags are sent each, times in UTC."""
    after = datetime(2026, 1, 1, tzinfo=UTC)
    path = list_jobs(tags={"a": "b:c", "d": "&"}, created_after=after).page_at("x y").path
    assert path == "/jobs?tag=a%3Ab%3Ac&tag=d%3A%26&createdAfter=2026-01-01T00%3A00%3A00Z&cursor=x+y"
    assert list_jobs().first.path == "/jobs"
    assert (
        list_fires("s", start=after, cursor="c").first.path
        == "/schedules/s/fires?from=2026-01-01T00%3A00%3A00Z&cursor=c"
    )


def test_preconditions_and_keys_are_headers() -> None:
    """Those that are not given are not sent."""
    assert cancel_job("j", if_match='"1"').headers == {"If-Match": '"1"'}
    assert cancel_job("j").headers == {}
    assert put_schedule("s", NewSchedule(), only_create=True).headers == {"If-None-Match": "*"}
    assert submit_job(NewJob("t"), idempotency_key="k", traceparent="p").headers == {
        "Idempotency-Key": "k",
        "traceparent": "p",
    }
    with pytest.raises(ValueError, match="not both"):
        put_schedule("s", NewSchedule(), only_create=True, if_match='"1"')


@pytest.mark.parametrize("text", ['"1"\r\nX: y', "é", ""])
def test_a_header_cannot_start_another_one(text: str) -> None:
    """Nor be anything else than printable ASCII."""
    with pytest.raises(ValueError, match="If-Match must be printable"):
        update_job("j", priority="low", if_match=text)


@pytest.mark.parametrize("key", ["", "a b", "é", "\n", "x" * 256])
def test_a_key_that_the_api_refuses_is_refused_before(key: str) -> None:
    """With the name of the argument."""
    with pytest.raises(ValueError, match="idempotency_key must be"):
        submit_job(NewJob("t"), idempotency_key=key)
    assert checked_key("x" * 255)


def test_a_payload_that_is_no_json_is_refused() -> None:
    """`NaN` is none; the API would refuse it."""
    with pytest.raises(ValueError, match="JSON compliant"):
        submit_job(NewJob("t", {"x": float("nan")}))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("9" * 30, 999_999_999.0),
        (format_datetime(datetime.fromtimestamp(NOW_S + 30, UTC), usegmt=True), 30.0),
        (format_datetime(datetime.fromtimestamp(NOW_S - 30, UTC), usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """What cannot be read is as if it were not sent."""
    assert retry_after_s(header, NOW_S) == seconds


@pytest.mark.parametrize("content", [b"", b"<html>", b'"text"', b"[]", b'{"status": 1}', b"\xff", b'{"message": 7}'])
def test_an_error_without_a_problem_is_still_an_error_of_its_status(content: bytes) -> None:
    """Gateways and proxies answer what they like."""
    error = failure(Answer(413, {}, content), NOW_S)
    assert isinstance(error, InvalidRequestError)
    assert (error.status, error.code, error.errors, error.members) == (413, "http_413", (), {})


def test_a_problem_is_shown_with_its_places() -> None:
    """A person needs no debugger to see what is wrong."""
    content = b'{"status": 422, "code": "invalid_request", "detail": "d", "errors": [{"where": "w", "problem": "p"}]}'
    error = failure(Answer(422, {"x-amzn-requestid": "r"}, content), NOW_S)
    assert isinstance(error, ApiError)
    assert str(error) == "422 invalid_request: d; w: p (request r)"


@pytest.mark.parametrize("read", [model(Health), json_value])
@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff"])
def test_a_page_of_something_else_is_no_answer(read: Any, content: bytes) -> None:
    """As of a proxy that asks to log in, with status 200."""
    with pytest.raises(UnexpectedAnswerError, match="the answer 200 is not one of this API"):
        read(Answer(200, {}, content))


def test_an_unexpected_answer_names_the_place() -> None:
    """So that it can be reported."""
    with pytest.raises(UnexpectedAnswerError, match=r"\.status is missing"):
        model(Health)(Answer(200, {}, b"{}"))
