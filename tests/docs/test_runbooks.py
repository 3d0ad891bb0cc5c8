"""Whoever is woken by an alarm finds its page, and no page is about an alarm that there is not."""

import re

from localstack.paths import ROOT
from localstack.topology import topology

RUNBOOKS = ROOT / "docs/operations/runbooks"
# The budget is no CloudWatch alarm, and so not among the topology's.
ALARMS = {*topology().alarms, "cost"}


def test_every_alarm_has_its_runbook_and_every_runbook_its_alarm() -> None:
    """The alarm's description links to the page by its name (infra/terraform/tests checks that)."""
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == ALARMS


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


def test_the_overview_has_the_topologys_numbers() -> None:
    """A threshold that was changed in one place only would mislead."""
    rows = dict(
        re.findall(r"^\| \[([\w-]+)\]\([\w-]+\.md\) \|(.*)\|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    )
    assert rows.keys() == ALARMS
    for name, alarm in topology().alarms.items():
        assert f"{alarm.periods} minutes" in rows[name]
        assert alarm.above == 0 or str(alarm.above) in rows[name] or (alarm.above == 50 and "half" in rows[name])


def test_budgets_runbook_is_named_where_the_budget_is_made() -> None:
    """A budget has no description."""
    assert "docs/operations/runbooks/cost.md" in (ROOT / "infra/terraform/main.tf").read_text()
