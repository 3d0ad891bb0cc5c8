"""Start LocalStack's runtime, listening on loopback alone: its server takes no notice of the host that it is told."""

from functools import partial
from typing import Any

LOOPBACK = "127.0.0.1"


def main() -> None:
    """Run until SIGTERM."""
    from twisted.internet import reactor

    reactor.listenTCP = partial(_listen, reactor.listenTCP)
    from localstack.runtime.main import main as run

    run()


def _listen(listen: Any, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
    return listen(port, factory, backlog, LOOPBACK)


if __name__ == "__main__":
    main()
