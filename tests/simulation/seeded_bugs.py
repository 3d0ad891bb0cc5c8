"""Bugs planted by hand, of the kind that schedulers have; the simulator must find each and show how it came about."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.simulation.mutants import put_in_place


@dataclass(frozen=True, slots=True)
class SeededBug:
    """A bug.

    Args:
        name: what it is.
        module: where it is planted.
        good: the code.
        bad: what it becomes.
        found: the violation that shows it, a regular expression.
        where: the scenario in which it must be found.
    """

    name: str
    module: str
    good: str
    bad: str
    found: str
    where: str

    def put_in_place(self) -> None:
        """Let this process run it from now on."""
        module = importlib.import_module(self.module)
        source = Path(str(module.__file__)).read_text()
        assert source.count(self.good) == 1, f"{self.name}: the code has changed, {self.good!r} is not in it once"
        put_in_place(module, source.replace(self.good, self.bad))


TRANSITIONS: Final = "whendue.jobs.transitions"
SENT: Final = "    acknowledged = send(runtime.queue, turns, runtime.clock.now_ms(), runtime.bulkhead)\n"
SEEDED_BUGS: Final = (
    SeededBug(
        "the fence check dropped from complete",
        TRANSITIONS,
        'return finish("succeed", job, held(job), State',
        'return finish("succeed", job, [Is("state", State.RUNNING.value)], State',
        "G5",
        "long, kept by heartbeats",
    ),
    SeededBug(
        "a change of a job that takes the place of the one before",
        "whendue.jobs.transition",
        "job=job, keep=_keep_change(before))",
        "job=job)",
        "changes .* were made",
        "rescheduled twice",
    ),
    SeededBug(
        "an expiry that does not look whether its job has begun",
        TRANSITIONS,
        'return finish("expire", job, as_read(job), State.EXPIRED, now_ms)',
        'return finish("expire", job, as_read(job)[:1], State.EXPIRED, now_ms)',
        "a job expired that had begun|took a job from running to expired",
        "expires by some clocks",
    ),
    SeededBug(
        "a claim that does not look at the expiry",
        "whendue.worker.claimer",
        "        timely = self.end_expired(unpaused.passed, now_ms)\n",
        "        timely = unpaused\n",
        "after its expiry",
        "expires by some clocks",
    ),
    SeededBug(
        "a redrive that keeps a unique key which was released",
        TRANSITIONS,
        "    if job.unique and not (",
        "    if False and not (",
        "two jobs hold a unique key|that it had let go",
        "unique, cancelled and redriven",
    ),
    SeededBug(
        "a replacement that does not cancel the job that it replaces",
        "whendue.submission.unique_jobs",
        ", skip(holder, REPLACED, message, now_ms)]",
        "]",
        "two jobs hold a unique key",
        "unique, replaced",
    ),
    SeededBug(
        "a fire whose key is held leaves no note at its job's id",
        "whendue.submission.unique_jobs",
        "    return job.life is not None or job.nominal_at is not None\n",
        "    return job.life is not None\n",
        "was skipped, and ran",
        "unique, fires of a schedule",
    ),
    SeededBug(
        "a timer that serves the queues of whendue alone",
        "whendue.timer.tick",
        "dict.fromkeys(self._runtime.settings.all_queues, every)",
        "dict.fromkeys(self._runtime.settings.all_queues[:5], every)",
        "G3: .* is still pending",
        "later in queues of one's own",
    ),
    SeededBug(
        "a bulk operation that does not look at what it has done before",
        "whendue.bulk.carrying",
        "        if change_number(job) == planned.asked:\n",
        "        if True:\n",
        "jobs were changed",
        "in bulk, redriven",
    ),
    SeededBug(
        "a bulk operation that plans a piece for each process",
        "whendue.bulk.service",
        "        return piece if result.done else piece_from(result.current or {})\n",
        "        return piece\n",
        "that was in no piece|jobs were changed|changed a job twice",
        "in bulk, redriven by ids",
    ),
    SeededBug(
        "the next check not moved on retry",
        TRANSITIONS,
        '    changes |= {"state": State.PENDING, "failures": failures, "last": error}\n',
        '    changes |= {"state": State.PENDING, "failures": failures, "last": error}\n    del changes["check_at"]\n',
        "its next check did not",
        "retried",
    ),
    SeededBug(
        "the cursor advanced before the sends are acknowledged",
        "whendue.timer.promote",
        SENT,
        "    move_cursors(runtime.bulkhead, [(page.cursor, page.entries[-1]) for page in pages])\n" + SENT,
        "G6: .* late",
        "promoted by the timer",
    ),
    SeededBug(
        "Failed[] ignored",
        "whendue.engine.apply",
        "        sent |= {job.id: done for (job, _), done in zip(messages, acknowledged, strict=True)}\n",
        "        sent |= {job.id: True for job in part}\n",
        "G6: .* late",
        "promoted by the timer",
    ),
    SeededBug(
        "a claim allowed before due",
        "whendue.worker.processor",
        "        elif job.due_at > now_ms:\n",
        "        elif job.due_at > now_ms + 86_400_000:\n",
        "G6",
        "clocks that differ",
    ),
    SeededBug(
        "the generation not raised on reschedule",
        TRANSITIONS,
        "    partition = live_partition(queue, job.shard)\n",
        '    partition = live_partition(queue, job.shard)\n    del changes["generation"]\n',
        "within a generation",
        "rescheduled twice",
    ),
    SeededBug(
        "rescue that resends under backlog",
        "whendue.jobs.rescue_policy",
        "job.state is State.PENDING and late",
        "False",
        "G11",
        "overload",
    ),
    SeededBug(
        "a pause that workers do not ask about",
        "whendue.worker.claimer",
        "            if is_paused is False:\n",
        "            if is_paused in (False, True):\n",
        "after its pause began",
        "paused while it waits",
    ),
    SeededBug(
        "a pause that is unknown taken for none",
        "whendue.worker.claimer",
        "            return Stage([], [kept(message) for message, _ in group])\n",
        "            return Stage(list(group), [])\n",
        "after its pause began",
        "paused while it waits",
    ),
    SeededBug(
        "rescue that sends paused jobs",
        "whendue.jobs.rescue_policy",
        "None if paused else postpone_check",
        "postpone_check",
        "G11",
        "tenant paused, for long",
    ),
    SeededBug(
        "a paused message given back, not dropped",
        "whendue.worker.claimer",
        'done(message, "paused")',
        'kept(message, "paused")',
        "received twice",
        "paused, for longer than messages hide",
    ),
    SeededBug(
        "receive count used for attempts",
        "whendue.worker.completer",
        "        over = to_transition(\n            claimed_job.job,\n",
        "        from whendue.jobs.model import evolve\n"
        "        over = to_transition(\n"
        "            evolve(claimed_job.job, failures=claimed_job.message.receive_count - 1),\n",
        "failures",
        "retried",
    ),
    SeededBug(
        "a fan-out finished before its deliveries are stored",
        "whendue.engine.fan_out",
        "        self._notify(jobs)\n",
        "        self._note(jobs, {job.id: self._next_dependents(job) for job in jobs})\n        self._notify(jobs)\n",
        "G8: nobody was told",
        "told of a success",
    ),
    SeededBug(
        "a delivery that is another one each time",
        "whendue.notifications.delivery_job",
        '    job_id = ids.of_key(to.tenant, f"notify {to.name} {to.made} {event.event} {event.about}")\n',
        "    job_id = ids.of_key(to.tenant, fence)\n",
        "G8: a second delivery",
        "told of a success",
    ),
    SeededBug(
        "what a stale worker found told, too",
        "whendue.engine.commit",
        "if result.done and step.job.pending_fan_out is not None]",
        "if step.job.pending_fan_out is not None]",
        "did not happen",
        "told of a failed attempt, by frozen workers",
    ),
    SeededBug(
        "a tenant that is not noted before its dead jobs",
        "whendue.engine.apply",
        "        if is_listed_as_dead(step) and step.job.tenant not in runtime.dead_tenants:\n",
        "        if False:\n",
        "out of an operator's sight",
        "exhausted",
    ),
    SeededBug(
        "a page that begins behind jobs that were not shown",
        "whendue.operations.listing",
        "            merged.keep(taken, used)\n",
        "            merged.keep(taken, len(taken))\n",
        "a job that matches all the time is not listed",
        "listed as others come and go",
    ),
    SeededBug(
        "messages deleted when their jobs are claimed",
        "whendue.worker.job_stream",
        "return Begun(len(claimed.passed), decoded.left + claimed.left, suspects)",
        "left = [Left(message, None, keep=False) for message, _ in decoded.passed]\n"
        "        return Begun(len(claimed.passed), left, suspects)",
        "a worker has settled a message and still holds its job",
        "containers: more jobs than threads",
    ),
)
