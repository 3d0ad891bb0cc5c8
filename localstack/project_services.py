"""The services that `whendue dev` works on: an emulator with table, bucket and queues, and no functions.

`python -m localstack.project_services` writes a line of JSON to its standard output as soon as they are there: the
variables of a process, a development token, and the code of a link to the dashboard. A line of its standard input has
variables that have changed, null for those that are gone; it deploys again, and writes such a line anew. It stops the
emulator when its standard input ends, so that no emulator outlives `whendue dev`, however that ends.
"""

import json
import os
import sys
from collections.abc import Mapping

from localstack import emulator, sign_in_link, token
from localstack.deploy import deploy_services, mail
from localstack.deploy.clients import Clients
from localstack.environment import of_emulator
from localstack.paths import LOCAL
from whendue.errors import ConfigurationError


def main() -> int:
    """Run the services until the standard input ends; return the exit code."""
    try:
        with emulator.running(LOCAL) as running:
            print(json.dumps(_described(running.endpoint_url)), flush=True)
            for line in sys.stdin:
                _change(json.loads(line))
                print(json.dumps(_described(running.endpoint_url)), flush=True)
    except (RuntimeError, ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _change(variables: Mapping[str, str | None]) -> None:
    for name in variables:
        os.environ.pop(name, None)
    os.environ.update({name: value for name, value in variables.items() if value is not None})


def _described(endpoint_url: str) -> dict[str, object]:
    # What the shell or whendue.toml says of whendue's settings holds.
    asked = {name: value for name, value in os.environ.items() if name.startswith("WHENDUE_")}
    signing = token.environment(token.secret(), token.deployment_secret())
    clients = Clients(endpoint_url)
    services = deploy_services(clients, "whendue", environment=mail.SETTINGS | sign_in_link.SETTINGS | asked | signing)
    made = token.make()
    code = sign_in_link.make_code(clients, services.addresses.table, made)
    return {"environment": services.variables | of_emulator(endpoint_url), "token": made, "code": code}


if __name__ == "__main__":
    sys.exit(main())
