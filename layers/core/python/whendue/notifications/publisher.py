"""Publisher: which subscriptions want an event, and the deliveries that notify them."""

import json
from collections.abc import Iterable, Sequence

from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, evolve
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import submit
from whendue.notifications.delivery_job import delivery_job
from whendue.notifications.events import NotificationEvent, event_names, events_from
from whendue.notifications.subscription import Subscription, from_item
from whendue.quotas import SUBSCRIBERS_REMEMBERED, SUBSCRIPTIONS_AGE_MS
from whendue.support.ttl_cache import TtlCache
from whendue.table.keys import subscription_key


class NotificationPublisher:
    """Knows the subscriptions. A process has one of these: a tenant's are read every 5 s at most."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime; nothing is known yet."""
        self._runtime = runtime
        self._cache: TtlCache[str, tuple[Subscription, ...]] = TtlCache(
            runtime.clock, SUBSCRIPTIONS_AGE_MS, SUBSCRIBERS_REMEMBERED
        )

    # --- the ends and failed attempts of jobs -----------------------------------------------------------------

    def wants(self, step: Transition) -> bool:
        """Return whether an active subscription wants an event of this transition; True also if that is unknown.

        Its events are an end (succeeded, dead, cancelled, expired), a failed attempt (`fail`), both, or none.
        """
        events = event_names(step)
        if not events:
            return False
        job = step.job
        try:
            known = self.known(job.tenant)
        except UnavailableError:
            return True
        facts = [
            NotificationEvent(event, "", 0, {}, job.type, job.queue, job.schedule, job.notify or "") for event in events
        ]
        return any(subscription.wants(event) for subscription in known for event in facts)

    def deliveries_for(self, jobs: Sequence[Job]) -> list[Transition]:
        """Return the deliveries to create for jobs whose fan-out is pending; creating one twice creates it once.

        For an ended job its end and, if its last attempt failed with it, that attempt; for a pending one its failed
        attempt.

        Raises:
            UnavailableError: the subscriptions cannot be read, or an event could not be stored.
        """
        deliveries = self._runtime.bulkhead.each(jobs, self._of_job, stage="notify", name=lambda job: job.id)
        return [made for _, each in deliveries for made in each]

    def _of_job(self, job: Job) -> list[Transition]:
        return [made for event in events_from(job) for made in self.deliveries_of(job.tenant, event)]

    # --- how --------------------------------------------------------------------------------------------------

    def deliveries_of(self, tenant: str, event: NotificationEvent) -> list[Transition]:
        """Return the deliveries of an event to all subscriptions that want it.

        Raises:
            UnavailableError: the subscriptions are unknown.
        """
        made = self._runtime.bulkhead.each(
            self.known(tenant),
            lambda subscription: self.to(subscription, event) if subscription.wants(event) else None,
            stage="notify",
            name=lambda subscription: f"{tenant}/{subscription.name}",
        )
        return [delivery_job for _, delivery_job in made if delivery_job]

    def to(self, subscription: Subscription, event: NotificationEvent) -> Transition:
        """Return the delivery of an event to one subscription.

        Raises:
            UnavailableError: the event could not be stored.
        """
        runtime, now_ms = self._runtime, self._runtime.clock.now_ms()
        job = delivery_job(event, subscription, runtime.settings, runtime.ids, now_ms, runtime.clock.new_id())
        text = json.dumps(event.payload(), ensure_ascii=False, separators=(",", ":"))
        placed = runtime.payloads.place_payload(job, text)
        made = evolve(job, payload=placed.inline, payload_at=placed.at)
        return submit(made, runtime.settings.timing, first=placed.write)

    def known(self, tenant: str) -> tuple[Subscription, ...]:
        """Return a tenant's subscriptions, at most 5 s old.

        Raises:
            UnavailableError: they cannot be read.
        """
        return self._cache.get(tenant, lambda: self._read(tenant))

    def forget(self, tenant: str) -> None:
        """Read a tenant's subscriptions again when they are next asked for: they were changed here."""
        self._cache.forget(tenant)

    def unknown(self, tenant: str, names: Iterable[str]) -> list[str]:
        """Return the names that no subscription has; one that was just created is known at once.

        Raises:
            UnavailableError: the subscriptions cannot be read.
        """
        wanted = list(names)
        if wanted and self._missing(tenant, wanted):
            self.forget(tenant)
            return self._missing(tenant, wanted)
        return []

    def _missing(self, tenant: str, names: Sequence[str]) -> list[str]:
        known = {subscription.name for subscription in self.known(tenant)}
        return [name for name in names if name not in known]

    def _read(self, tenant: str) -> tuple[Subscription, ...]:
        """Read a tenant's subscriptions; one that cannot be read gets nothing, and the others get theirs."""
        read = self._runtime.bulkhead.each(
            self._runtime.store.query(subscription_key(tenant, "").pk),
            lambda item: from_item(tenant, item),
            stage="subscription",
            name=lambda item: f"{tenant}/{item['sk']}",
        )
        return tuple(subscription for _, subscription in read)
