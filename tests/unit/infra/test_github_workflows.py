"""GitHub's workflows use fixed actions and targets that there are, and CI is `make check` wherever it runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
CHECKS = set(re.findall(r"^check: ([a-z0-9 -]+?) *##", MAKEFILE, re.MULTILINE)[0].split())
workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def made_by(path: Path) -> set[str]:
    """Name the targets that a script or a workflow makes, `check` as what it is made of."""
    calls = re.findall(r"^ *(?:- )?(?:run: )?make ([a-z0-9 -]+)$", path.read_text(), re.MULTILINE)
    targets = {target for call in calls for target in call.split()}
    return targets - {"check"} | CHECKS if "check" in targets else targets


@workflow
def test_actions_are_fixed_by_commit_with_their_version_beside(path: Path) -> None:
    """A tag can be moved to other code; a commit cannot. `$/` is this repository at the same commit."""
    for line in re.findall(r"^ *(?:- )?uses: (.*)$", path.read_text(), re.MULTILINE):
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/workflows/[\w-]+\.yml", line)


@workflow
def test_every_target_and_workflow_that_is_called_exists(path: Path) -> None:
    """A typing error would be found by a release."""
    assert made_by(path) <= set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    for called in re.findall(r"uses: \$/(.+)$", path.read_text(), re.MULTILINE):
        assert (ROOT / called).exists()


@pytest.mark.parametrize("script", [".ci/run", ".github/workflows/ci.yml"])
def test_ci_runs_make_check_and_no_other_target(script: str) -> None:
    """What passes on a laptop passes there, and the other way round."""
    assert CHECKS
    assert made_by(ROOT / script) == CHECKS


@workflow
def test_no_workflow_holds_more_than_a_job_asks_for(path: Path) -> None:
    """Permissions are given job by job; the linters look at each of them."""
    assert re.search(r"^permissions: \{\}$", path.read_text(), re.MULTILINE)
    assert "pull_request_target" not in path.read_text()
