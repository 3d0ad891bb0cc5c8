"""What the server answers by itself looks like what the API answers."""

import json

import pytest

from functions.api.http import problems as of_the_api
from whendue.containers.http_server.problems import PROBLEMS, TOO_MANY_CONNECTIONS, Problem
from whendue.errors import ForbiddenError, WhendueError

API = {error.code: status for error, status in of_the_api.STATUS.items()} | {WhendueError.code: 500}


@pytest.mark.parametrize("problem", [*PROBLEMS, TOO_MANY_CONNECTIONS], ids=lambda problem: problem.code)
def test_a_problem_has_the_members_of_the_apis_problems(problem: Problem) -> None:
    """A client reads both by the same code."""
    reply = problem.reply()
    document = json.loads(reply["body"])
    assert set(document) == set(json.loads(of_the_api.reply(ForbiddenError(scope="x"))["body"]))
    assert document["status"] == reply["statusCode"] == problem.status
    assert reply["headers"]["Content-Type"] == of_the_api.CONTENT_TYPE


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.code)
def test_a_code_that_the_api_has_too_has_the_same_status(problem: Problem) -> None:
    """One code is one thing."""
    assert API.get(problem.code, problem.status) == problem.status


def test_codes_that_only_the_server_has_are_these() -> None:
    """They never change; docs/operations/containers.md lists them."""
    assert {problem.code for problem in PROBLEMS} - set(API) == {
        "overloaded",
        "request_timeout",
        "shutting_down",
        "timeout",
    }
