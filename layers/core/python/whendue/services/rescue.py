"""Rescue: look at jobs whose alarm rang unheard and heal them, a bounded number per tick."""

from collections.abc import Sequence
from typing import NamedTuple

from whendue.domain.agenda import rescue_before
from whendue.domain.job import Job, State
from whendue.domain.rescue import decide
from whendue.domain.transitions import Transition
from whendue.errors import UnavailableError
from whendue.limits import BACKLOG_MESSAGES, DYNAMODB_MAX_STATEMENTS, RESCUES_PER_PARTITION
from whendue.ports import AgendaEntry
from whendue.services.cursors import Cursor
from whendue.services.outside import Ports
from whendue.services.promote import current
from whendue.services.record import record_and_send


class Rescued(NamedTuple):
    """What rescue did: jobs looked at, and what it did to how many (`send`, `wait`, `die`, `bury`)."""

    looked: int
    healed: dict[str, int]


class Rescue:
    """Heals jobs. Made anew for each tick: it asks each queue for its backlog once at most."""

    def __init__(self, ports: Ports) -> None:
        """Use these ports."""
        self._ports = ports
        self._backed_up: dict[str, bool] = {}

    def walk(self, cursor: Cursor, promoted_to: AgendaEntry | None, limit: int = RESCUES_PER_PARTITION) -> Rescued:
        """Look at old alarms in one partition, from the rescue cursor on; at the end it starts over with the next tick.

        Args:
            cursor: the partition's rescue position; moved.
            promoted_to: where promote stood when this tick began: what this tick promotes is not looked at.
            limit: at most so many jobs.
        """
        if promoted_to is None:
            return Rescued(0, {})
        until_ms = min(rescue_before(self._ports.effects.now_ms(), self._ports.settings.timing), promoted_to.alarm_at)
        page = self._ports.store.agenda(cursor.partition, after=cursor.position, until_ms=until_ms, limit=limit)
        rescued = self.heal([job for job in current(self._ports.store, cursor.partition, page) if job])
        cursor.move(page[-1] if len(page) == limit else None)
        return Rescued(len(page), rescued.healed)

    def heal(self, jobs: Sequence[Job]) -> Rescued:
        """Decide about jobs and carry it out, in batches."""
        now_ms = self._ports.effects.now_ms()
        decided = [decide(job, now_ms, backed_up=self._is_backed_up(job)) for job in jobs]
        steps = [step for step in decided if step]
        healed: dict[str, int] = {}
        for start in range(0, len(steps), DYNAMODB_MAX_STATEMENTS):
            part = steps[start : start + DYNAMODB_MAX_STATEMENTS]
            outcomes = record_and_send(self._ports.store, self._ports.queue, part, now_ms)
            for step, outcome in zip(part, outcomes, strict=True):
                if outcome.done:
                    healed[_name(step)] = healed.get(_name(step), 0) + 1
        return Rescued(len(jobs), healed)

    def _is_backed_up(self, job: Job) -> bool:
        """Say whether a late message is likely just late; a queue that does not answer counts as backed up."""
        if job.state is not State.PENDING:
            return False
        if job.queue not in self._backed_up:
            try:
                self._backed_up[job.queue] = self._ports.queue.backlog(job.queue) > BACKLOG_MESSAGES
            except UnavailableError:
                self._backed_up[job.queue] = True
        return self._backed_up[job.queue]


def _name(step: Transition) -> str:
    if step.name != "move_alarm":
        return step.name
    return "send" if step.send else "wait"
