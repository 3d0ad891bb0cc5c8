"""infra/monitoring: its dashboard's and its rules' queries, and the metrics that these name."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[2] / "infra/monitoring"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "grafana/dashboards/whendue.json").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((MONITORING / "prometheus/rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
# Grafana's own names in queries, as it puts them in.
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$queue": ".*", "$type": ".*"}


def queries() -> dict[str, str]:
    """Return every query as Prometheus gets it: of each panel's targets, and of each rule."""
    panels = {
        f"{panel['title']}, {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }
    for name, value in VARIABLES.items():
        panels = {title: query.replace(name, value) for title, query in panels.items()}
    return panels | {rule["alert"]: rule["expr"] for rule in RULES}


def metrics_in(query: str) -> set[str]:
    """Name the metrics of ours in a query, or in a variable of the dashboard."""
    return set(re.findall(r"\bwhendue_\w+", query))
