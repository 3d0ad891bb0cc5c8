"""The services that `whendue dev` works on: an emulator with table, bucket and queues, and no functions.

`python -m localstack.project_services` writes a line of JSON to its standard output as soon as they are there: the
variables of a process, a development token, and the code of a link to the dashboard. It stops the emulator when its
standard input ends, so that no emulator outlives `whendue dev`, however that ends.
"""

import json
import os
import sys

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
            sys.stdin.read()
    except (RuntimeError, ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


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
