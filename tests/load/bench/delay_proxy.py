"""A TCP proxy that holds every byte for a while: the network between a process and its services, equal for all.

`python -m tests.load.bench.delay_proxy PORT MS` forwards a free loopback port to PORT, prints it, and delays each
direction by half of MS.
"""

import asyncio
import sys
from contextlib import suppress

CHUNK_BYTES = 65_536


async def serve(port: int, delay_ms: float) -> asyncio.Server:
    """Begin to forward connections.

    Args:
        port: where to, on the loopback address.
        delay_ms: of a round trip.

    Returns:
        the server, on a free port.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, requests, delay_ms / 2000), forward(answers, writer, delay_ms / 2000))

    return await asyncio.start_server(connected, "127.0.0.1", 0)


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Forward one direction until its end: bytes keep their order, since all wait for as long."""
    loop = asyncio.get_running_loop()
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            loop.call_later(delay_s, writer.write, chunk)
    except ConnectionError:
        pass
    await asyncio.sleep(delay_s)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def main(port: int, delay_ms: float) -> None:
    """Serve until the process is ended."""
    async with await serve(port, delay_ms) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
