"""Sends a request until it is answered: with a token, with an Idempotency-Key, and again where that is safe."""

from typing import Any, Final, TypeVar
from uuid import UUID

from whendue.client.actions import Exchange, Flow, Sleep, Token
from whendue.client.errors import ClientError, UnauthorizedError
from whendue.client.messages import Answer, Request, failure, is_result
from whendue.client.retry_policy import may_be_repeated, wait_s
from whendue.client.settings import Settings
from whendue.support.clock import Clock
from whendue.version import VERSION

T = TypeVar("T")
KEY: Final = "Idempotency-Key"
USER_AGENT: Final = f"whendue-client/{VERSION}"


def new_key(clock: Clock) -> str:
    """Return a new Idempotency-Key, a UUID of version 4."""
    return str(UUID(int=clock.bits(128), version=4))


def send(request: Request[T], settings: Settings) -> Flow[T]:
    """Send a request, and again as long as it is safe and the policy allows it; return its result.

    Raises:
        ApiError: the API refused it, or failed until the end.
        TransportError: there was no answer until the end.
        UnexpectedAnswerError: the answer is not one of this API.
        TokenError: there was no token until the end.
    """
    sending = _Sending(request, settings)
    while True:
        error = yield from sending.attempt()
        if error is None:
            break
        yield from sending.wait_after(error)
    return request.read(sending.answer)


class _Sending:
    """One call: what it has sent so far."""

    answer: Answer

    def __init__(self, request: Request[Any], settings: Settings) -> None:
        self._request = request
        self._settings = settings
        self._headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **request.headers}
        if request.body is not None:
            self._headers["Content-Type"] = "application/json"
        # Kept over all attempts, so that all of them create the same.
        self._key = request.headers.get(KEY) or (new_key(settings.clock) if request.route.keyed else None)
        if self._key is not None:
            self._headers[KEY] = self._key
        self._attempts = 0
        self._began_ms = settings.clock.now_ms()
        self._token: Token | None = None
        self._rejected: Token | None = None

    def attempt(self) -> Flow[ClientError | None]:
        """Send the request once; return how it failed, or None."""
        self._attempts += 1
        try:
            if not self._request.route.public:
                self._token = yield from self._settings.tokens.token(self._rejected)
            self.answer = yield self._exchange()
        except ClientError as error:
            return error
        if is_result(self.answer, self._request):
            return None
        return failure(self.answer, self._settings.clock.now_ms() / 1000)

    def wait_after(self, error: ClientError) -> Flow[None]:
        """Wait until the request may be sent again.

        Raises:
            ClientError: it may not, or there is no time or attempt left: the error.
        """
        if isinstance(error, UnauthorizedError) and (yield from self._has_another_token()):
            return
        wait = None
        if may_be_repeated(error, repeatable=self._request.repeatable):
            chance = self._settings.clock.random()
            wait = wait_s(self._settings.retry, error, self._attempts, self._elapsed_s(), chance)
        if wait is None:
            error.attempts, error.idempotency_key = self._attempts, self._key
            raise error
        yield Sleep(wait)

    def _has_another_token(self) -> Flow[bool]:
        """Ask once for another token than the one that the API has refused; return whether there is one."""
        if self._rejected is not None or self._token is None:
            return False
        self._rejected = self._token
        try:
            token = yield from self._settings.tokens.token(self._rejected)
        except ClientError:
            # The refusal says more than the reason why there is no other token.
            return False
        return token != self._rejected

    def _exchange(self) -> Exchange:
        left_s = self._settings.retry.total_s - self._elapsed_s()
        return Exchange(
            method=self._request.route.method,
            url=self._settings.url + self._request.path,
            headers=self._headers,
            content=self._request.body,
            token=None if self._request.route.public else self._token,
            timeout_s=max(0.001, min(self._settings.timeout_s, left_s)) + self._request.wait_s,
        )

    def _elapsed_s(self) -> float:
        return (self._settings.clock.now_ms() - self._began_ms) / 1000
