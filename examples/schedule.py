"""A schedule: a job at half past two every night, in local time, with a rule for missed fires.

Shows an idempotent `PUT` (running this again changes nothing) and a preview of the next fires.

Run it beside `make up`:

    API=$(make -s url) TOKEN=$(make -s token) python3 examples/schedule.py
"""

import json
import os
import sys
import urllib.request
from typing import Any
from urllib.error import HTTPError

SCHEDULE = {
    "cron": "30 2 * * *",
    "timezone": "Europe/Berlin",
    # After an outage: run the latest missed fire, not all of them. A fire up to 5 minutes late is on time.
    "misfire": {"policy": "fire_once", "graceSeconds": 300},
    # The night's job is not started while the one of the night before still runs.
    "overlap": "skip",
    "job": {"type": "demo.greet", "payload": {"name": "Ada"}, "retries": 3, "priority": "low"},
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


def main() -> None:
    """Create the schedule, or change it to what is above, and print when it fires next."""
    schedule = call("PUT", "/schedules/nightly-greeting", SCHEDULE)
    print(f"{schedule['name']} is {schedule['state']}, next at {schedule['nextAt']}")
    for fire in call("GET", f"/schedules/{schedule['name']}/preview")["items"][:3]:
        print(f"  {fire['nominalAt']}  {fire['local']}")


if __name__ == "__main__":
    main()
