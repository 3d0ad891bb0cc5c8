"""A webhook receiver: verifies the signature of each notification before it believes a word of it.

Shows Standard Webhooks (HMAC-SHA256, `v1`) with the standard library alone, a tolerance for the timestamp, and how a
repetition is recognised by its id.

Run it with the secret from the reply of `PUT /subscriptions/{name}`:

    WEBHOOK_SECRET=whsec_... python3 examples/webhook_receiver.py

whendue sends webhooks to public https addresses only. For a receiver on this machine start the stack with
`WHENDUE_HTTP_ALLOW=127.0.0.1:9000 make up`.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_S = 300
SEEN: set[str] = set()  # a real receiver keeps the ids of the last days in its database


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> Any:
    """Return the event of a request that whendue signed.

    Raises:
        KeyError, ValueError: it is not signed, not with this secret, or not now.
    """
    sent_s, key = headers["webhook-timestamp"], base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((headers["webhook-id"].encode(), sent_s.encode(), body))
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # For a day after a rotation there are two signatures. compare_digest takes the same time for every wrong one.
    if not any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split()):
        raise ValueError("the signature is wrong")
    if abs(now_s - int(sent_s)) > TOLERANCE_S:
        raise ValueError("the timestamp is too old, or in the future")
    return json.loads(body)


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it has taken, also the second time; whendue repeats what is not answered with 2xx."""

    def do_POST(self) -> None:
        """Take one notification."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            event = verify(os.environ["WEBHOOK_SECRET"], headers, body, time.time())
        except (KeyError, TypeError, ValueError):
            self.send_error(401)
            return
        if self.headers["webhook-id"] not in SEEN:
            print(event["type"], event["data"].get("jobId", ""))
            SEEN.add(self.headers["webhook-id"])
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 9000), Receiver).serve_forever()
