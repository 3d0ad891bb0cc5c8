"""The commands that run a part of a deployment: a worker, a timer or the API as a process, and the upgrade of a table.

They are read by argparse and not by Typer: an image has whendue's own dependencies, and none for people's terminals.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from whendue.aws_quotas import SQS_MAX_WAIT_S
from whendue.bootstrap.application import App
from whendue.bootstrap.process import app
from whendue.cli import PROCESSES
from whendue.containers.health import Liveness
from whendue.containers.http_server.proxies import Proxies
from whendue.containers.process import Probes, Service, run
from whendue.containers.timer import LAST_STEP_S, Timer
from whendue.containers.worker import GIVE_BACK_S, STAGE_THREADS, Options, Worker
from whendue.errors import ConfigurationError, UnavailableError
from whendue.migration.migration import MigrationProgress
from whendue.quotas import MIGRATED_PER_S
from whendue.settings import ALL_QUEUES, DEAD_LETTER_QUEUES, queue_name_problem
from whendue.version import VERSION

GRACE_S: Final = 25
# Longer than any request (29 s).
API_GRACE_S: Final = 35
API_PORT: Final = 8000
# In the image, and in every checkout: what answers an event. `functions` stand above `whendue`, which never imports
# them; the one command that needs them loads them by this name.
API: Final = "functions.api.handler"
THREADS: Final = 40
# A thread that waits takes about 100 KB; one process computes on one processor, however many threads it has.
THREADS_MAX: Final = 500
# Longer than a tick (50 s) and two calls that get no answer: AWS's clients try for 220 s before they give up.
SILENT_S: Final = 540
# The API's own thread gets on once a second, and gets on for those that answer requests until they hang for SILENT_S.
API_SILENT_S: Final = 60
Make = Callable[[App, argparse.Namespace, Liveness], Service]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code: 0 ended in good order, 1 not at its end, 2 wrongly configured."""
    options = _parser().parse_args(arguments)
    try:
        if options.make is None:
            return _migrate(app(), options.rate)
        described = options.make is not _worker
        whendue = app(listen_s=options.wait, threads=options.threads + STAGE_THREADS, described=described)
        liveness = Liveness(whendue.clock.now_ms, options.silent)
        service = options.make(whendue, options, liveness)
        return run(whendue, service, liveness, Probes(options.health_host, options.health_port))
    except ConfigurationError as error:
        sys.stderr.write(f"whendue: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="whendue",
        description="Run a part of a deployment.",
        epilog="Queues, table and tasks are configured by WHENDUE_* variables.",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="command")
    worker = _command(commands, "worker", _worker, GIVE_BACK_S)
    worker.add_argument(
        "--threads",
        type=_number(1, THREADS_MAX),
        default=THREADS,
        help="maximum number of jobs that run concurrently, each on a thread of its own (default: %(default)s)",
    )
    worker.add_argument(
        "--queues",
        type=_names,
        help="names of queues, separated by commas (default: all that are configured)",
        metavar="NAMES",
    )
    worker.add_argument(
        "--wait",
        type=_number(1, SQS_MAX_WAIT_S),
        default=SQS_MAX_WAIT_S,
        help="seconds to wait for messages of an empty queue (default: %(default)s)",
    )
    timer = _command(commands, "timer", _timer, LAST_STEP_S)
    timer.set_defaults(wait=0, threads=0)
    _add_api(commands)
    migrate = PROCESSES["migrate"]
    upgrade = commands.add_parser("migrate", help=migrate, description=f"{migrate.capitalize()}.")
    upgrade.add_argument(
        "--rate",
        type=_number(1, 100_000),
        default=MIGRATED_PER_S,
        help="items to read per second; each job takes two to four write units once (default: %(default)s)",
    )
    upgrade.set_defaults(make=None)
    return parser


def _add_api(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    api = _command(commands, "api", _api, 0)
    api.add_argument(
        "--host",
        default="0.0.0.0",  # noqa: S104 - requests come from other machines
        help="address to listen at (default: %(default)s)",
    )
    api.add_argument(
        "--port",
        type=_number(0, 65_535),
        default=API_PORT,
        help="port to listen at; 0 picks a free one (default: %(default)s)",
    )
    api.add_argument(
        "--fd",
        type=_number(3, 1_000_000),
        default=None,
        help="file descriptor of a listening socket, instead of host and port (default: none)",
    )
    api.add_argument(
        "--threads",
        type=_number(1, THREADS_MAX),
        default=THREADS,
        help="maximum number of requests that are answered concurrently, each on a thread (default: %(default)s)",
    )
    api.add_argument(
        "--trusted-proxies",
        type=_proxies,
        default=None,
        help="addresses and networks (CIDR), separated by commas, whose X-Forwarded-For is believed (default: none)",
        metavar="NETWORKS",
    )
    api.set_defaults(wait=0, grace=API_GRACE_S, silent=API_SILENT_S)


def _migrate(whendue: App, rate: int) -> int:
    """Upgrade the table to its end, and print how far it is after each piece."""
    read = changed = 0

    def note(progress: MigrationProgress) -> None:
        nonlocal read, changed
        read, changed = read + progress.read, changed + progress.changed
        line = {"message": "migrate", "read": read, "changed": changed, "finished": progress.finished}
        sys.stdout.write(f"{json.dumps(line | whendue.bulkhead.take())}\n")
        sys.stdout.flush()

    try:
        whendue.migration.run(rate, note)
    except (UnavailableError, KeyboardInterrupt) as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        sys.stderr.write(f"whendue: {why}; run the command again, it continues from here\n")
        return 1
    return 0


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, make: Make, least_s: int
) -> argparse.ArgumentParser:
    what = PROCESSES[name]
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    command.add_argument(
        "--grace",
        type=_number(least_s + 1, 3600),
        default=GRACE_S,
        help="seconds that running jobs get to end after SIGTERM (default: %(default)s)",
    )
    command.add_argument(
        "--health-host",
        default="0.0.0.0",  # noqa: S104 - a pod's probes come from its node
        help="address that health probes connect to (default: %(default)s)",
    )
    command.add_argument(
        "--health-port",
        type=_number(0, 65_535),
        default=8080,
        help="port of the health probes; 0 picks a free one (default: %(default)s)",
    )
    command.set_defaults(make=make, silent=SILENT_S)
    return command


def _worker(whendue: App, options: argparse.Namespace, liveness: Liveness) -> Service:
    known = (*whendue.settings.queues, *whendue.settings.dead_letter_queues)
    queues = options.queues or known
    if missing := sorted(set(queues) - set(known)):
        option = "" if set(missing) <= {*ALL_QUEUES, *DEAD_LETTER_QUEUES} else "argument --queues: "
        raise ConfigurationError(f"{option}WHENDUE_QUEUES has no address for: {', '.join(missing)}")
    return Worker(whendue, Options(queues, options.threads, options.wait, options.grace), liveness)


def _timer(whendue: App, options: argparse.Namespace, liveness: Liveness) -> Service:
    return Timer(whendue, options.grace, liveness)


def _api(whendue: App, options: argparse.Namespace, liveness: Liveness) -> Service:
    try:
        # uvicorn is an extra: workers and timers do without.
        from whendue.containers.http_server import server

        handler = _api_module().concurrent_api(whendue, options.threads)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the API needs {error.name}: install whendue[api,server], or use the image") from None
    proxies = options.trusted_proxies or Proxies()
    wanted = server.Options(options.host, options.port, options.threads, options.grace, proxies, options.fd)
    return server.HttpServer(handler, wanted, whendue.clock, liveness)


def _api_module() -> Any:
    """Import the API's code: from the folder `functions`, or from what the installed wheel carries of it."""
    try:
        return import_module(API)
    except ModuleNotFoundError as error:
        if error.name != API.partition(".")[0]:
            raise
    from whendue.project.carried import root

    sys.path.append(str(root()))
    return import_module(API)


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return int(text)

    return number


def _names(text: str) -> list[str]:
    names, known = text.split(","), (*ALL_QUEUES, *DEAD_LETTER_QUEUES)
    # Which own queues there are, the settings say, which are read later.
    if unknown := sorted(name for name in set(names) - set(known) if queue_name_problem(name)):
        choices = f"must be one of {', '.join(known)}, or your own"
        raise argparse.ArgumentTypeError(f"unknown queue {', '.join(unknown)}: {choices}")
    return list(dict.fromkeys(names))


def _proxies(text: str) -> Proxies:
    try:
        return Proxies.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
