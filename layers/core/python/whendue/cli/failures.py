"""What a command that did not succeed exits with, and what it says on standard error."""

from enum import IntEnum
from http import HTTPStatus
from typing import Final

from whendue.cli.text import printable
from whendue.client import (
    ApiError,
    ClientError,
    ConflictError,
    NotFoundError,
    PreconditionFailedError,
    TokenError,
    TooManyRequestsError,
    WaitTimeoutError,
)
from whendue.client.errors import with_places
from whendue.errors import WhendueError


class ExitCode(IntEnum):
    """The exit codes of `whendue`; a script can rely on them."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    NOT_ENDED = 7
    INTERNAL = 70
    INTERRUPTED = 130
    CLOSED_PIPE = 141


# For docs/reference/cli.md. 70 is EX_SOFTWARE of sysexits.h; 130 and 141 are 128 plus SIGINT and SIGPIPE.
MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.OK: "The command did what it was asked for.",
    ExitCode.NEGATIVE: "It worked, and the answer is negative: the job ended `dead`, `cancelled` or `expired`, "
    "schedules differ, `lint` or `doctor` found something, a job could not be redriven.",
    ExitCode.USAGE: "An option, an argument, a file or the configuration is not valid. Nothing was changed.",
    ExitCode.UNREACHABLE: "No answer, or none of this API: no connection, a time-out, 429, or a status from 500.",
    ExitCode.REFUSED: "The API refused the request: a token that is missing, not valid or lacks a scope, or a value "
    "that the API does not accept.",
    ExitCode.NOT_FOUND: "Nothing has this id or name.",
    ExitCode.CONFLICT: "The current state does not allow this.",
    ExitCode.NOT_ENDED: "The job has not ended in the time that the command waits. It goes on.",
    ExitCode.INTERNAL: "An error of `whendue` itself. Please report it.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
    ExitCode.CLOSED_PIPE: "The program that reads the output has ended, as `head` does.",
}


class UsageProblemError(Exception):
    """An argument, a file or the configuration is not valid."""


def exit_code(error: Exception) -> ExitCode:
    """Return what a command exits with that an error has ended."""
    if isinstance(error, ClientError):
        return _of_client(error)
    if isinstance(error, UsageProblemError | WhendueError | ValueError):
        # A ValueError is an argument that the client cannot send.
        return ExitCode.USAGE
    return ExitCode.INTERNAL


def _of_client(error: ClientError) -> ExitCode:
    found = next((code for kind, code in _OF_KIND.items() if isinstance(error, kind)), None)
    if found is not None:
        return found
    if isinstance(error, ApiError):
        return ExitCode.REFUSED if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else ExitCode.UNREACHABLE
    lasting = isinstance(error, TokenError) and not error.temporary
    return ExitCode.REFUSED if lasting else ExitCode.UNREACHABLE


_OF_KIND: Final[dict[type[ClientError], ExitCode]] = {
    WaitTimeoutError: ExitCode.NOT_ENDED,
    NotFoundError: ExitCode.NOT_FOUND,
    ConflictError: ExitCode.CONFLICT,
    PreconditionFailedError: ExitCode.CONFLICT,
    TooManyRequestsError: ExitCode.UNREACHABLE,
}


def description(error: Exception) -> str:
    """Return one line for people: the problem's code and its text; no token is in it."""
    if isinstance(error, ApiError):
        request = f" (request {error.request_id})" if error.request_id else ""
        return printable(f"{error.code}: {with_places(error.detail, error.errors)}{request}")
    if isinstance(error, ClientError):
        return printable(f"{_NAMES.get(exit_code(error), 'error')}: {error}")
    if exit_code(error) is ExitCode.INTERNAL:
        # Its text may hold what must not be shown.
        return f"internal_error: {type(error).__name__}; please report it, with the command that you ran"
    return printable(str(error))


_NAMES: Final = {
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.REFUSED: "no_token",
    ExitCode.NOT_ENDED: "not_ended",
}
