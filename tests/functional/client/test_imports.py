"""`import whendue.client` loads httpx and little else: a service that submits jobs installs and starts no server."""

import json
import subprocess
import sys

import pytest

LOADED = "import sys; before = set(sys.modules); {}; import json; print(json.dumps(sorted(set(sys.modules) - before)))"
HEAVY = {
    *("aws_lambda_powertools", "boto3", "botocore", "croniter", "cryptography", "jmespath", "jwt", "opentelemetry"),
    *("prometheus_client", "pydantic", "urllib3"),
}
OURS = {"whendue", "whendue.support", "whendue.support.clock", "whendue.version"}


def loaded(statement: str) -> set[str]:
    command = [sys.executable, "-c", LOADED.format(statement)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("statement", ["import whendue.client", "from whendue import Client, AsyncClient"])
def test_the_client_loads_nothing_of_the_server(statement: str) -> None:
    """Neither its libraries nor its modules."""
    modules = loaded(statement)
    assert "httpx" in modules
    assert {name.split(".")[0] for name in modules} & HEAVY == set()
    assert {name for name in modules if name.startswith("whendue") and "client" not in name} == OURS


def test_whendue_itself_loads_no_client() -> None:
    """Each module of the server imports `whendue`."""
    assert {name for name in loaded("import whendue") if name.startswith(("whendue.", "httpx"))} == set()


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    """As before."""
    import whendue

    with pytest.raises(AttributeError, match="no attribute 'Clients'"):
        whendue.Clients  # noqa: B018
    assert whendue.Client is whendue.client.Client
