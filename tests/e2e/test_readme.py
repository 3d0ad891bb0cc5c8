"""What the README tells to type works as it stands."""

import json
import os
import re
import subprocess

from localstack import token
from localstack.paths import ROOT
from tests.e2e.stage import Stage


def test_the_readmes_curl_submits_a_job_and_lists_it(stage: Stage) -> None:
    """The first minute of a new user."""
    [shell] = [
        part for part in re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL) if "curl" in part
    ]
    commands = re.findall(r"^curl (?:.*\\\n)*.*$", shell, re.MULTILINE)
    assert len(commands) == 2
    environment = os.environ | {"API": stage.stack.api_url, "TOKEN": token.make("readme", signing_secret=stage.secret)}
    submitted, listed = (
        json.loads(subprocess.run(["bash", "-c", command], env=environment, check=True, capture_output=True).stdout)
        for command in commands
    )
    assert (submitted["type"], submitted["state"]) == ("email", "scheduled")
    assert [job["id"] for job in listed["items"]] == [submitted["id"]]
