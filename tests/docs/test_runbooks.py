"""Each alarm has its page, which an operator finds by name; other pages are about symptoms that no alarm shows."""

import json
import re
from pathlib import Path

import pytest

from functions.api.app import make_resolver, routes_of
from functions.api.http.body import repeatable
from functions.api.schemas.bulk.operations import OperationBody
from localstack.paths import ROOT
from localstack.topology import topology
from tests.builders.monitoring import RULES
from tests.docs.pages import LINK, headings_of, text_of
from whendue.inspection.causes import Cause

RUNBOOKS = ROOT / "docs/operations/runbooks"
# The budget is no CloudWatch alarm, and so not among the topology's.
ALARMS = {*topology().alarms, "cost"}
OVERVIEW = (RUNBOOKS / "README.md").read_text()
# Pages of the overview's table of symptoms, whose last column is the page.
SYMPTOMS = set(re.findall(r"^\| [^|]+ \| \[([\w-]+)\]\(\1\.md\) \|$", OVERVIEW, re.MULTILINE))
OPERATIONS = [*(ROOT / "docs/operations").rglob("*.md")]


def test_every_alarm_and_every_symptom_has_its_runbook() -> None:
    """The alarm's description links to the page by its name (infra/terraform/tests checks that)."""
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == ALARMS | SYMPTOMS
    assert len(SYMPTOMS) >= 5
    assert not ALARMS & SYMPTOMS


def test_a_runbook_says_what_it_means_where_to_look_and_what_to_do() -> None:
    """At three in the morning the order is always the same."""
    for name in ALARMS:
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert re.findall(r"^(?:# (\S+)|\*\*(.+?)\*\*)", text, re.MULTILINE) == [
            (name, ""),
            ("", "What it means."),
            ("", "Look"),
            ("", "Do"),
            ("", "Afterwards."),
        ]


def test_a_page_about_a_symptom_says_what_to_look_at_and_what_to_do() -> None:
    """The same order, without an alarm's meaning."""
    for name in SYMPTOMS:
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert re.findall(r"^(?:# (\S+)|\*\*(.+?)\*\*)", text, re.MULTILINE) == [
            (name, ""),
            ("", "Symptom."),
            ("", "Look" if "**Look** " in text else "Look."),
            ("", "Do"),
            ("", "Afterwards."),
        ]


def test_the_overview_lists_the_alerts_of_prometheus_with_their_pages() -> None:
    """A notification names the alert; an operator searches the table for that name."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|(.*)\|$", OVERVIEW, re.MULTILINE)
    pages = {name: {file.removesuffix(".md") for file, _ in LINK.findall(row)} for name, row in rows}
    assert pages.keys() == {rule["alert"] for rule in RULES}
    for rule in RULES:
        assert rule["annotations"]["runbook"].rpartition("/")[2].removesuffix(".md") in pages[rule["alert"]]


@pytest.mark.parametrize("page", OPERATIONS, ids=lambda page: page.stem)
def test_an_alert_that_a_page_names_exists(page: Path) -> None:
    """It was renamed on one side only, once."""
    assert set(re.findall(r"alert\s+`(\w+)`", page.read_text())) <= {rule["alert"] for rule in RULES}


def commands_in(page: Path) -> list[str]:
    """List the commands of a page's fenced blocks, each on one line."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("page", OPERATIONS, ids=lambda page: page.stem)
def test_terraform_is_never_run_with_the_defaults(page: Path) -> None:
    """Without the file of variables, production would get the defaults: other tokens, no mails, no budget."""
    for command in commands_in(page):
        if found := re.match(r"terraform (-chdir=\S+ )?(plan|apply|destroy|import)\b(.*)", command):
            assert "-var-file=" in found[3] or (found[2] == "apply" and re.match(r" plan\b", found[3])), command
    # In a runbook, a command without its options is what a reader would type.
    assert page.parent != RUNBOOKS or not re.search(r"`terraform (plan|apply|destroy)`", page.read_text())


@pytest.mark.parametrize("page", OPERATIONS, ids=lambda page: page.stem)
def test_requests_are_sent_with_a_token(page: Path) -> None:
    """A command that is copied in a hurry gets an answer; only health needs no token."""
    for command in commands_in(page):
        for request in re.findall(r"curl [^|]*\$API[^|]*", command):
            assert "Authorization: Bearer" in request or "/health/" in request, command


def test_runbooks_link_to_the_page_that_defines_what_they_use() -> None:
    """Each page links to where its commands, variables and tokens come from."""
    on_call = (ROOT / "docs/operations/on-call.md").read_text()
    assert "before-you-begin" in headings_of(on_call)
    assert all(name in on_call for name in ("whendue_logs() {", "API=$(", "OPERATOR=$(", "TOKEN=$("))
    for page in RUNBOOKS.glob("*.md"):
        text = page.read_text()
        if re.search(r"whendue_logs |\$API|\$TOKEN|\$OPERATOR", text):
            assert "on-call.md#before-you-begin" in text, page.name
        assert "aws logs tail" not in text


def test_the_overview_has_the_topologys_numbers() -> None:
    """A threshold that was changed in one place only would mislead."""
    rows = dict(re.findall(r"^\| \[([\w-]+)\]\([\w-]+\.md\) \|(.*)\|$", OVERVIEW, re.MULTILINE))
    assert rows.keys() == ALARMS
    for name, alarm in topology().alarms.items():
        assert f"{alarm.periods} {'minute' if alarm.periods == 1 else 'minutes'}" in rows[name]
        assert alarm.above == 0 or str(alarm.above) in rows[name] or (alarm.above == 50 and "half" in rows[name])


def test_budgets_runbook_is_named_where_the_budget_is_made() -> None:
    """A budget has no description."""
    assert "docs/operations/runbooks/cost.md" in (ROOT / "infra/terraform/main.tf").read_text()


REQUEST = re.compile(r'(-X (?P<method>[A-Z]+) )?"\$API(?P<path>/[^"?]*)')
ROUTES = [*routes_of(make_resolver())]


@pytest.mark.parametrize("page", OPERATIONS, ids=lambda page: page.stem)
def test_requests_are_ones_that_the_api_has(page: Path) -> None:
    """A path that was renamed answers 404 in the middle of the night; variables stand for ids."""
    for command in commands_in(page):
        for found in REQUEST.finditer(command):
            path = re.sub(r"\$\{?\w+\}?", "x", found["path"])
            if found["path"] == "/$1":
                continue
            methods = {route.method for route in ROUTES if route.rule.fullmatch(path)}
            assert (found["method"] or "GET") in methods | ({"POST"} if " -d '" in command else set()), command


def test_pages_about_jobs_know_their_history_and_operations() -> None:
    """Who has asked for what: the first question after a job was cancelled."""
    stuck, erase = (commands_in(RUNBOOKS / f"{name}.md") for name in ("job-stuck", "erase-data"))
    assert any("/jobs/$ID/events" in command and "by," in command for command in stuck)
    begun = [json.loads(found) for command in erase for found in re.findall(r"^begin '(\{.*\})'", command)]
    assert [OperationBody.model_validate(body).action for body in begun] == ["cancel", "delete", "delete"]


def test_the_bounds_of_a_query_name_what_is_repeatable() -> None:
    """And nothing else is."""
    [row] = re.findall(r"^\| path and query \|.*$", (ROOT / "docs/reference/api.md").read_text(), re.MULTILINE)
    several = {(route.method, route.path, name) for route in ROUTES for name in repeatable(route)}
    assert several == {("GET", "/jobs", "tag")}
    assert "except `tag` of `GET /jobs`" in row


def test_the_runbook_of_a_job_that_is_stuck_knows_every_reason() -> None:
    """Whoever reads one at night finds what to do about it."""
    rows = re.findall(r"^\| (`[^|]+`) \| ", text_of("docs/operations/runbooks/job-stuck.md"), re.MULTILINE)
    known = [code for row in rows for code in re.findall(r"`(\w+)`", row) if code != "code"]
    assert sorted(known) == sorted(cause.value for cause in Cause)
