"""whendue.client.flows.sending: what is sent again, when, and with which key; against a server that misbehaves."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.client.servers import HEALTH, Reply, answer, both, dropped, half, misbehaving, paths, problem
from whendue.client import (
    ApiError,
    ClientCredentials,
    ClientError,
    NewJob,
    NotFoundError,
    RetryPolicy,
    TooManyRequestsError,
    TransportError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
)

UP = answer(200, HEALTH)
FAULTS = {
    "429": problem(429, "too_many"),
    "502": answer(502, b"<html>"),
    "503": problem(503, "unavailable"),
    "504": answer(504, {"message": "Endpoint request timed out"}),
    "dropped": dropped,
    "half": half,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_passing_fault_is_not_noticed(fault: Reply) -> None:
    """The request is sent until it is answered, and each wait is a random one below a bound that doubles."""
    for _ in range(2):
        with misbehaving(fault, fault, UP) as web:
            for _, slept, health in both(web, lambda client: client.get_readiness()):
                if isinstance(health, ClientError):
                    raise health
                assert health.status == "UP"
                assert len(slept.seconds) in (0, 2)
                assert all(0 <= wait <= 0.25 * 2**number for number, wait in enumerate(slept.seconds))


def test_the_waits_grow_and_are_not_all_the_same() -> None:
    """Full jitter; and the attempts have an end."""
    policy = RetryPolicy(attempts=6, base_s=1, cap_s=4, total_s=1000)
    with misbehaving(FAULTS["503"]) as web:
        for _, slept, error in both(web, lambda client: client.get_job("j"), retry=policy):
            assert isinstance(error, UnavailableError)
            assert error.attempts == len(web.seen) == 6
            assert all(wait <= bound for wait, bound in zip(slept.seconds, [1, 2, 4, 4, 4], strict=True))
            assert len(set(slept.seconds)) == 5


def test_retry_after_is_waited_out() -> None:
    """And the jitter is added to it, so that clients that were refused together do not come back together."""
    with misbehaving(problem(503, "unavailable", Retry_After="7"), UP, problem(503, "x", Retry_After="7"), UP) as web:
        for _, slept, health in both(web, lambda client: client.get_usage()):
            assert isinstance(health, UnexpectedAnswerError)
            [wait] = slept.seconds
            assert 7 <= wait <= 7.25


def test_a_call_ends_before_its_total_time() -> None:
    """A wait that would end after it is not begun."""
    with misbehaving(problem(503, "unavailable", Retry_After="61")) as web:
        for _, slept, error in both(web, lambda client: client.get_job("j")):
            assert (error.code, error.retry_after_s, slept.seconds, len(web.seen)) == ("unavailable", 61, [], 1)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_creates_is_sent_again_with_the_same_key(fault: Reply) -> None:
    """So the repetition creates nothing; the next call has another key."""
    keys = set()
    with misbehaving(fault, fault, answer(422, b"{}"), fault, fault, answer(422, b"{}")) as web:
        for _, _, error in both(web, lambda client: client.submit_job(NewJob("ok"))):
            assert isinstance(error, ApiError)
            [key] = {seen.headers["Idempotency-Key"] for seen in web.seen}
            assert (len(web.seen), error.idempotency_key, len(key)) == (3, key, 36)
            keys.add(key)
    assert len(keys) == 2


def test_a_given_key_is_the_one_that_is_sent() -> None:
    """A caller that may be started again needs its own."""
    with misbehaving(answer(422, b"{}")) as web:
        for _, _, error in both(web, lambda client: client.trigger_schedule("s", idempotency_key="mine")):
            assert [seen.headers["Idempotency-Key"] for seen in web.seen] == [error.idempotency_key] == ["mine"]


UNSAFE: dict[str, Callable[[Any], Any]] = {
    "bulk redrive": lambda client: client.redrive_dead_letters(),
    "redrive": lambda client: client.redrive_job("j"),
    "retry": lambda client: client.retry_workflow("w"),
    "test": lambda client: client.test_subscription("s"),
    "rotate": lambda client: client.rotate_subscription_secret("s"),
}


@pytest.mark.parametrize("fault", ["503", "504", "dropped", "half"])
@pytest.mark.parametrize("call", UNSAFE.values(), ids=UNSAFE)
def test_what_may_have_been_done_and_is_no_repetition_is_not_sent_again(call: Callable[[Any], Any], fault: str) -> None:
    """It would be done twice."""
    with misbehaving(FAULTS[fault]) as web:
        for _, slept, error in both(web, call):
            assert isinstance(error, ClientError)
            assert (len(web.seen), slept.seconds, error.attempts) == (1, [], 1)
            assert "Idempotency-Key" not in web.seen[0].headers


def test_what_was_refused_before_it_was_done_is_sent_again() -> None:
    """A 429 is of the gateway; a redrive with a precondition, or that only counts, does nothing twice."""
    done: list[tuple[Callable[[Any], Any], str]] = [
        (UNSAFE["redrive"], "429"),
        (lambda client: client.redrive_job("j", if_match='"1"'), "503"),
        (lambda client: client.redrive_dead_letters(dry_run=True), "dropped"),
    ]
    for call, fault in done:
        with misbehaving(FAULTS[fault], answer(409, b"{}"), FAULTS[fault], answer(409, b"{}")) as web:
            for _, _, error in both(web, call):
                assert (error.status, len(web.seen)) == (409, 2)


def test_without_a_connection_nothing_was_sent() -> None:
    """So that everything may be sent again, until the attempts end."""
    with misbehaving(UP) as web:
        pass
    for _, slept, error in both(web, UNSAFE["test"], retry=RetryPolicy(attempts=3)):
        assert isinstance(error, TransportError)
        assert (error.sent, error.attempts, len(slept.seconds)) == (False, 3, 2)


def test_other_errors_are_not_sent_again() -> None:
    """They would be the same."""
    for status in (400, 403, 404, 409, 412, 500):
        with misbehaving(problem(status, "code")) as web:
            for _, _, error in both(web, lambda client: client.get_job("j")):
                assert (error.status, error.code, len(web.seen)) == (status, "code", 1)


def test_a_refused_token_is_replaced_once() -> None:
    """A rotation between two requests is not noticed; a token that stays refused is not sent a third time."""
    refused = problem(401, "unauthenticated")
    for replies, kind in ((refused, UP, refused, UP), UnexpectedAnswerError), ((refused,), UnauthorizedError):
        with misbehaving(*replies) as web:
            tokens = itertools.count()
            for _, _, made in both(web, lambda client: client.get_usage(), token=lambda: f"t{next(tokens)}"):  # noqa: B023
                assert isinstance(made, kind)
                first, second = [seen.headers["Authorization"] for seen in web.seen]
                assert first != second


def test_a_token_that_never_changes_is_not_sent_again() -> None:
    """There is no other one."""
    with misbehaving(problem(401, "unauthenticated")) as web:
        for _, _, error in both(web, lambda client: client.get_usage()):
            assert (type(error), len(web.seen)) == (UnauthorizedError, 1)


def test_health_needs_no_token_and_is_asked_without_one() -> None:
    """A probe must not fail because of an authorization server."""
    source = ClientCredentials("http://127.0.0.1:1/token", "id", "secret")
    with misbehaving(UP) as web:
        for _, _, health in both(web, lambda client: client.get_health(), token=source):
            assert health.status == "UP"
            assert "Authorization" not in web.seen[0].headers


def test_being_down_is_an_answer_and_a_refusal_is_not() -> None:
    """Readiness answers 503 with a status, which is not worth another attempt."""
    with misbehaving(answer(503, {"status": "DOWN", "components": {"table": {"status": "DOWN"}}})) as web:
        for _, _, health in both(web, lambda client: client.get_readiness()):
            assert (health.status, len(web.seen)) == ("DOWN", 1)
    with misbehaving(FAULTS["503"]) as web:
        for _, _, error in both(web, lambda client: client.get_readiness()):
            assert (type(error), len(web.seen)) == (UnavailableError, 5)


def test_a_redirect_is_not_followed() -> None:
    """It would carry the token to another host."""
    with misbehaving(answer(302, Location="http://127.0.0.1:1/")) as web:
        for _, _, error in both(web, lambda client: client.get_usage()):
            assert (type(error), paths(web)) == (UnexpectedAnswerError, ["GET /usage"])


def test_a_gateways_refusal_is_an_error_of_its_status() -> None:
    """Gateways know no problem details; their id of the request finds it in their logs."""
    reply = answer(429, {"message": "Too Many Requests"}, apigw_requestid="r-1")
    with misbehaving(reply) as web:
        for _, _, error in both(web, lambda client: client.get_usage(), retry=RetryPolicy(attempts=1)):
            assert isinstance(error, TooManyRequestsError)
            assert (error.code, error.detail, error.request_id) == ("http_429", "Too Many Requests", "r-1")
            assert str(error) == "429 http_429: Too Many Requests (request r-1)"


def test_a_lost_delete_is_recognised_by_its_attempts() -> None:
    """The first one may have been carried out."""
    with misbehaving(dropped, problem(404, "schedule_not_found"), dropped, problem(404, "x")) as web:
        for _, _, error in both(web, lambda client: client.delete_schedule("s")):
            assert (type(error), error.attempts) == (NotFoundError, 2)
