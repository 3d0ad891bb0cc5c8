"""infra/permissions.yaml allows what the functions call, as the suite recorded it, and nothing more. Runs last."""

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from localstack.paths import ROOT
from tests.e2e.stage import Http

PERMISSIONS = yaml.safe_load((ROOT / "infra/permissions.yaml").read_text())
ALLOWED = {
    (function, resource, action)
    for function, resources in PERMISSIONS.items()
    for resource, actions in resources.items()
    for action in actions
}
FILES = {path.name for path in Path(__file__).parent.glob("test_*.py")}
# What is needed, but does not happen in the suite on each run, and when it does.
UNSEEN: dict[tuple[str, str, str], str] = {}


@pytest.fixture(scope="module")
def called(calls: Path) -> set[tuple[str, str, str]]:
    """Read what was recorded."""
    return {(first, second, third) for first, second, third in map(str.split, calls.read_text().splitlines())}


def test_large_payloads_and_results_come_back_whole(http: Http) -> None:
    """Over 256 KB they are in the bucket: the API writes and the worker reads there, and the other way round."""
    text = "x" * 300_000
    [job] = http.ended([http.submit("e2e.echo", {"text": text})])
    assert job["state"] == "succeeded"
    assert job["result"] == {"text": text}


def test_functions_call_nothing_that_they_may_not(called: set[tuple[str, str, str]]) -> None:
    """On AWS it would be refused; emulators let it pass."""
    assert not called - ALLOWED
    assert called


def test_functions_may_nothing_that_they_do_not_call(
    called: set[tuple[str, str, str]], request: pytest.FixtureRequest
) -> None:
    """What is allowed and not needed is what a stolen credential can do."""
    if missing := FILES - {item.path.name for item in request.session.items}:
        pytest.skip(f"only the whole suite calls everything; {len(missing)} files are not in this run")
    unused = defaultdict(list)
    for function, resource, action in sorted(ALLOWED - called - UNSEEN.keys()):
        unused[function].append(f"{resource} {action}")
    assert not unused
    assert UNSEEN.keys() <= ALLOWED
