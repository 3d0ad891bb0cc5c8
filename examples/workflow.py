"""A workflow: jobs that wait for each other, take each other's results, and run once for each item of a list.

Shows `dependsOn`, `{"$from": ...}`, `forEach`, and a branch that runs only if another one fails.

Run it beside `make up`:

    API=$(make -s url) TOKEN=$(make -s token) python3 examples/workflow.py
"""

import json
import os
import sys
import time
import urllib.request
from typing import Any
from urllib.error import HTTPError

GUESTS = {"$from": "invite", "path": "[greeting, greeting]"}
WORKFLOW = {
    "nodes": {
        "invite": {"type": "demo.greet", "payload": {"name": "Ada"}},
        # One job for each item of a list that the first job's result gives.
        "greet": {
            "type": "demo.greet",
            "dependsOn": ["invite"],
            "forEach": GUESTS,
            "payload": {"name": {"$item": "@"}},
        },
        "thank": {"type": "demo.greet", "dependsOn": ["greet"], "payload": {"name": "all guests"}},
        "excuse": {
            "type": "demo.greet",
            "dependsOn": [{"node": "greet", "on": "failure"}],
            "payload": {"name": "nobody, as a greeting failed"},
        },
    },
    "deadlineSeconds": 600,
}


def call(method: str, path: str, body: Any = None) -> Any:
    """Send a request to the API and return the answer's JSON; an error ends the program with the words of the API."""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["API"] + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)
    except HTTPError as error:
        sys.exit(error.read().decode())


def main() -> int:
    """Submit the workflow, wait for its end, and print how each node ended."""
    workflow = call("POST", "/workflows", WORKFLOW)
    while workflow["state"] not in {"succeeded", "dead", "cancelled", "expired"}:
        time.sleep(0.5)
        workflow = call("GET", f"/workflows/{workflow['id']}")
    for node in workflow["nodes"]:
        print(f"{node['name']:<8} {node['state']}")
    return 0 if workflow["state"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
