"""What a call of the client raises. No error holds a token."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from whendue.client.models.common import Problem, ProblemPlace
from whendue.client.models.jobs import JobWithTimeline


class ClientError(Exception):
    """A call did not succeed.

    Attributes:
        attempts: how many times the request was sent. After the second time, `not_found` of a delete or
            `precondition_failed` may mean that an earlier one was carried out, and only its answer was lost.
        idempotency_key: the key that was sent, if any. The same call with this key creates nothing twice.
    """

    attempts: int = 1
    idempotency_key: str | None = None


class ApiError(ClientError):
    """The API refused the request, or failed.

    Attributes:
        problem: the problem as it was sent (RFC 9457).
        request_id: the id that the gateway gave to the request, if it names one.
        retry_after_s: seconds after which the API asks to send the request again, if it says so.
    """

    request_id: str | None = None
    retry_after_s: float | None = None

    def __init__(self, problem: Problem) -> None:
        """Raise a problem."""
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        """Return status, code and detail, the places that the detail does not name, and the id of the request."""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.code}: {with_places(self.detail, self.errors)}{request}"

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """Stable name of the problem, as docs/reference/api.md lists them; `http_<status>` if a gateway answered."""
        return self.problem.code

    @property
    def detail(self) -> str:
        """What is wrong, for people."""
        return self.problem.detail

    @property
    def errors(self) -> tuple[ProblemPlace, ...]:
        """The places in the request that are wrong, if they can be named."""
        return self.problem.errors

    @property
    def members(self) -> Any:
        """All other members of the problem."""
        return self.problem.members


class InvalidRequestError(ApiError):
    """The request is not valid, or too large (400, 405, 413, 414, 415, 422, 431)."""


class UnauthorizedError(ApiError):
    """The token is missing or not valid (401)."""


class ForbiddenError(ApiError):
    """The token does not have the scope that the operation requires (403)."""


class NotFoundError(ApiError):
    """Nothing has this id or name (404)."""


class ConflictError(ApiError):
    """The current state does not allow this (409)."""


class PreconditionFailedError(ApiError):
    """It has changed: `if_match` or `only_create` does not hold (412)."""


class TooManyRequestsError(ApiError):
    """The gateway accepts no more requests at the moment (429)."""


class UnavailableError(ApiError):
    """The API, or what it depends on, is unavailable (502, 503, 504)."""


class TransportError(ClientError):
    """There was no answer: no connection, a broken one, or none in time.

    Attributes:
        sent: whether the request may have arrived, and may have been carried out.
    """

    sent: bool = True


class UnexpectedAnswerError(ClientError):
    """The answer is not one that the API describes: something else answers at this URL, or it is too large."""


class TokenError(ClientError):
    """No token could be obtained.

    Attributes:
        temporary: whether another try may succeed.
    """

    temporary: bool = False


class JobNotSucceededError(ClientError):
    """The job whose result was asked for is dead, cancelled or expired.

    Attributes:
        job: the job as it was read.
    """

    def __init__(self, job: JobWithTimeline) -> None:
        """Name the job, its state and the type of its last error; the error's text is in `job`."""
        cause = f" with {job.error.type}" if job.error else ""
        super().__init__(f"the job {job.id} is {job.state}{cause}")
        self.job = job


class WaitTimeoutError(ClientError, TimeoutError):
    """What was waited for has not ended in time.

    Attributes:
        last: what was read last.
    """

    last: Any = None


_CLASSES: dict[int, type[ApiError]] = {
    **dict.fromkeys((400, 405, 413, 414, 415, 422, 431), InvalidRequestError),
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: PreconditionFailedError,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequestsError,
    **dict.fromkeys((502, 503, 504), UnavailableError),
}


def with_places(detail: str, places: Iterable[ProblemPlace]) -> str:
    """Return what is wrong with the places that the detail does not name itself."""
    texts = [": ".join(filter(None, (wrong.where, wrong.problem))) for wrong in places]
    return "; ".join([detail, *(text for text in texts if f" {text}" not in f" {detail}")])


def error_of(problem: Problem) -> ApiError:
    """Return the error of a problem, of the class of its status."""
    return _CLASSES.get(problem.status, ApiError)(problem)
