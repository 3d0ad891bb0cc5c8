"""Each error has one exit code, and one line."""

import pytest

from whendue.cli.failures import MEANINGS, ExitCode, UsageProblemError, description, exit_code
from whendue.client import Problem, TokenError, TransportError, UnexpectedAnswerError, WaitTimeoutError
from whendue.client.errors import error_of
from whendue.errors import ConfigurationError


def refused(status: int) -> Exception:
    return error_of(Problem(status=status, code="some_code", detail="why\nnot"))


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


def test_every_exit_code_has_its_meaning() -> None:
    """docs/reference/cli.md is made of them."""
    assert set(MEANINGS) == set(ExitCode)
