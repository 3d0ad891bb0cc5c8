"""Each error has one exit code, and one line."""

import pytest

from whendue.cli.failures import MEANINGS, ExitCode, UsageProblemError, description, exit_code
from whendue.client import Problem, TokenError, TransportError, UnexpectedAnswerError, WaitTimeoutError
from whendue.client.errors import error_of
from whendue.client.models.common import ProblemPlace
from whendue.errors import ConfigurationError


def refused(status: int, detail: str = "why\nnot", *places: tuple[str, str]) -> Exception:
    errors = tuple(ProblemPlace(where=where, problem=problem) for where, problem in places)
    return error_of(Problem(status=status, code="some_code", detail=detail, errors=errors))


def temporary() -> TokenError:
    error = TokenError("later")
    error.temporary = True
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused(400), 4),
        (refused(401), 4),
        (refused(403), 4),
        (refused(404), 5),
        (refused(409), 6),
        (refused(412), 6),
        (refused(413), 4),
        (refused(422), 4),
        (refused(429), 3),
        (refused(500), 3),
        (refused(503), 3),
        (TransportError("x"), 3),
        (UnexpectedAnswerError("x"), 3),
        (temporary(), 3),
        (TokenError("x"), 4),
        (WaitTimeoutError("x"), 7),
        (UsageProblemError("x"), 2),
        (ConfigurationError("x"), 2),
        (ValueError("x"), 2),
        (KeyError("a secret"), 70),
        (RecursionError("a secret"), 70),
    ],
)
def test_an_error_has_its_exit_code_and_one_line(error: Exception, code: int) -> None:
    """The text of what is not expected is not shown: it may quote a payload."""
    assert exit_code(error) == code
    assert description(error).isprintable()
    assert "a secret" not in description(error)


def test_a_problem_is_said_with_its_code_first() -> None:
    """Then why, then the places."""
    assert description(refused(422)) == "some_code: why\\nnot"
    assert description(refused(422, "not valid", ("a", "is missing"), ("", "is wrong"))) == (
        "some_code: not valid; a: is missing; is wrong"
    )


@pytest.mark.parametrize(
    ("detail", "places", "shown"),
    [
        ("cron: has four fields", [("cron", "has four fields")], "cron: has four fields"),
        ("a: is missing", [("a", "is missing"), ("b", "is missing")], "a: is missing; b: is missing"),
        ("ba: is missing", [("a", "is missing")], "ba: is missing; a: is missing"),
        ("not valid: a: is missing", [("a", "is missing")], "not valid: a: is missing"),
        ("is wrong", [("", "is wrong")], "is wrong"),
    ],
)
def test_a_place_that_the_detail_names_is_not_repeated(detail: str, places: list[tuple[str, str]], shown: str) -> None:
    """By the command line and by the client's error."""
    error = refused(422, detail, *places)
    assert description(error) == f"some_code: {shown}"
    assert str(error) == f"422 some_code: {shown}"


def test_every_exit_code_has_its_meaning() -> None:
    """docs/reference/cli.md is made of them."""
    assert set(MEANINGS) == set(ExitCode)
