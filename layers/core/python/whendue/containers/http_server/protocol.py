"""Connections within bounds: uvicorn's protocol on h11, which bounds neither slow headers nor slow readers.

It answers what is not HTTP with a problem document, too.
"""

import asyncio
import socket
import sys
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from whendue.containers.http_server import bounds
from whendue.containers.http_server.event import answer_of
from whendue.containers.http_server.problems import (
    HEADERS_TOO_LARGE,
    MALFORMED,
    TOO_MANY_CONNECTIONS,
    TOO_SLOW,
    URI_TOO_LONG,
    Problem,
)

_HEAD, _BODY = "head", "body"
# The application answers a slow body itself; what still comes after its answer is cut off a little later.
_MARGIN_S: Final = 5


class BoundedProtocol(H11Protocol):
    """One connection."""

    _receiving: str | None = None
    _too_slow: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _unused: asyncio.TimerHandle | None = None
    _discarded_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse one too many; one that never sends anything is like one that is idle."""
        super().connection_made(transport)
        # Head and body of an answer are written one after the other: else the body waits for the client's delayed ACK,
        # 40 ms. asyncio does so for sockets whose protocol is named, and that of `create_server` is not.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > bounds.CONNECTIONS:
            self._send_problem(TOO_MANY_CONNECTIONS)
            return
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all timers."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for timer in (self._too_slow, self._stalled, self._unused):
            if timer:
                timer.cancel()

    def shutdown(self) -> None:
        """Close when the request under way is answered; on a new connection, the first one may be about to come.

        Its client may have sent it already: a close would reset the connection, and libraries do not send a request
        again that failed on a new connection.
        """
        if self.cycle is None:
            self._unused = self.loop.call_later(bounds.FIRST_REQUEST_S, super().shutdown)
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Note whether a request is on its way, and cut off what is sent after its answer."""
        super().data_received(data)
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > bounds.PAYLOAD_BYTES:
                self.transport.abort()
        self._watch_receiving()

    def on_response_complete(self) -> None:
        """Note whether the next request is on its way; a client that reads nothing is cut off."""
        super().on_response_complete()
        self._discarded_bytes = 0
        self._watch_receiving()
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._watch_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; what its client has not read in that time it never will."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for long."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is not shown
        """Answer what h11 refused; it says by which status it should be answered, uvicorn does not."""
        error = sys.exception()
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 0
        if hint != HEADERS_TOO_LARGE.status:
            self._send_problem(MALFORMED)
        elif b"\n" in self.conn.trailing_data[0]:
            self._send_problem(HEADERS_TOO_LARGE)
        else:
            self._send_problem(URI_TOO_LONG)

    def _send_problem(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        # Else the answer has begun, and nothing can be put before its end.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = answer_of(problem.reply(), "GET")
            events: list[Any] = [
                h11.Response(status_code=answer.status, headers=answer.headers, reason=problem.status.phrase.encode()),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ]
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._watch_writing()

    def _watch_receiving(self) -> None:
        """Bound the time of what is being received: the head of a request, or its body."""
        receiving = self._what_is_received()
        if receiving == self._receiving:
            return
        self._receiving = receiving
        if self._too_slow:
            self._too_slow.cancel()
            self._too_slow = None
        if receiving is not None:
            seconds = bounds.HEAD_S if receiving == _HEAD else bounds.BODY_S + _MARGIN_S
            self._too_slow = self.loop.call_later(seconds, self._is_too_slow)

    def _what_is_received(self) -> str | None:
        if self.transport.is_closing():
            return None
        if self.conn.their_state is h11.SEND_BODY:
            return _BODY
        return _HEAD if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0] else None

    def _is_too_slow(self) -> None:
        if self._receiving == _HEAD:
            self._send_problem(TOO_SLOW)
        else:
            self.transport.abort()

    def _watch_writing(self) -> None:
        if self._stalled is None:
            self._stalled = self.loop.call_later(bounds.WRITE_S, self.transport.abort)
