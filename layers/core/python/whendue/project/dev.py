"""`whendue dev`: the whole stack for a project on this machine, restarted whenever its sources change.

The main thread takes one event after another: a change, the start or the end of a process, a signal. On a change the
worker and the API drain, so that no job begins on old code, and new ones start at the same moment; what an old worker
runs goes on to its end beside them. The socket that the API listens at is of this process, so requests wait meanwhile.
"""

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from types import FrameType
from typing import Final

from whendue.errors import ConfigurationError
from whendue.manifest import model as manifest
from whendue.project import carried
from whendue.project.processes import Process, Refusal, Running, pip_arguments, wait_for
from whendue.project.secrets_file import missing_note, read_secrets
from whendue.project.services import Services
from whendue.project.settings import FILE, SECRETS_FILE, ProjectSettings, load
from whendue.project.stream import Stream
from whendue.project.watch import follow

NAME: Final = "dev"
API_PORT: Final = 8000
# Requests that wait while the API is started again.
BACKLOG: Final = 128
# The longest attempt of a job is 15 minutes; a worker that drains gets as long.
GRACE_S: Final = 905
# Workers that drain at once, each with jobs that go on; the oldest one gives back its jobs when there are more.
DRAINING: Final = 4
# At the end, what still runs gets this long; nothing of the stack is kept.
END_S: Final = 4.0
END_AT_ONCE_S: Final = 3.0
AGAIN_S: Final = 1.0
LOOK_S: Final = 0.2
# `whendue` exits with it when its configuration is not valid: a start without a change would end the same way.
MISCONFIGURED: Final = 2
_PROBES: Final = ("--health-host", "127.0.0.1", "--health-port", "0", "--grace", str(GRACE_S))
WORKER, API, TIMER = "worker", "api", "timer"
# Of processes, where the shell says nothing else. A developer may read what an error says.
_DEFAULTS: Final = {"WHENDUE_LOG_FAILURES": "true"}
# Installs what the project requires.
PIP: Final = "pip"


@dataclass(frozen=True, slots=True)
class Changed:
    """Files have changed."""

    paths: set[Path]


@dataclass(frozen=True, slots=True)
class Started:
    """A process is at work."""

    process: Process


@dataclass(frozen=True, slots=True)
class Ended:
    """A process has ended."""

    process: Process


@dataclass(frozen=True, slots=True)
class StartAgain:
    """The pause after the unexpected end of a process is over."""

    process: Process


@dataclass(frozen=True, slots=True)
class Stop:
    """A signal was received."""

    signal: str


Event = Changed | Started | Ended | StartAgain | Stop


def run(folder: Path, stream: Stream) -> int:
    """Run the stack of a project until a signal is received; return the exit code.

    Args:
        folder: of the project.
        stream: takes what all processes print.

    Raises:
        ConfigurationError: whendue.toml is missing or not valid, the port is taken, or this stack runs already.
    """
    project = folder.resolve()
    settings = load(project)
    secrets = read_secrets(project, settings)
    with _only_one(project), _listening(settings.dev.port) as listening:
        return Dev(project, settings, secrets, stream, listening).run()


@contextmanager
def _only_one(project: Path) -> Iterator[None]:
    local = project / ".local"
    local.mkdir(exist_ok=True)
    with (local / "dev.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"`whendue dev` runs already for {project}") from None
        yield


def _listening(port: int) -> socket.socket:
    """Open the API's socket; without a port of the project's own, at 8000 or any free one."""
    wanted = [port] if port else [API_PORT, 0]
    for each in wanted:
        try:
            return socket.create_server(("127.0.0.1", each), backlog=BACKLOG)
        except OSError as error:
            problem = error.strerror
    raise ConfigurationError(f"{FILE}: dev.port: the API cannot listen at port {port}: {problem}")


class Dev:
    """The stack of a project.

    Args:
        project: its folder.
        settings: of it.
        secrets: values of variables.
        stream: takes what all processes print.
        listening: the API's socket.
    """

    def __init__(
        self,
        project: Path,
        settings: ProjectSettings,
        secrets: dict[str, str],
        stream: Stream,
        listening: socket.socket,
    ) -> None:
        """Start nothing yet."""
        self._project, self._settings, self._secrets = project, settings, secrets
        self._stream, self._listening = stream, listening
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._running = Running()
        self._services: Services | None = None
        self._refusal: Refusal | None = None
        self._introduced = False
        self._required_again = False
        self._changed_s: float | None = None

    # --- from start to end ------------------------------------------------------------------------------------

    def run(self) -> int:
        """Run until a signal is received; return the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._signalled)
        stop = threading.Event()
        watching = threading.Thread(target=self._watch, args=(stop,), name="watch", daemon=True)
        try:
            self._note("starting the emulator")
            self._services = Services(self._project, self._settings, self._stream, lambda: self._put(Stop("emulator")))
            if not self._await_services(self._services):
                return 1
            watching.start()
            self._put_in_force()
            self._start_new()
            return self._handle_all()
        finally:
            stop.set()
            self._end_all()

    def _await_services(self, services: Services) -> bool:
        while not services.ready.wait(LOOK_S):
            if not self._events.empty():
                self._note("stopped before the stack was there")
                return False
        return True

    def _handle_all(self) -> int:
        while True:
            try:
                event = self._events.get(timeout=LOOK_S)
            except Empty:
                continue
            if isinstance(event, Stop):
                self._note(f"stopping ({event.signal})")
                return 1 if event.signal == "emulator" else 0
            self._handle(event)

    def _handle(self, event: Event) -> None:
        match event:
            case Changed(paths):
                self._reload(paths)
            case Started(process) if self._running.current.get(process.name) is process:
                self._at_work(process)
            case Ended(process):
                self._gone(process)
            case StartAgain(process) if self._running.current.get(process.name) is process:
                self._start(process.name)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._put(Stop(signal.Signals(number).name))

    def _put(self, event: Event) -> None:
        self._events.put(event)

    def _end_all(self) -> None:
        """End every process: in order for as long as `END_S`, then at once."""
        processes = self._running.every()
        for process in processes:
            process.drain()
        wait_for(processes, END_S)
        for process in processes:
            if process.code is None:
                process.drain()
        wait_for(processes, END_AT_ONCE_S)
        for process in processes:
            process.kill()
        self._accept()
        if self._services:
            self._services.stop()
        self._note("stopped")

    # --- changes ----------------------------------------------------------------------------------------------

    def _watch(self, stop: threading.Event) -> None:
        follow(
            self._project, lambda paths: self._put(Changed(paths)), stop, lambda: self._settings.project.requirements
        )

    def _reload(self, paths: set[Path]) -> None:
        self._changed_s = perf_counter()
        names = sorted(str(path) for path in paths)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004 - enough to know
        self._note(f"changed: {', '.join(names[:3])}{more}")
        if {Path(FILE), Path(SECRETS_FILE)} & paths and not self._read_settings() and len(paths) == 1:
            return
        required = Path(self._settings.project.requirements)
        if required in paths:
            self._install()
        if paths != {required}:
            self._start_new()

    def _install(self) -> None:
        """Install what the project requires now; processes that can import it start when pip has ended."""
        self._required_again = PIP in self._running.current
        if self._required_again:
            return
        file = self._settings.project.requirements
        try:
            arguments = pip_arguments(self._project, file)
        except ConfigurationError as error:
            self._note(f"ERROR {error}")
            return
        self._note(f"installing what {file} requires")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._running.current[PIP] = self._process(PIP, arguments, environment)

    def _installed(self, code: int | None) -> None:
        del self._running.current[PIP]
        if self._required_again:
            self._install()
        elif code:
            self._note(f"ERROR {self._settings.project.requirements}: pip has failed; what was installed stays in use")
        else:
            self._start_new()

    def _read_settings(self) -> bool:
        """Read whendue.toml and the secrets again; return whether both are valid."""
        try:
            settings = load(self._project)
            self._settings, self._secrets = settings, read_secrets(self._project, settings)
        except ConfigurationError as error:
            self._note(f"ERROR {error}\nthe settings before this change stay in use")
            return False
        self._put_in_force()
        self._warn()
        return True

    def _start_new(self) -> None:
        """Let worker and API of the code before drain, and start those of the code as it is now; the timer follows."""
        for name in (WORKER, API, TIMER):
            if old := self._running.current.pop(name, None):
                old.drain()
                self._running.draining.append(old)
        workers = [process for process in self._running.draining if process.name == WORKER]
        for old in workers[:-DRAINING]:
            old.drain()
        self._start(WORKER)
        self._start(API)

    def _start(self, name: str) -> None:
        if name == API:
            self._accept()
        arguments, descriptors = self._arguments(name)
        assert self._services is not None  # noqa: S101 - nothing is started before them
        environment = _DEFAULTS | carried.environment(self._project, first=self._project) | self._settings.environment
        environment |= self._secrets
        environment |= self._services.environment | self._of_tasks()
        command = ["-m", "whendue.project.child", name, *_PROBES, *arguments]
        self._running.current[name] = self._process(name, command, environment, descriptors)

    def _of_tasks(self) -> dict[str, str]:
        tasks = {"WHENDUE_TASKS": ",".join(self._settings.project.tasks)}
        return tasks | {manifest.SETTING: str(self._project / ".local" / manifest.NAME)}

    def _put_in_force(self) -> None:
        """Deploy what the settings say, and write what direct mode needs to reach the stack: docs/guide/direct.md."""
        assert self._services is not None  # noqa: S101 - see _start
        self._services.deploy(self._settings)
        self._services.write_settings(self._of_tasks())

    def _process(
        self, name: str, command: list[str], environment: dict[str, str], descriptors: Sequence[int] = ()
    ) -> Process:
        return Process(
            name,
            command,
            environment,
            self._project,
            stream=self._stream,
            started=lambda process: self._put(Started(process)),
            ended=lambda process: self._put(Ended(process)),
            descriptors=descriptors,
        )

    def _arguments(self, name: str) -> tuple[list[str], list[int]]:
        if name == WORKER:
            return ["--wait", "1", "--threads", str(self._settings.worker.threads)], []
        if name == API:
            descriptor = self._listening.fileno()
            return ["--threads", "8", "--fd", str(descriptor)], [descriptor]
        return [], []

    # --- starts and ends of processes -------------------------------------------------------------------------

    def _at_work(self, process: Process) -> None:
        if process.name == WORKER and self._changed_s is not None:
            self._note(f"new code at work {perf_counter() - self._changed_s:.1f} s after the change")
            self._changed_s = None
        if TIMER not in self._running.current and {WORKER, API} <= set(self._running.current):
            # After the others: it has nothing to do with the first job, and processors are few.
            self._start(TIMER)
        if process.name == API and not self._introduced:
            self._introduced = True
            self._introduce()

    def _gone(self, process: Process) -> None:
        process.close()
        if process.name == PIP:
            self._installed(process.code)
        elif process in self._running.draining:
            self._running.draining.remove(process)
        elif self._running.current.get(process.name) is process:
            again = process.code != MISCONFIGURED
            what = "starts again" if again else "starts again after the next change"
            self._note(f"ERROR {process.name} has ended with exit code {process.code}; it {what}")
            if again:
                timer = threading.Timer(AGAIN_S, self._put, (StartAgain(process),))
                timer.daemon = True
                timer.start()
            elif process.name == API:
                self._refusal = Refusal(self._listening)

    def _accept(self) -> None:
        """Answer no more requests in the API's place."""
        if self._refusal:
            self._refusal.stop()
            self._refusal = None

    def _introduce(self) -> None:
        """Write the addresses, a token and a first request; and what the settings lack."""
        assert self._services is not None  # noqa: S101 - see _start
        url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._note(self._services.introduction(url, self._settings.dev.sample))
        self._warn()

    def _warn(self) -> None:
        """Write what of the settings, as they are now, has no value or no effect here."""
        lines = [missing_note(self._settings, os.environ | self._secrets)]
        if unused := self._settings.unused:
            lines.append(f"{FILE}: {', '.join(unused)}: for deployments; not used here")
        if text := "\n".join(filter(None, lines)):
            self._note(text)

    def _note(self, text: str) -> None:
        self._stream.write(NAME, text)
