"""The command as its own process: exit codes, signals, pipes, completion, and what it imports."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from localstack.paths import ROOT
from tests.builders import web
from tests.functional.cli.command_line import CommandLine, ended
from whendue.cli import PROCESSES
from whendue.cli.failures import ExitCode

BARE = {"PYTHONPATH": os.pathsep.join((str(ROOT / "layers/core/python"), str(ROOT))), "PATH": os.environ["PATH"]}
COMMAND = [sys.executable, "-m", "whendue.cli"]
LONG_S = 120
EMPTY = b'{"items": [], "cursor": null, "missing": null}'


def whendue_process(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, env=BARE | environ, timeout=LONG_S
    )


def test_exit_codes_are_those_of_a_process() -> None:
    """An error is one line on standard error."""
    done = whendue_process("jobs", "list", WHENDUE_URL="http://127.0.0.1:1", WHENDUE_TOKEN="t")
    assert (done.returncode, done.stdout) == (ExitCode.UNREACHABLE, "")
    assert done.stderr.startswith("whendue: unreachable: ")
    assert len(done.stderr.splitlines()) == 1
    assert whendue_process("--version").returncode == 0
    wrong = whendue_process("jobs", "lst")
    assert (wrong.returncode, "'list'" in wrong.stderr) == (2, True)


def test_ctrl_c_ends_it_with_130() -> None:
    """While a request is under way; without a word of Python."""
    asked, over = threading.Event(), threading.Event()

    def reply(_: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(LONG_S)

    with web.serving() as api:
        api.reply = reply
        given = BARE | {"WHENDUE_URL": api.url(""), "WHENDUE_TOKEN": "t"}
        command = [*COMMAND, "jobs", "list"]
        # A shell starts what runs in the background with the signal ignored, and programs inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given) as process:
            signal.signal(signal.SIGINT, before)
            assert asked.wait(LONG_S)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LONG_S)
            over.set()
    assert (process.returncode, out, "Traceback" in err) == (130, "", False)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("typed", "code"), [(b"n\n", 1), (b"\n", 1), (b"\x04", 130), (b"y\n", 0)])
def test_a_person_is_asked_before_jobs_run_again(whendue: CommandLine, typed: bytes, code: int) -> None:
    """At a terminal; nothing runs without a yes."""
    assert whendue("jobs", "submit", "bad", "--retries", "0", "--wait").code == 1
    mine, theirs = pty.openpty()
    os.write(mine, typed)
    given = BARE | {name: value for name, value in whendue.environ.items() if value is not None}
    done = subprocess.run(
        [*COMMAND, "dead-letters", "redrive"], check=False, stdin=theirs, capture_output=True, env=given, timeout=LONG_S
    )
    os.close(mine)
    os.close(theirs)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)
    assert len(whendue("dead-letters", "list", "--json").lines) == (code != 0)


def test_a_terminal_gets_a_table_with_whole_ids(whendue: CommandLine) -> None:
    """An id is copied into the next command; what is too wide is folded elsewhere."""
    job_id = whendue("jobs", "submit", "ok", "--delay", "1h", "--json").json["id"]
    mine, theirs = pty.openpty()
    given = BARE | {name: value for name, value in whendue.environ.items() if value is not None}
    command = [*COMMAND, "jobs", "list"]
    subprocess.run(command, check=True, stdout=theirs, env=given | {"COLUMNS": "80", "TERM": "xterm"}, timeout=LONG_S)
    shown = os.read(mine, 65_536).decode()
    os.close(mine)
    os.close(theirs)
    assert job_id in shown
    assert "\t" not in shown


def test_a_reader_that_has_gone_ends_it_quietly() -> None:
    """As in `whendue jobs list | head -1`."""
    with web.serving() as api:
        api.answers(200, EMPTY, Content_Type="application/json")
        given = BARE | {"WHENDUE_URL": api.url(""), "WHENDUE_TOKEN": "t"}
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [*COMMAND, "jobs", "list"], check=False, stdout=write, stderr=subprocess.PIPE, env=given, timeout=LONG_S
        )
        os.close(write)
    assert (done.returncode, done.stderr) == (ExitCode.CLOSED_PIPE, b"")


def test_an_error_of_our_own_is_no_traceback(whendue: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does its text, which may quote a payload, reach the screen."""

    def broken(_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr("whendue.cli.commands.jobs.connect", broken)
    done = whendue("jobs", "list")
    assert (done.code, done.out) == (ExitCode.INTERNAL, "")
    assert "KeyError" in done.err
    assert "a secret" not in done.err


def test_a_pipe_gets_no_colours_and_nothing_is_cut(whendue: CommandLine) -> None:
    """Even where the environment asks for colours."""
    whendue("jobs", "submit", "ok", "--delay", "1h", "--tag", "a=b")
    for command in (["jobs", "list"], ["--help"], ["jobs", "none"]):
        done = whendue(*command, FORCE_COLOR="1", COLUMNS="20")
        assert "\x1b" not in done.out + done.err
    [row] = whendue("jobs", "list", COLUMNS="20").out.splitlines()[1:]
    assert row.count("\t") == 7


def test_completion_is_typers() -> None:
    """Commands and options."""
    done = whendue_process(
        _WHENDUE_COMPLETE="complete_bash", COMP_WORDS="whendue dead-letters re", COMP_CWORD="2", HOME="/"
    )
    assert done.stdout.split() == ["redrive"]


@pytest.mark.parametrize("process", PROCESSES)
def test_processes_run_without_the_libraries_of_people(process: str) -> None:
    """An image has neither Typer nor Rich nor httpx, and what only people need is not imported there."""
    code = (
        "import sys\n"
        "for name in ('typer', 'rich', 'httpx'): sys.modules[name] = None\n"
        "from whendue.cli.__main__ import main\n"
        f"main([{process!r}, '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=BARE)
    assert (done.returncode, done.stdout.split()[:3]) == (0, ["usage:", "whendue", process])


def test_without_the_extra_a_command_says_what_to_install() -> None:
    """And the help is that of the processes."""
    code = (
        "import sys; sys.modules['typer'] = None; from whendue.cli.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run([*command, "jobs", "list"], check=False, capture_output=True, text=True, env=BARE)
    assert (done.returncode, done.stdout) == (2, "")
    assert "whendue[cli]" in done.stderr
    done = subprocess.run([*command, "--help"], check=False, capture_output=True, text=True, env=BARE)
    assert (done.returncode, "worker" in done.stdout) == (0, True)


def test_commands_for_people_load_nothing_of_the_server() -> None:
    """Neither AWS nor the engine: they start fast."""
    code = (
        "import sys, json\n"
        "from whendue.cli.__main__ import main\n"
        "main(['jobs', 'list', '--help'])\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=BARE)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & {"botocore", "boto3", "jwt", "whendue.bootstrap.process", "whendue.engine"} == set()


@pytest.mark.parametrize("process", PROCESSES)
def test_processes_are_listed_with_the_other_commands(process: str) -> None:
    """And run from there, too."""
    assert f"\n  {process} " in ended("--help").out
    assert ended(process, "--no-such-option").code == 2
