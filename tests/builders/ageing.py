"""A world in which months pass: a coarse clock, and TTL that deletes what has expired early, on time or days late."""

from collections import Counter
from typing import Any

from tests.builders.world import World
from whendue.jobs.lifetime import is_over
from whendue.jobs.model import Job, from_item
from whendue.table.keys import dependencies_key, job_key, payload_key, result_key
from whendue.table.writes import delete

DAY_S = 86_400
HOUR_S = 3600
BIG = {"text": "x" * 1000}
HUGE = {"text": "x" * 300_000}


class Ageing(World):
    """A world with TTL.

    Args:
        late_s: how long after its time TTL deletes an item; a little less than 0 for clocks that differ.
        step_s: how much time passes at once.
    """

    def __init__(self, late_s: int = 0, step_s: int = 6 * HOUR_S) -> None:
        super().__init__()
        self.late_s, self.step_s = late_s, step_s
        self.causes: Counter[str] = Counter()
        self.said_yes: Counter[tuple[str, int]] = Counter()
        self.task("mail", self._mail)
        self.failing: set[str] = set()
        self.task("flaky", self._flaky)

    def _mail(self, payload: Any, ctx: Any) -> Any:
        return self._once(payload, ctx)

    def _flaky(self, payload: Any, ctx: Any) -> Any:
        self._once(payload, ctx)
        if ctx.job_id in self.failing or getattr(payload, "fails", False) is True:
            raise RuntimeError("not yet")
        return payload.model_dump()

    def _once(self, payload: Any, ctx: Any) -> Any:
        if ctx.once("mail"):
            self.said_yes[ctx.job_id, ctx._job.created_at] += 1
        return payload.model_dump()

    def ttl(self) -> None:
        """Delete what has expired, as DynamoDB does."""
        until = self.clock.now_ms() // 1000 - self.late_s
        over = [key for key, item in self.table.items().items() if item.get("expires_at", until + 1) <= until]
        self.table.apply([delete("ttl", key) for key in over])

    def age(self, seconds: float) -> None:
        """Let time pass; what belongs to a job is there as long as the job, at each step."""
        until_ms = self.clock.now_ms() + round(seconds * 1000)
        while (now_ms := self.clock.now_ms()) < until_ms:
            self.clock.advance(min(self.step_s, (until_ms - now_ms) / 1000))
            self.tick()
            self.work()
            self.ttl()
            self.check()

    def all_jobs(self) -> list[Job]:
        """Read all jobs that are live or shown."""
        jobs = [from_item(item) for key, item in self.table.items().items() if key.sk == "job"]
        return [job for job in jobs if not is_over(job, self.clock.now_ms())]

    def check(self) -> None:
        """Fail if a live or shown job misses anything of its own."""
        items, blobs = self.table.items(), self.blobs
        for job in self.all_jobs():
            self.causes += Counter([job.last.type] if job.last else [])
            if job.payload is None:
                key = payload_key(job.id, job.request_hash, job.life)
                assert key in items if job.payload_at == "item" else blobs.get(job.payload_at or ""), (job, "payload")
            if job.result_at is not None:
                key = result_key(job.id, job.fence or "")
                assert key in items if job.result_at == "item" else blobs.get(job.result_at), (job, "result")
            if job.unmet_dependencies and job.member_count is None:
                assert dependencies_key(job.id, job.request_hash, job.life) in items, (job, "dependencies")
            for number in range(job.member_count or 0):
                member = job_key(self.app.runtime.ids.of_member(job.member_id_base, number))
                assert member in items, (job, "member", number)
        assert not [item for item, times in self.said_yes.items() if times > 1], "once said yes twice"

    def left(self) -> list[str]:
        """List what is left of jobs, in table and bucket."""
        keys = [f"{key.pk} {key.sk}" for key in self.table.items() if key.pk.startswith("JOB#")]
        return keys + list(self.blobs.texts)
