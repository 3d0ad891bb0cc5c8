"""One-time links to the dashboard of a dev stack: whoever opens one is signed in, once, within ten minutes."""

import secrets
import time
from typing import Final

from localstack.deploy.clients import Clients
from whendue.adapters.dynamodb.attribute_values import to_attribute
from whendue.table.keys import sign_in_key

# Of the functions, or of the processes, of a dev stack.
SETTINGS: Final = {"WHENDUE_DASHBOARD_LINKS": "true"}
LIFETIME_S: Final = 600


def make_code(clients: Clients, table: str, token: str) -> str:
    """Store a token for a link; return the link's code, of which the table has the hash alone.

    Args:
        clients: of the emulator.
        table: the stack's.
        token: what whoever opens the link gets.
    """
    code = secrets.token_urlsafe(32)
    item = {**sign_in_key(code)._asdict(), "token": token, "expires_at": int(time.time()) + LIFETIME_S}
    clients.dynamodb.put_item(TableName=table, Item={name: to_attribute(value) for name, value in item.items()})
    return code


def link(dashboard_url: str, code: str) -> str:
    """Return the link. The code is in the fragment, which no browser sends: it stands in no log of a server.

    Args:
        dashboard_url: with a slash at its end.
        code: as `make_code` returns it.
    """
    return f"{dashboard_url}#sign-in={code}"
