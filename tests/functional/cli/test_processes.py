"""The command `whendue`: what it takes and what it refuses, as its own process."""

import json
import os
import socket
import subprocess
import sys

import httpx
import pytest

from localstack import token
from localstack.paths import ROOT
from tests.builders.api import SECRET
from tests.builders.faults import Refusing
from tests.builders.world import World
from whendue.adapters.aws import client
from whendue.adapters.throttle import CAP_S, TRIES
from whendue.cli.processes import GRACE_S, SILENT_S, main
from whendue.containers.health import LIVE, READY
from whendue.containers.timer import TICK_S
from whendue.errors import UnavailableError
from whendue.table.keys import MIGRATION_KEY
from whendue.table.writes import REMOVE, Write

GIVEN = {
    "WHENDUE_TABLE": "table",
    "WHENDUE_BUCKET": "bucket",
    "WHENDUE_QUEUES": '{"critical":"u","high":"u","normal":"u","low":"u","notifications":"u"}',
    "WHENDUE_DEAD_LETTER_QUEUE": "u",
    "WHENDUE_SECRET": "s" * 40,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    # Nobody answers there.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
}
# What the API needs besides.
TOKENS = token.environment(SECRET) | {"WHENDUE_SECRET": GIVEN["WHENDUE_SECRET"]}
COMMAND = [sys.executable, "-m", "whendue.cli"]
BARE = {"PYTHONPATH": os.pathsep.join((str(ROOT / "layers/core/python"), str(ROOT))), "PATH": os.environ["PATH"]}


def whendue(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    command = [*COMMAND, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=BARE | environment, timeout=60)


@pytest.mark.parametrize("command", ["api", "worker", "timer"])
def test_help_needs_no_settings(command: str) -> None:
    """It is what one asks first."""
    done = whendue(command, "--help")
    assert done.returncode == 0
    assert "--grace" in done.stdout


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "wrong",
    [
        ["--threads", "0"],
        ["--threads", "501"],
        ["--wait", "21"],
        ["--grace", "5"],
        ["--queues", "urgent"],
        ["--health-port", "-1"],
    ],
)
def test_what_cannot_be_is_refused_with_the_option_that_it_was_said_in(wrong: list[str]) -> None:
    """Before anything is asked of AWS."""
    done = whendue("worker", *wrong, **GIVEN)
    assert done.returncode == 2
    assert wrong[0] in done.stderr


def test_a_missing_setting_is_named() -> None:
    """As in the functions."""
    done = whendue("timer")
    assert (done.returncode, done.stderr) == (2, "whendue: WHENDUE_TABLE is not set\n")


def test_a_queue_without_an_address_is_named() -> None:
    """Who asks for the deliveries' dead letters must say where they are."""
    done = whendue("worker", "--queues", "normal,notifications_dead_letter", **GIVEN)
    assert done.returncode == 2
    assert done.stderr == "whendue: WHENDUE_QUEUES has no address for: notifications_dead_letter\n"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", ["worker", "timer"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("WHENDUE_LAMBDA_ALLOW", "report-*"), ("WHENDUE_EMAIL_SENDERS", "{"), ("WHENDUE_OWN_FUNCTIONS", "")],
)
def test_a_list_that_cannot_be_read_is_named_at_start(command: str, name: str, value: str) -> None:
    """Not by the first job that asks for it, as an error of that job."""
    allowed = {"WHENDUE_LAMBDA_ALLOW": '{"*": ["*"]}', "WHENDUE_OWN_FUNCTIONS": "whendue-worker"}
    done = whendue(command, **(GIVEN | allowed | {name: value}))
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_tasks_of_ones_own_that_are_not_there_are_named() -> None:
    """A worker without its tasks would burn the attempts of every job."""
    done = whendue("worker", **GIVEN, WHENDUE_TASKS="no.such.tasks")
    assert done.returncode == 2
    assert "no.such.tasks" in done.stderr


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", ["api", "worker", "timer"])
def test_a_process_that_reaches_nothing_is_live_not_ready_and_ends_on_a_signal(command: str) -> None:
    """A restart would not help; and nobody must kill it."""
    listening = ["--health-host", "127.0.0.1", "--health-port", "0"]
    listening += ["--host", "127.0.0.1", "--port", "0"] if command == "api" else []
    with subprocess.Popen(
        [*COMMAND, command, *listening], stdout=subprocess.PIPE, text=True, env=BARE | GIVEN | TOKENS
    ) as process:
        assert process.stdout
        # Its first complaint may come before it has said that it is there.
        started = next(line for line in map(json.loads, process.stdout) if "health" in line)
        assert httpx.get(started["health"] + LIVE).status_code == 200
        ready = httpx.get(started["health"] + READY, timeout=60)
        assert (ready.status_code, ready.json()["wrong"]) == (503, dict.fromkeys(("table", "queues"), "unavailable"))
        process.terminate()
        assert process.wait(GRACE_S) == 0
        assert json.loads(process.stdout.read().splitlines()[-1])["message"] == "ended"


def test_a_process_is_silent_only_after_the_clients_timeout() -> None:
    """Seen before: 503 after 150 s while a table that did not answer was waited for up to 215 s."""
    config = client("dynamodb", region_name="eu-central-1").meta.config
    call_s = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    longest_call_s = TRIES * (call_s + CAP_S)
    assert TICK_S + 2 * longest_call_s < SILENT_S


def test_a_port_that_is_taken_is_named() -> None:
    """One line and the exit code of what is wrongly configured, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = whendue("timer", "--health-host", "127.0.0.1", "--health-port", port, **GIVEN)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


# --- the upgrade of a table ------------------------------------------------------------------------------------------


def test_migrate_says_how_far_it_is_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of JSON for each piece; run again, it has nothing to do."""
    world = World()
    jobs = [world.submit() for _ in range(3)]
    world.table.rows.pop(MIGRATION_KEY)
    world.table.apply([Write("before", job.key, [], {"tenant_pk": REMOVE}) for job in jobs])
    monkeypatch.setattr("whendue.cli.processes.app", world.build)
    assert main(["migrate", "--rate", "1000"]) == 0
    [line] = map(json.loads, capsys.readouterr().out.splitlines())
    assert line == {"message": "migrate", "read": len(world.table.rows) - 1, "changed": 3, "finished": True}
    assert main(["migrate"]) == 0
    [line] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["read"], line["changed"], line["finished"]) == (0, 0, True)


@pytest.mark.parametrize("error", [UnavailableError(), KeyboardInterrupt()], ids=["by the table", "by Ctrl-C"])
def test_migrate_that_is_stopped_says_that_it_may_be_run_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    """The exit code is that of something that is not at its end."""
    world = World()
    world.table.rows.pop(MIGRATION_KEY)

    def scan(*_: object) -> None:
        raise error

    monkeypatch.setattr("whendue.cli.processes.app", lambda: world.build(store=Refusing(world.table, "scan", scan)))
    assert main(["migrate"]) == 1
    assert "run the command again" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "100001"])
def test_migrate_refuses_a_rate_that_is_none(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read."""
    with pytest.raises(SystemExit):
        main(["migrate", "--rate", rate])
    assert "--rate" in capsys.readouterr().err
