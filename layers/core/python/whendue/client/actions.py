"""What a flow asks its client to do. Flows are generators without I/O, the same for both clients.

A flow yields an action, gets its result back, and returns its own result in the end. A client that performs actions is
all that differs between blocking and asynchronous.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar, Union

from whendue.client.errors import ClientError
from whendue.client.messages import Request

T = TypeVar("T")


class Token:
    """A bearer token, which only the client that sends it reads.

    Args:
        text: the token; blanks around it are removed.

    Raises:
        ValueError: no header can carry it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Check the token; no error names it."""
        if not isinstance(text, str):
            raise TypeError("a token must be a str")
        self._text: Final = text.strip()
        if not self._text or not self._text.isascii() or not self._text.isprintable() or " " in self._text:
            raise ValueError("a token must be printable ASCII characters without blanks")

    def reveal(self) -> str:
        """Return the token itself."""
        return self._text

    def __repr__(self) -> str:
        return "Token(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Send a request of HTTP; the result is its answer.

    Args:
        method: of HTTP.
        url: where to.
        headers: without the token.
        content: the body; None sends none.
        token: sent as a bearer token; None sends none.
        credentials: name and secret, sent by HTTP Basic; None sends none.
        timeout_s: how long it may take, seconds.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None
    token: Token | None = None
    credentials: tuple[str, Token] | None = None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for a number of seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function of the user; the result is what it returns, or what that yields when awaited."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Return the clock of the client."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Run a flow while no other one of this client is run so; the result is the flow's."""

    flow: "Flow[Any]"


Action: TypeAlias = Union[Request[Any], Exchange, Sleep, Call, ReadClock, Alone]  # noqa: UP007 - Flow is not defined yet
Flow: TypeAlias = Generator[Action, Any, T]


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The end of a flow.

    Args:
        value: what it returned.
    """

    value: T


def advance(flow: Flow[T], result: object, error: ClientError | None) -> Action | Done[T]:
    """Let a flow go on, with the result of its last action or with the error of it; return its next action or its end.

    Raises:
        ClientError: the flow has ended with it.
    """
    try:
        return flow.send(result) if error is None else flow.throw(error)
    except StopIteration as stop:
        return Done(stop.value)
