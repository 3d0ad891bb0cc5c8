"""What contributors are asked to do exists: suites, targets, folders, and forms that GitHub can show."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("CONTRIBUTING.md", ".github/pull_request_template.md")]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
KINDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def test_every_suite_that_ci_runs_is_in_the_table() -> None:
    """Who changes something finds out here what CI would find out an hour later."""
    [suites] = re.findall(r"^check: (.*?)  ##", MAKEFILE, re.MULTILINE)
    page = PAGES[0].read_text()
    assert [suite for suite in suites.split() if not re.search(rf"make (?:lint )?{suite}\b", page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_and_paths_exist(page: Path) -> None:
    """With the variables that are set for them."""
    text = page.read_text()
    spans = [found[0] for found in re.findall(r"`(([A-Z]+=\S+ )*make [^`\n]+)`", text)]
    words = [word for span in spans for word in span.split()]
    assert {word for word in words if re.fullmatch(r"[a-z][a-z0-9-]+", word)} - {"make"} <= TARGETS
    assert all(re.search(rf"\b{word.partition('=')[0]}\b", MAKEFILE) for word in words if "=" in word)
    assert len(spans) >= 2
    paths = re.findall(r"`((?:tests|docs)/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_has_what_github_needs(form: Path) -> None:
    """A form that is wrong is not shown, and nobody is told.

    Source: https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-issue-forms
    """
    content = yaml.safe_load(form.read_text())
    assert content.keys() == {"name", "description", "labels", "body"}
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in content["body"]} <= KINDS
    assert len({field["id"] for field in fields}) == len(fields) == len({f["attributes"]["label"] for f in fields})
    assert all(field["attributes"]["options"] for field in fields if field["type"] in {"dropdown", "checkboxes"})
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_there_is_a_form_for_bugs_and_one_for_features() -> None:
    """They ask for different things."""
    assert [form.stem for form in FORMS] == ["bug", "feature"]
