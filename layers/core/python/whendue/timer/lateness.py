"""Decide whether a message is late or lost, in a queue with a backlog: by what has been received already.

Messages of one tenant are received about in the order in which they were sent, and those of a tenant with few messages
before those of one with many. So a message is lost if later ones of its own tenant have been received, or later ones
of every known tenant. Source of the second rule:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

from whendue.jobs.model import Job, State
from whendue.jobs.rescue_policy import interval_ms
from whendue.quotas import OVERTAKEN_MS


def sent_at(job: Job) -> int:
    """Return when the job's last message became visible, ms UTC."""
    if job.state is State.PENDING and job.rescues:
        return (job.check_at or 0) - interval_ms(job.rescues - 1)
    return max(job.due_at, job.scheduled_at)


class Received:
    """How far the messages of a queue have been received, by tenant, as far as its running jobs show."""

    def __init__(self) -> None:
        """Start with no jobs."""
        self._newest: dict[str, int] = {}

    def note(self, job: Job) -> None:
        """Note a job: a running one has been received."""
        if job.state is State.RUNNING:
            self._newest[job.tenant] = max(self._newest.get(job.tenant, 0), sent_at(job))

    def is_past(self, job: Job) -> bool:
        """Return whether messages that were sent well after the job's have been received already."""
        if not self._newest:
            return False
        reached = max(self._newest.get(job.tenant, 0), min(self._newest.values()))
        return sent_at(job) + OVERTAKEN_MS < reached
