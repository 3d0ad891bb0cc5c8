"""Starts further ticks of the timer: asynchronous invocations of its own function."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from whendue.adapters.throttle import NETWORK_ERRORS
from whendue.errors import UnavailableError


class LambdaInvoker:
    """Asynchronous invocations of one function.

    Args:
        client: makes boto3's `lambda` client; called when it is first needed, as most ticks need none.
        function: the function's name.
    """

    def __init__(self, client: Callable[[], Any], function: str) -> None:
        """Use this function."""
        self._client = client
        self._function = function

    def invoke(self, event: Mapping[str, Any]) -> None:
        """Invoke the function with an event.

        Raises:
            UnavailableError: it is not known to have been accepted.
        """
        try:
            self._client().invoke(FunctionName=self._function, InvocationType="Event", Payload=json.dumps(event))
        except (ClientError, *NETWORK_ERRORS) as error:
            raise UnavailableError("the timer cannot be invoked") from error
