"""An HTTP proxy before the emulator that counts AWS calls and the write units they consume, whoever makes them.

It asks for consumed capacity in the client's place: MiniStack checks no signature, and AWS's clients ignore the field.
For PartiQL batches, of which MiniStack bills no index, it reads the items before and after (write_units.py).
"""

import http.client
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from localstack.deploy.clients import Clients
from tests.load.bench.write_units import Item, key_of, table_name, table_of, units

TIMEOUT_S: Final = 60
DYNAMODB: Final = "DynamoDB_20120810."
BATCH: Final = "BatchExecuteStatement"
# What consumes write units.
WRITES: Final = (BATCH, "BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem")
# Of a hop, not of a message; and what this proxy sets itself.
DROPPED: Final = ("connection", "content-length", "transfer-encoding", "keep-alive", "accept-encoding")


class Counted:
    """What was counted."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.calls: Counter[str] = Counter()
        self.write_units = 0.0
        self._lock = threading.Lock()

    def add(self, call: str, units: float) -> None:
        """Count a call."""
        with self._lock:
            self.calls[call] += 1
            self.write_units += units


class Images:
    """Items before and after the statements of a batch.

    Args:
        clients: of the emulator, past this proxy.
    """

    def __init__(self, clients: Clients) -> None:
        """Know no table yet."""
        self._dynamodb = clients.dynamodb
        self._table = cache(lambda name: table_of(self._dynamodb.describe_table(TableName=name)["Table"]))

    def written(self, statements: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        """Return the table and the key of each item that the statements write."""
        names = [(table_name(each["Statement"]), each) for each in statements]
        return [
            (name, key_of(each["Statement"], each.get("Parameters", []), self._table(name).key))
            for name, each in names
            if name
        ]

    def read(self, written: Sequence[tuple[str, dict[str, Any]]]) -> list[Item | None]:
        """Read the items, None for one that is not there."""
        return [
            self._dynamodb.get_item(TableName=name, Key=key, ConsistentRead=True).get("Item") for name, key in written
        ]

    def units(
        self, written: Sequence[tuple[str, dict[str, Any]]], before: Sequence[Item | None], after: Sequence[Item | None]
    ) -> int:
        """Add up what the writes cost."""
        pairs = zip(written, before, after, strict=True)
        return sum(units(old, new, self._table(name)) for (name, _), old, new in pairs)


def name_of(headers: Any, body: bytes) -> str | None:
    """Return a call's name: from the header of the JSON protocol, or the form of the query protocol."""
    if target := headers.get("X-Amz-Target"):
        return str(target).rpartition(".")[2]
    return next(iter(parse_qs(body.decode(errors="replace")).get("Action", [])), None)


def asking(headers: Any, body: bytes) -> bytes:
    """Ask for consumed capacity in a request to DynamoDB that writes."""
    target = str(headers.get("X-Amz-Target", ""))
    if not target.startswith(DYNAMODB) or target.removeprefix(DYNAMODB) not in WRITES:
        return body
    return json.dumps(json.loads(body) | {"ReturnConsumedCapacity": "INDEXES"}).encode()


def consumed(call: str | None, body: bytes) -> float:
    """Read the write units from an answer."""
    if call not in WRITES:
        return 0.0
    try:
        capacity = json.loads(body).get("ConsumedCapacity") or []
    except ValueError:
        return 0.0
    parts = capacity if isinstance(capacity, list) else [capacity]
    return sum(float(part["CapacityUnits"]) for part in parts)


class Server(ThreadingHTTPServer):
    """A server whose clients may be killed."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that are gone; show what else is wrong."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def counting(port: int) -> Iterator[tuple[int, Counted]]:
    """Count for the length of a block.

    Args:
        port: the emulator's.

    Yields:
        the proxy's port, and what it counts.
    """
    counted, images = Counted(), Images(Clients(f"http://127.0.0.1:{port}"))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self._emulator = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

        def finish(self) -> None:
            super().finish()
            self._emulator.close()

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in DROPPED}
            call = name_of(self.headers, body)
            written = images.written(json.loads(body)["Statements"]) if call == BATCH else []
            before = images.read(written)
            self._emulator.request(self.command, self.path, asking(self.headers, body), kept)
            reply = self._emulator.getresponse()
            data = reply.read()
            if call == BATCH:
                counted.add(BATCH, images.units(written, before, images.read(written)))
            elif call:
                counted.add(call, consumed(call, data))
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                # The checksum is of the answer that comes with the capacity, so it stays true.
                if name.lower() not in DROPPED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _forward  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port, counted
        finally:
            server.shutdown()
            thread.join()
