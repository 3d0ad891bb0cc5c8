"""Command line of `make load`: submit with Locust, wait for the ends, report. Exit code 1 if it does not add up."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from localstack import lifecycle, venvs
from localstack.paths import LOCAL, ROOT
from tests.load import options, report
from tests.load.drain import drain, reader, settle
from tests.load.meter import Meter
from tests.load.notes import Note
from tests.load.options import JOBS_MAX, Options

SMOKE = {"SCENARIO": "mixed", "DURATION": "8", "USERS": "3"}
# API Gateway answers after 29 s at most (infra/topology.yaml): nobody is stopped half way through a request.
ANSWER_S = 30
# For Locust to start and to end.
LOCUST_S = 60


def main() -> int:
    """Run what make's variables ask for; with the argument `smoke` the short form, on a stack that it starts itself."""
    try:
        if sys.argv[1:] != ["smoke"]:
            return run(options.read(os.environ))
        with lifecycle.running_stack():
            return run(options.read(SMOKE))
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(wanted: Options) -> int:
    """Make a run and print its report; return the exit code."""
    folder = LOCAL / "load"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{wanted.scenario}"
    locust = venvs.ensure("load") / "locust"
    meter = Meter(wanted.aws_endpoint_url)
    headers = {"Authorization": f"Bearer {wanted.token}"}
    with httpx.Client(base_url=wanted.url, headers=headers, timeout=ANSWER_S, trust_env=False) as client:
        if (answer := client.get("/jobs?limit=1")).is_error:
            raise RuntimeError(f"{wanted.url} does not take the token: {answer.status_code}")
        print(f"{wanted.scenario} for {wanted.duration_s} s with {wanted.users} users at {wanted.url}", flush=True)
        meter.start(time.time())
        notes = submit(locust, wanted, folder / f"{name}.jsonl")
        ids = [job_id for note in notes for job_id in note["ids"]]
        print(f"{len(ids)} jobs submitted; waiting for their ends", flush=True)
        settle(ids, reader(client))
        calls = meter.stop()
        drained = drain(ids, reader(client))
    made = report.make(wanted.scenario, wanted.users, notes, drained, calls)
    text = report.as_text(made)
    (folder / f"{name}.txt").write_text(text + "\n")
    (folder / f"{name}.json").write_text(json.dumps(report.as_json(made), indent=2) + "\n")
    print(f"\n{text}\n\n{folder / name}.json")
    if not made.adds_up:
        print("It does not add up: jobs are missing, or nothing was submitted.", file=sys.stderr)
    return 0 if made.adds_up else 1


def submit(locust: Path, wanted: Options, notes: Path) -> list[Note]:
    """Submit with Locust in a process of its own; return what it noted of every request.

    Raises:
        RuntimeError: Locust failed.
    """
    # The token is no argument: those can be read by everybody on the machine.
    environment = os.environ | {
        "LOAD_URL": wanted.url,
        "LOAD_TOKEN": wanted.token,
        "LOAD_SCENARIO": wanted.scenario,
        "LOAD_JOBS_MAX": str(JOBS_MAX),
        "LOAD_NOTES": str(notes),
        "PYTHONPATH": str(ROOT),
    }
    load = ["--users", str(wanted.users), "--spawn-rate", str(wanted.users), "--run-time", f"{wanted.duration_s}s"]
    quiet = ["--headless", "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0"]
    script = ["-f", str(Path(__file__).with_name("locustfile.py")), "--stop-timeout", str(ANSWER_S)]
    command = [str(locust), *script, *quiet, *load]
    done = subprocess.run(
        command,
        env=environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=wanted.duration_s + ANSWER_S + LOCUST_S,
    )
    if done.returncode:
        raise RuntimeError(f"locust failed:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in notes.read_text().splitlines()]


if __name__ == "__main__":
    sys.exit(main())
