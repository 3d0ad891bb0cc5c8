"""The dashboard in a browser, on a running stack: every page, its actions, and what it must never do.

The tests themselves are in `dashboard/e2e`, on playwright-core and Debian's Chromium; nothing downloads a browser.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from localstack import sign_in_link, token
from localstack.emulator import free_port
from scripts.build_dashboard import copied
from tests.builders.backends import LOCALSTACK
from tests.e2e.stage import Stage

# Debian's, and what GitHub's runners have.
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), "")
PAGES = ["", "dashboard", "dashboard/", "dashboard/jobs", "dashboard/jobs/0192", "dashboard/schedules/nightly-report"]
# Far more than the browser takes: what hangs is to end.
TIMEOUT_S = 1200
# A pattern of the names of tests in `dashboard/e2e`, while one works on them.
CHOSEN = "WHENDUE_E2E_BROWSER"
# For each test that uses one.
LINKS = 1

pytestmark = pytest.mark.skipif(bool(os.environ.get(LOCALSTACK)), reason="on LocalStack's runtime, the core alone")


@pytest.fixture(scope="module")
def port() -> int:
    """Choose where the issuer of the test is going to listen."""
    return free_port()


@pytest.fixture(scope="module")
def shown(stage_named: Callable[..., Stage], port: int) -> Stage:
    """Return a stack whose dashboard signs in by one-time links, and by an issuer on this machine."""
    settings = {
        "WHENDUE_DASHBOARD_ISSUER": f"http://127.0.0.1:{port}",
        "WHENDUE_DASHBOARD_CLIENT_ID": "dashboard",
        # A receiver of the test.
        "WHENDUE_HTTP_ALLOW": "127.0.0.0/8",
    }
    return stage_named("dashboard", schedule_timer=True, **sign_in_link.SETTINGS, **settings)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_finds_its_files_from_its_address(shown: Stage, page: str) -> None:
    """Behind a stage, a base path or neither: links are relative, as a browser resolves them."""
    url = f"{shown.stack.dashboard_url}{page}"
    with httpx.Client(timeout=60) as client:
        text = client.get(url).raise_for_status().text
        names = re.findall(r'(?:src|href)="([^"]+)"', text)
        answers = [client.get(urljoin(url, name)) for name in names]
    assert len(names) >= 3
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["content-type"].partition(";")[0] for answer in answers} == {
        "image/svg+xml",
        "text/css",
        "text/javascript",
    }


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_people_use_it_in_a_browser(shown: Stage, port: int, tmp_path: Path) -> None:
    """Each page and action, hostile texts, accessibility, requests a minute: `dashboard/e2e`."""
    whole = token.make("e2e", token.SCOPES, shown.secret)
    codes = [sign_in_link.make_code(shown.clients, shown.stack.table, whole) for _ in range(LINKS)]
    environment = {
        "CHROMIUM": CHROMIUM,
        "WHENDUE_CODES": ",".join(codes),
        "WHENDUE_ISSUER_PORT": str(port),
        "WHENDUE_READER": token.make("e2e", "jobs:read", shown.secret),
        "WHENDUE_TOKEN": whole,
        "WHENDUE_URL": shown.stack.api_url,
    }
    folder = copied(tmp_path)
    subprocess.run(["node_modules/.bin/tsc", "--project", "tsconfig.test.json"], cwd=folder, check=True)
    # One file after the other: they share a stack, and a machine.
    chosen = [f"--test-name-pattern={os.environ[CHOSEN]}"] if os.environ.get(CHOSEN) else []
    done = subprocess.run(
        ["node", "--test", "--test-concurrency=1", *chosen, "build/e2e"],
        cwd=folder,
        env=os.environ | environment,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout
