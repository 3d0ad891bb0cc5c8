"""infra/monitoring: promtool accepts it, alerts fire for their reasons, no query names a metric that is not there."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.builders.handled import Handled
from tests.builders.monitoring import DASHBOARD, MONITORING, RULES, metrics_in, queries
from whendue.metrics.model import Counts, series_of
from whendue.settings import NOTIFICATIONS

ROOT = MONITORING.parents[1]


@pytest.fixture
def world() -> Handled:
    return Handled()


@pytest.fixture
def promtool(tmp_path: Path) -> Path:
    """A copy of the configuration to work in, and the tool on the path."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not here: apt-get install prometheus")
    shutil.copytree(MONITORING / "prometheus", tmp_path, dirs_exist_ok=True)
    (tmp_path / "token").touch()
    return tmp_path


def run(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_configuration_and_rules(promtool: Path) -> None:
    """Prometheus would not start."""
    run(promtool, "check", "config", "prometheus.yml")
    run(promtool, "check", "rules", "--lint-fatal", "rules.yml")


def test_alerts_fire_for_their_reasons(promtool: Path) -> None:
    """And stay silent for a paused queue, a task that runs rarely, a tick that is just late."""
    shutil.copy(Path(__file__).parent / "rules_test.yml", promtool)
    run(promtool, "test", "rules", "rules_test.yml")
    tested = set(re.findall(r"alertname: (\w+)", (promtool / "rules_test.yml").read_text()))
    assert tested == {rule["alert"] for rule in RULES}


@pytest.fixture
def exposed(world: Handled) -> set[str]:
    """Name the samples of a live exposition, in which a job and a delivery have ended."""
    world.submit()
    world.run_visible()
    world.app.counters.keep({series_of(NOTIFICATIONS, "notify.webhook"): Counts(Counter(succeeded=1))})
    return {name for name, _ in world.samples()}


def test_every_query_names_metrics_that_exist(exposed: set[str]) -> None:
    """A panel on a misspelt metric is empty, and an alert on one is silent for ever."""
    missing = {title: metrics_in(query) - exposed for title, query in queries().items()}
    assert not {title: names for title, names in missing.items() if names}
    assert all(metrics_in(query) or query.startswith("up{") for query in queries().values())
    for variable in DASHBOARD["templating"]["list"]:
        assert metrics_in(variable["query"]) <= exposed


def test_the_dashboard_shows_what_operators_ask_for() -> None:
    """Titles are what a runbook can name."""
    wanted = {"Job status count", "Execution time", "Retry and failure rate", "Lateness", "Queue depth", "Timer lag"}
    assert wanted | {"Notifications"} <= {panel["title"] for panel in DASHBOARD["panels"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_every_alert_says_what_to_do(alert: str) -> None:
    """Whoever is woken finds a page."""
    [rule] = [rule for rule in RULES if rule["alert"] == alert]
    assert (ROOT / rule["annotations"]["runbook"]).is_file()
