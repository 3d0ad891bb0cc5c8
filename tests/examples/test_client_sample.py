"""examples/client_sample.py: what it prints; mypy checks it with the rest of the repository."""

import os
import subprocess
import sys
from collections.abc import Callable

from localstack.paths import ROOT
from tests.builders.api import a_token, api_of
from tests.builders.server import serving
from tests.builders.world import RealTime
from whendue.containers.worker import Worker


def test_the_sample_submits_waits_lists_and_cancels(real_time: RealTime, start: Callable[..., Worker]) -> None:
    """On threads and the real clock, as the program polls; its settings come from the environment."""
    start(real_time)
    with serving(api_of(real_time), real_time) as url:
        given = {"WHENDUE_URL": url, "WHENDUE_TOKEN": a_token(), "PATH": os.environ["PATH"]}
        given["PYTHONPATH"] = str(ROOT / "layers/core/python")
        command = [sys.executable, str(ROOT / "examples/client_sample.py")]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=given, timeout=120)
    assert done.returncode == 0, done.stderr
    greeted, reason, cancelled, refused = done.stdout.splitlines()
    assert greeted.startswith("succeeded {'greeting': ")
    assert (reason, cancelled) == ("not_due", "cancelled cancelled")
    assert refused.startswith("invalid_payload name ")
