"""Deliveries: sending an event to one subscription is a job, with all that jobs have (docs/design/decisions/12)."""

from dataclasses import replace
from typing import Final

from whendue.jobs.due_index import first_check, live_partition, shard_of
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, Policy
from whendue.notifications.events import NotificationEvent
from whendue.notifications.subscription import Subscription
from whendue.quotas import NOTIFY_CONCURRENCY, NOTIFY_LANES, RETENTION_S
from whendue.settings import NOTIFICATIONS, Settings
from whendue.table.ids import Ids

PREFIX: Final = "notify."
# Ten attempts over 24.5 hours: at once, then after 6 s, 30 s, 2.5 min, 12.5 min, 1 h, 5.2 h, and thrice 6 h; what the
# example in Standard Webhooks' "Retries and failures" comes to. Without jitter: NOTIFY_CONCURRENCY keeps a crowd apart.
POLICY: Final = Policy(
    max_attempts=10, base_s=6, factor=5, cap_s=6 * 3600, jitter="none", timeout_s=20, retention_s=RETENTION_S
)


def delivery_job(
    event: NotificationEvent, to: Subscription, settings: Settings, ids: Ids, now_ms: int, fence: str
) -> Job:
    """Return the job that sends an event to a subscription, without its payload; the same for all who make it.

    Args:
        event: what to send.
        to: the subscription.
        settings: shards, lease and the due-index rule's numbers.
        ids: derives its id.
        now_ms: the time.
        fence: a mark that no other has.
    """
    # The spaces keep it apart from every Idempotency-Key of a user.
    job_id = ids.of_key(to.tenant, f"notify {to.name} {to.made} {event.event} {event.about}")
    return Job(
        id=job_id,
        tenant=to.tenant,
        type=f"{PREFIX}{to.terms.channel}",
        queue=NOTIFICATIONS,
        profile="default",
        due_pk=live_partition(NOTIFICATIONS, shard_of(job_id, settings.shards)),
        check_at=first_check(now_ms, settings.timing),
        due_at=now_ms,
        scheduled_at=now_ms,
        created_at=now_ms,
        request_hash=job_id.replace("-", "")[:24],
        policy=replace(POLICY, lease_s=settings.lease_s),
        # No name has a colon: no other key is the same.
        limit=Limit(NOTIFY_CONCURRENCY, None, f"notify:{shard_of(to.name, NOTIFY_LANES)}"),
        subscription=to.name,
        traceparent=event.traceparent,
        fence=fence,
    )
