"""Where the functions and the programs of the dev stack are: in the wheel below `carried`, or in the checkout.

And which variables the carried Terraform module gives to functions.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from whendue.errors import ConfigurationError
from whendue.quotas import WORKER_RESERVE_S
from whendue.settings import ALL_QUEUES, NOTIFICATIONS, WORKER_TIMEOUT_S, read_own_queues

# Processors of functions, in Lambda's words.
Architecture = Literal["arm64", "x86_64"]
_HERE: Final = Path(__file__)
# Below the root: layers/core/python/whendue/project.
_CHECKOUT: Final = _HERE.parents[5] if len(_HERE.parents) > 5 else _HERE.parent  # noqa: PLR2004
_NEEDED: Final = "localstack/project_services.py"
# Credentials and addresses of an account: what runs here talks to the emulator alone.
_DROPPED: Final = ("AWS_", "WHENDUE_TOKEN", "WHENDUE_URL", "WHENDUE_PROFILE", "WHENDUE_TABLE", "WHENDUE_SECRET")
# Accounts have twelve digits; no region has a shorter name.
_QUEUE: Final = "https://sqs.us-east-1.amazonaws.com/000000000000/{name}-{queue}"
_FUNCTIONS: Final = ("api", "dead_letter", "notifier", "timer", "worker")


def root() -> Path:
    """Return the folder with `functions`, `localstack`, `infra` and `requirements`.

    Raises:
        ConfigurationError: this installation has none.
    """
    found = next((folder for folder in (_HERE.parents[1] / "carried", _CHECKOUT) if (folder / _NEEDED).exists()), None)
    if found is None:
        raise ConfigurationError("this installation of whendue has no dev stack; install its wheel")
    return found


def environment(project: Path, *, first: Path | None = None, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a program of the dev stack.

    Args:
        project: the project's folder, whose `.local/` holds all that is made.
        first: on the import path before all else.
        base: this process's own environment.
    """
    carried = root()
    kept = {name: value for name, value in base.items() if not name.startswith(_DROPPED)}
    sources = [] if carried != _CHECKOUT else [str(_HERE.parents[2])]
    given = base.get("PYTHONPATH", "")
    path = [*([str(first)] if first else []), str(carried), *sources, *filter(None, given.split(os.pathsep))]
    return kept | {
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), base.get("PATH", "")))),
        "PYTHONPATH": os.pathsep.join(path),
        # Nothing is written beside installed files; and code that changes twice in a second, without changing its size,
        # would be taken from the cache of the first change.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "DEV_STACK_LOCAL": str(project / ".local"),
    }


def own_variables(
    name: str, tasks: list[str], timeout_s: int | None, own_queues: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return whendue's variables of the worker function, as short as they can be.

    `infra/terraform/functions.tf` measures those of each function, with all that its root sets.
    """
    urls = {queue: _QUEUE.format(name=name, queue=queue) for queue in (*ALL_QUEUES, *own_queues)}
    functions = (*_FUNCTIONS, *(f"worker-{queue}" for queue in own_queues))
    all_set = {queue: asdict(own) for queue, own in read_own_queues(json.dumps(own_queues)).items()}
    return ({"WHENDUE_OWN_QUEUES": json_text(all_set)} if own_queues else {}) | {
        "POWERTOOLS_SERVICE_NAME": "whendue",
        "WHENDUE_BUCKET": f"{name}-payloads-000000000000",
        "WHENDUE_DEAD_LETTER_QUEUE": _QUEUE.format(name=name, queue="dead_letter"),
        "WHENDUE_MAX_TIMEOUT_S": str((timeout_s or WORKER_TIMEOUT_S) - WORKER_RESERVE_S),
        "WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE": _QUEUE.format(name=name, queue=f"{NOTIFICATIONS}_dead_letter"),
        "WHENDUE_OWN_FUNCTIONS": ",".join(f"{name}-{function}" for function in functions),
        "WHENDUE_QUEUES": json_text(urls),
        "WHENDUE_SECRET_PARAMETER": f"/{name}/secret",
        "WHENDUE_SHARDS": "8",
        "WHENDUE_TABLE": f"{name}-jobs",
        "WHENDUE_TASKS": ",".join(tasks),
        "WHENDUE_VISIBILITY_S": "5400",
    }


def json_text(value: Mapping[str, Any]) -> str:
    """Return JSON as short as it can be."""
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))
