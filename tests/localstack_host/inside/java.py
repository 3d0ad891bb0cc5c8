"""What LocalStack takes for `java`: runs DynamoDB Local behind a relay that listens on loopback alone.

DynamoDB Local listens on all interfaces and has no option for it. So it runs in a network namespace of its own, that
has nothing but a loopback interface; the relay holds a socket of each side. Called as `java.py JAVA ARGUMENTS...`;
`java.py --alone` says by its exit code whether such a namespace is allowed.
"""

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from typing import Any

LOOPBACK = "127.0.0.1"
# https://man7.org/linux/man-pages/man7/netdevice.7.html, https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
SIOCSIFFLAGS, IFF_UP, PR_SET_PDEATHSIG = 0x8914, 1, 1
WATCH_S = 0.5
CHUNK = 65536


def arguments_of(given: list[str]) -> list[str]:
    """Leave LocalStack's agent out: it is downloaded, and only lifts the limit of indexes."""
    return [item for item in given if not item.startswith("-javaagent:")]


def leave_network() -> bool:
    """Move this process into a network of its own; says whether that was allowed."""
    # Newer than the oldest Python of this project: this file runs in LocalStack's.
    system: Any = os
    for flags in (system.CLONE_NEWNET, system.CLONE_NEWUSER | system.CLONE_NEWNET):
        try:
            system.unshare(flags)
        except OSError:
            continue
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
        return True
    return False


def die_with_parent() -> None:
    """Let the kernel end the Java process when the relay ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


async def relay(listener: socket.socket, port: int, command: list[str]) -> int:
    """Run the command and pass connections on, until it ends or LocalStack does."""
    dependency = os.getppid()
    process = subprocess.Popen(command, preexec_fn=die_with_parent)  # noqa: ASYNC220, PLW1509 - as it must
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.terminate)
    opening = asyncio.create_task(_open(listener, port))
    while process.poll() is None:
        await asyncio.sleep(WATCH_S)
        if os.getppid() != dependency:
            process.kill()
    opening.cancel()
    return process.returncode


async def _open(listener: socket.socket, port: int) -> None:
    """Listen when Java does: an open port that does not answer is waited for much longer than a closed one."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            break
        await asyncio.sleep(0.05)
    server = await asyncio.start_server(lambda reader, writer: _join(reader, writer, port), sock=listener)
    await server.serve_forever()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    try:
        other_reader, other_writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


def main(java: str, given: list[str]) -> int:
    """Run Java; return its exit code."""
    command = [java, *arguments_of(given)]
    if "-port" not in given:
        os.execv(java, command)
    port = int(given[given.index("-port") + 1])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    if not leave_network():
        listener.close()
        os.execv(java, command)
    return asyncio.run(relay(listener, port, command))


if __name__ == "__main__":
    sys.exit(not leave_network() if sys.argv[1:] == ["--alone"] else main(sys.argv[1], sys.argv[2:]))
