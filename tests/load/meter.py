"""Count the AWS calls that a stack makes: on MiniStack by its CloudTrail, which writes down every request."""

import json
from collections import Counter
from typing import Any

import httpx

# What MiniStack keeps, and the most that one look-up gives: ministack/services/cloudtrail.py of 1.5.33.
KEPT = 10_000
PAGE = 50
TIMEOUT_S = 30
TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
# MiniStack finds the service in the credential's scope and checks no signature. boto3 would round times to seconds.
SCOPE = "test/20260101/us-east-1/cloudtrail/aws4_request"
CREDENTIAL = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0"
SERVICES = ("dynamodb.amazonaws.com", "sqs.amazonaws.com", "s3.amazonaws.com")


class Meter:
    """Counts from `start` to `stop`.

    Args:
        endpoint_url: the emulator; None if there is none, or it is not known.
    """

    def __init__(self, endpoint_url: str | None) -> None:
        self.endpoint_url = endpoint_url
        self.began_s = 0.0

    def start(self, now_s: float) -> None:
        """Begin to count."""
        self.began_s = now_s
        self._record(on=True)

    def stop(self) -> Counter[str] | None:
        """Return the calls by their names; None if they could not all be counted."""
        self._record(on=False)
        if self.endpoint_url is None:
            return None
        calls, seen, end_s = Counter[str](), set[str](), None
        while page := [
            item for item in _look_up(self.endpoint_url, self.began_s, end_s) if item["EventId"] not in seen
        ]:
            seen |= {item["EventId"] for item in page}
            calls.update(item["EventName"] for item in page if item["EventSource"] in SERVICES)
            end_s = page[-1]["EventTime"]
        return calls if 0 < len(seen) < KEPT else None

    def _record(self, *, on: bool) -> None:
        """Switch the recording; of an emulator that has none, nothing is known."""
        if self.endpoint_url is None:
            return
        wanted = {"cloudtrail._recording_enabled": str(on).lower()}
        if httpx.post(f"{self.endpoint_url}/_ministack/config", json=wanted, timeout=TIMEOUT_S).is_error:
            self.endpoint_url = None


def _look_up(endpoint_url: str, begin_s: float, end_s: float | None) -> list[dict[str, Any]]:
    """Return the latest calls between two times, the latest first."""
    wanted = {"StartTime": begin_s, "MaxResults": PAGE} | ({"EndTime": end_s} if end_s else {})
    headers = {"X-Amz-Target": TARGET, "Authorization": CREDENTIAL, "Content-Type": "application/x-amz-json-1.1"}
    reply = httpx.post(endpoint_url, content=json.dumps(wanted), headers=headers, timeout=TIMEOUT_S)
    events: list[dict[str, Any]] = reply.raise_for_status().json()["Events"]
    return events
