"""localstack/build.py: what of whendue goes into the functions."""

from localstack.build import core_files
from localstack.paths import ROOT

SOURCE = ROOT / "layers/core/python"


def test_functions_carry_all_but_what_runs_on_a_laptop() -> None:
    """Each cold start unpacks what is in the layer; no function calls the API or starts a dev stack."""
    every = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")}
    carried = {name for name, _ in core_files()}
    left_out = tuple(
        f"whendue/{package}/" for package in ("cli", "client", "direct", "migration", "project", "testing")
    )
    left_out += ("whendue/adapters/memory/", "whendue/containers/")
    # Of containers, a function starts the process of a suspect.
    started = {f"whendue/containers/{name}.py" for name in ("__init__", "isolated", "log")}
    expected = {name for name in every if name.startswith(left_out)} - started
    # A build describes the tasks.
    expected |= {f"whendue/manifest/{name}.py" for name in ("describe", "packed")}
    assert {name for name in every if name not in carried} == expected
    assert {"whendue/client/sync_client.py", "whendue/project/dev.py"} <= every
    assert {"whendue/py.typed", "whendue/metrics/prices.json"} <= carried
