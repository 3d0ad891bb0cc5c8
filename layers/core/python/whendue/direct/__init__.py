"""Direct mode: the client of the API for code in the same AWS account, without HTTP and tokens (docs/guide/direct.md).

Start with `client`. `transport` answers the client's requests with the API's code in this process; `api_code` finds it.
Imports `client`, `bootstrap`, `containers` and `project`, and below.
"""

from whendue.direct.client import AsyncDirectClient, DirectClient, environment_app
from whendue.direct.identity import ALL, OWN
from whendue.direct.transaction import TransactItems
from whendue.direct.transport import InProcess

__all__ = ["ALL", "OWN", "AsyncDirectClient", "DirectClient", "InProcess", "TransactItems", "environment_app"]
