"""Whether what is there is what is wanted: an update that changes nothing still restarts functions, and takes long."""

import json
from collections.abc import Mapping
from typing import Any


def covers(found: Any, wanted: Any) -> bool:
    """Return whether all wanted values are present; others that are present are the service's defaults.

    Texts that hold JSON are compared by what they mean.
    """
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(covers(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(covers, found, wanted))
    return bool(found == wanted) or _same_json(found, wanted)


def _same_json(left: Any, right: Any) -> bool:
    if not isinstance(left, str) or not isinstance(right, str) or not right.startswith("{"):
        return False
    try:
        return bool(json.loads(left) == json.loads(right))
    except ValueError:
        return False
