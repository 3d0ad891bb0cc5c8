"""A token that is given, one that a function returns, and one that is in a file."""

import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Protocol

from whendue.client.actions import Call, Flow, Token
from whendue.client.errors import TokenError


class TokenSource(Protocol):
    """Returns the token for each request."""

    def token(self, rejected: Token | None) -> Flow[Token]:
        """Return the token.

        Args:
            rejected: a token that the API has refused during this call: another one is wanted, if there is one.

        Raises:
            TokenError: none could be obtained.
        """
        ...


# What a client takes as its token.
TokenLike = str | Callable[[], str] | TokenSource
AsyncTokenLike = TokenLike | Callable[[], Awaitable[str]]


class StaticToken:
    """One token that never changes.

    Args:
        text: the token.
    """

    def __init__(self, text: str) -> None:
        """Keep a token."""
        self._token = Token(text)

    def token(self, rejected: Token | None) -> Flow[Token]:  # noqa: ARG002 - the protocol's
        """Return the token, also if it was rejected."""
        yield from ()
        return self._token


class TokenFunction:
    """A function that returns the token; it is called for each request.

    Args:
        function: returns the token; for an `AsyncClient` it may be a coroutine function.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        """Keep a function."""
        self._function = function

    def token(self, rejected: Token | None) -> Flow[Token]:  # noqa: ARG002 - the protocol's
        """Call the function."""
        made = yield Call(self._function)
        if isinstance(made, Coroutine):
            # The blocking client does not await it.
            made.close()
            raise TokenError("the token's function is a coroutine function: use AsyncClient")
        return _checked(made, "the token's function")


class TokenFile:
    """A file that holds the token alone. It is read again when it has changed, as when a platform rotates its token.

    Args:
        path: of the file, or of a link to it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Keep the path; nothing is read yet."""
        self._path = Path(path)
        self._seen: tuple[int, ...] | None = None
        self._held: Token | None = None

    def token(self, rejected: Token | None) -> Flow[Token]:
        """Read the file if it has changed, or if its token was rejected.

        Raises:
            TokenError: it cannot be read, or holds no token.
        """
        yield from ()
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_dev)
            if self._held is None or seen != self._seen or rejected is not None:
                self._held, self._seen = _checked(self._path.read_text(), f"the file {self._path}"), seen
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"the token cannot be read from {self._path}: {type(error).__name__}") from None
        return self._held


def source_of(token: AsyncTokenLike) -> TokenSource:
    """Return the source of what a client was given as its token."""
    if isinstance(token, str):
        return StaticToken(token)
    return TokenFunction(token) if callable(token) else token


def _checked(text: object, whose: str) -> Token:
    try:
        return Token(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise TokenError(f"{whose} has no token: {error}") from None
