"""What distinguishes one version of a job from the next: what a caller saw, and may insist on (If-Match)."""

import hashlib
import json
from typing import Final

from whendue.jobs.model import Job, to_item

# What the timer, a heartbeat or another job changes makes no new version: no caller decides by it.
_INTERNAL: Final = frozenset(
    {
        "check_at",
        "due_pk",
        "expires_at",
        "fingerprint",
        "has_dependents",
        "lease_until",
        "live_shard",
        "pending_fan_out",
        "rescues",
    }
)


def revision(job: Job) -> str:
    """Name the version of a job: 16 hexadecimal digits, others for any other version."""
    item = {name: value for name, value in to_item(job).items() if name not in _INTERNAL}
    text = json.dumps(item, sort_keys=True, default=sorted)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
