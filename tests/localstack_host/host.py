"""LocalStack's runtime as a process of this machine: on a free loopback port, ended by its pid with what it began."""

import os
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from localstack.emulator import free_port
from localstack.stack import REGION
from tests.localstack_host.needs import Programs, ready

INSIDE = Path(__file__).parent / "inside"
SERVICES = "apigateway,dynamodb,events,iam,lambda,logs,s3,ses,sns,sqs,ssm,sts"
READY_S, STOP_S = 90, 10
# The version of the plugin is nobody's business; LocalStack finds it by its entry point.
PLUGIN = "whendue_processes-0.dist-info"
ENTRY_POINT = "[localstack.lambda.runtime_executor]\nprocess = executor:ProcessPlugin\n"


@dataclass(frozen=True, slots=True)
class Host:
    """A running LocalStack.

    Args:
        endpoint_url: where its AWS APIs are.
        pid: its process, leader of a process group of its own.
        directory: its log, state and temporary files.
    """

    endpoint_url: str
    pid: int
    directory: Path

    @property
    def log(self) -> Path:
        """What it and its functions print."""
        return self.directory / "localstack.log"


@contextmanager
def running(directory: Path, **settings: str) -> Iterator[Host]:
    """Run LocalStack for the length of a block.

    Args:
        directory: where its log and files go.
        settings: further variables of LocalStack's: https://docs.localstack.cloud/references/configuration/

    Raises:
        CannotRunError: this machine lacks something that it needs.
        RuntimeError: it did not become healthy; the message has the end of its log.
    """
    programs = ready()
    if not is_alone(programs):
        warnings.warn("no network namespace is allowed here: DynamoDB Local listens on ALL interfaces", stacklevel=3)
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (directory / "localstack.log").open("wb") as log:
        process = subprocess.Popen(
            [str(programs.python), str(INSIDE / "server.py")],
            env=_environment(directory, port, programs) | settings,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    host = Host(f"http://127.0.0.1:{port}", process.pid, directory)
    try:
        _await_health(host, process)
        yield host
    finally:
        _stop(process)
        # Unpacked functions are thousands of files.
        shutil.rmtree(directory / "tmp", ignore_errors=True)


def is_alone(programs: Programs) -> bool:
    """Return whether DynamoDB Local can be kept to a network of its own."""
    return subprocess.run([str(programs.python), str(INSIDE / "java.py"), "--alone"], check=False).returncode == 0


def _environment(directory: Path, port: int, programs: Programs) -> dict[str, str]:
    """Keep everything of ours from it: neither our Python's settings nor our AWS account."""
    address = f"127.0.0.1:{port}"
    for name in ("home", "tmp"):
        (directory / name).mkdir(exist_ok=True)
    return {
        "PATH": f"{programs.python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory / "home"),
        "TMPDIR": str(directory / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join((str(INSIDE), str(_plugin(directory)))),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "FILESYSTEM_ROOT": str(_filesystem(directory, programs)),
        "OVERRIDE_IN_DOCKER": "0",
        "GATEWAY_LISTEN": address,
        "LOCALSTACK_HOST": address,
        # Its own names (*.localhost.localstack.cloud) need its name server, or the internet.
        "DNS_ADDRESS": "0",
        "SQS_ENDPOINT_STRATEGY": "path",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "SERVICES": SERVICES,
        "STRICT_SERVICE_LOADING": "1",
        "EAGER_SERVICE_LOADING": "0",
        "DYNAMODB_IN_MEMORY": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
        # A queue is polled by one thread, which rests after each batch, and longer the longer the queue was empty.
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        # A line for each request is most of its work.
        "LS_LOG": "warning",
    }


def _plugin(directory: Path) -> Path:
    """Write down the entry point under which LocalStack finds our executor."""
    folder = directory / "plugin"
    (folder / PLUGIN).mkdir(parents=True, exist_ok=True)
    (folder / PLUGIN / "METADATA").write_text("Metadata-Version: 2.1\nName: whendue-processes\nVersion: 0\n")
    (folder / PLUGIN / "entry_points.txt").write_text(ENTRY_POINT)
    return folder


def _filesystem(directory: Path, programs: Programs) -> Path:
    """Put Java and DynamoDB Local where LocalStack would install them."""
    root = directory / "filesystem"
    library = root / "var/lib/localstack/lib"
    java = library / "java/21/bin/java"
    for folder in (java.parent, library / "dynamodb-local"):
        folder.mkdir(parents=True, exist_ok=True)
    command = shlex.join(map(str, (programs.python, INSIDE / "java.py", programs.java)))
    java.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    java.chmod(0o755)
    with suppress(FileExistsError):
        (library / "dynamodb-local/2").symlink_to(programs.dynamodb_local)
    return root


def _await_health(host: Host, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        # A port that another process took first answers, too: only this one's log says that it is ready.
        if "Ready." in host.log.read_text(errors="replace"):
            with suppress(URLError, OSError), urlopen(f"{host.endpoint_url}/_localstack/health", timeout=5):
                return
        time.sleep(0.1)
    tail = host.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"LocalStack did not start; the end of {host.log}:\n{tail}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it; function processes and DynamoDB Local notice that it is gone."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_S)
