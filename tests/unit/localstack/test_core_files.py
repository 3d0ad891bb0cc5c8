"""localstack/build.py: what of whendue goes into the functions."""

from localstack.build import core_files
from localstack.paths import ROOT

SOURCE = ROOT / "layers/core/python"


def test_functions_carry_neither_the_client_nor_the_command_line_and_all_else() -> None:
    """Each cold start unpacks what is in the layer, and no function calls the API."""
    every = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")}
    carried = {name for name, _ in core_files()}
    assert {name for name in every if name not in carried} == {
        name for name in every if name.startswith(("whendue/cli/", "whendue/client/"))
    }
    assert {"whendue/cli/processes.py", "whendue/client/sync_client.py"} <= every
    assert {"whendue/py.typed", "whendue/metrics/prices.json"} <= carried
