"""Write the generated parts of the docs: `make docs`. A test fails while they are not current.

A generated part stands between `<!-- generated: name -->` and `<!-- end -->`.
"""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from functions.api.app import PUBLIC, make_resolver, routes_of
from functions.api.http.openapi import document
from functions.api.http.problems import STATUS
from functions.api.http.scopes import scope_of
from functions.api.schemas.metrics import METRICS
from scripts import cli_page, costs
from scripts.state_diagram import ARROWS, CONSTRUCTORS
from scripts.table import table
from scripts.typescript_routes import typescript
from whendue import aws_quotas, quotas, schedule_quotas, task_quotas
from whendue.bulk import quotas as bulk_quotas
from whendue.metrics.model import BOUNDS_MS
from whendue.metrics_export import COST, COUNTS, LAG

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "api/openapi.json"
TYPESCRIPT_ROUTES = ROOT / "clients/typescript/src/routes.ts"
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def openapi() -> str:
    """Return the OpenAPI document."""
    return json.dumps(document(make_resolver()), indent=2, sort_keys=True) + "\n"


def diagram() -> str:
    """Draw the state machine from its transitions."""
    names: dict[tuple[str, str], list[str]] = {}
    for edge in ARROWS:
        source = edge.source.value if edge.source else "[*]"
        names.setdefault((source, edge.target.value), []).append(edge.name)
    arrows = [f"    {source} --> {target}: {', '.join(each)}" for (source, target), each in names.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    direction LR", *arrows, "```"])


def transition_table() -> str:
    """List the transitions with what their constructors say of themselves."""
    rows: dict[str, list[str]] = {}
    for edge in ARROWS:
        source = edge.source.value if edge.source else ""
        rows.setdefault(edge.name, []).append(f"{source} → {edge.target.value}")
    return table(
        ["transition", "from → to", "what it does"],
        [[f"`{name}`", "<br>".join(arrows), _first_line(CONSTRUCTORS[name])] for name, arrows in rows.items()],
    )


def route_table() -> str:
    """List the routes with their scopes."""
    routes = sorted(routes_of(make_resolver()), key=lambda route: (route.path in PUBLIC, route.path, route.method))
    rows = [
        [
            f"`{route.method} {route.path.replace('<', '{').replace('>', '}')}`",
            route.summary or _first_line(route.func),
            "" if route.path in PUBLIC else f"`{scope_of(route.method, route.path)}`",
        ]
        for route in routes
    ]
    return table(["request", "", "scope"], rows)


def code_table() -> str:
    """List the errors that a client can get."""
    rows = sorted((status.value, error.code, _first_line(error)) for error, status in STATUS.items())
    return table(["status", "code", ""], [[str(status), f"`{code}`", text] for status, code, text in rows])


def quota_table() -> str:
    """List the quotas, in the sections of their modules."""
    modules = (aws_quotas, quotas, schedule_quotas, bulk_quotas, task_quotas)
    return table(["area", "quota", "value"], [row for module in modules for row in _quotas_of(module)])


def _quotas_of(module: ModuleType) -> list[list[str]]:
    rows, source = [], Path(str(module.__file__)).read_text()
    sections = {
        number: line.strip("# -") for number, line in enumerate(source.splitlines(), 1) if line.startswith("# ---")
    }
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            section = next(sections[number] for number in sorted(sections, reverse=True) if number < node.lineno)
            name = node.targets[0].id
            value = getattr(module, name)
            values = value if isinstance(value, tuple) else (value,)
            rows.append([section, f"`{name}`", ", ".join(f"{value:,}" for value in values)])
    return rows


def metric_table() -> str:
    """List what Prometheus gets."""
    rows = []
    for name, metric in METRICS.items():
        kind = metric.kind(name, metric.description).type
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append([f"`{name}{'_total' * (kind == 'counter')}`", kind, labels, metric.description])
    return table(["metric", "type", "labels", ""], rows)


def emf_table() -> str:
    """List what CloudWatch gets."""
    counts = [[f"`{name}`", "Count", "a sum"] for name in COUNTS]
    times = [[f"`{name}_seconds`", "Seconds", "each time"] for name in BOUNDS_MS]
    more = [[f"`{LAG}`", "Seconds", "each tick"], [f"`{COST}`", "None", "an estimate in US dollars, a sum"]]
    return table(["metric", "unit", ""], [*counts, *times, *more])


PARTS: dict[str, Callable[[], str]] = {
    "diagram": diagram,
    "transitions": transition_table,
    "routes": route_table,
    "codes": code_table,
    "quotas": quota_table,
    "metrics": metric_table,
    "emf": emf_table,
    "jobcosts": costs.job_table,
    "partcosts": costs.part_table,
    "tickcosts": costs.tick_table,
    "queuecosts": costs.queue_table,
    "idlecosts": costs.idle_table,
    "comparison": costs.comparison_table,
    "prices": costs.price_table,
    "commands": cli_page.commands,
    "exitcodes": cli_page.exit_codes,
}


def generated() -> dict[Path, str]:
    """Return the OpenAPI document, the TypeScript routes and every page with generated parts, as they should be."""
    pages = {OPENAPI: openapi(), TYPESCRIPT_ROUTES: typescript()}
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text()
        if PART.search(text):
            pages[path] = PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", text)
    return pages


def _first_line(described: object) -> str:
    return (described.__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    for page, text in generated().items():
        page.write_text(text)
