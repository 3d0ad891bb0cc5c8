"""Suspects: jobs whose worker died. Each runs in a process of its own, so that it takes no neighbour with it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from whendue.engine.ports import Isolated, Isolation, ReceivedMessage
from whendue.engine.runtime import Runtime
from whendue.engine.stage import Left, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State, from_item
from whendue.quotas import (
    DEADLY_REMEMBERED,
    DEADLY_S,
    GIVEN_BACK,
    ISOLATED_EXTRA_S,
    NO_ROOM_VISIBILITY_S,
    SUSPECTS_WAITING,
    TRUSTED_RECEIVES,
)
from whendue.worker.batch_runner import LOOK_MS, DrainAt
from whendue.worker.claimed_job import Received

# Time kept to read the result of a process that records as late as it may.
RESULT_WAIT_MS = 500


class _Running(NamedTuple):
    message: ReceivedMessage
    job: Job
    process: Isolated
    until_ms: int


class KillerTypes:
    """Tasks that killed their process lately: their tenant's jobs run apart from their first attempt on.

    Otherwise a tenant that goes on submitting such jobs takes a worker down with each. One worker process has one of
    these; its threads share it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._until_ms: dict[tuple[str, str], int] = {}

    def died_of(self, job: Job, now_ms: int) -> None:
        """Remember that a job that ran alone killed its process."""
        kind = (job.tenant, job.type)
        self._until_ms.pop(kind, None)
        self._until_ms[kind] = now_ms + DEADLY_S * 1000
        while len(self._until_ms) > DEADLY_REMEMBERED:
            self._until_ms.pop(next(iter(self._until_ms)), None)

    def has(self, job: Job, now_ms: int) -> bool:
        """Return whether a job of this tenant and type killed its process lately."""
        return self._until_ms.get((job.tenant, job.type), 0) > now_ms


class Suspects:
    """Runs suspects: those of a batch, or those that a worker in a container receives one after another.

    Args:
        runtime: the outside.
        isolation: starts processes.
        killers: remembers those that kill their process.
        deadline_ms: when this process may be stopped, ms UTC.
        drain_at: as in `BatchProcessor.handle`.
    """

    def __init__(
        self, runtime: Runtime, isolation: Isolation, killers: KillerTypes, deadline_ms: int, drain_at: DrainAt | None
    ) -> None:
        """Begin with none."""
        self._runtime = runtime
        self._isolation = isolation
        self._killers = killers
        self._end_ms = deadline_ms - RESULT_WAIT_MS
        self._drain_at = drain_at
        self._running: list[_Running] = []
        self._waiting: list[Received] = []
        self._left: list[Left] = []
        self._keep_at_ms = 0

    def begin(self, suspects: Sequence[Received]) -> None:
        """Start as many as there is room for; the messages of others stay for other workers, the first few times.

        None is given back until SQS gives up on it: it would be taken for one that kills each worker that receives it.
        """
        for message, job in suspects:
            if self._start(message, job):
                continue
            if message.receive_count <= self._given_back():
                self._give_back(message, "no_room")
            else:
                self._waiting.append((message, job))

    def _given_back(self) -> int:
        """Return up to which receive a message goes to other workers."""
        return GIVEN_BACK if len(self._waiting) < SUSPECTS_WAITING else len(NO_ROOM_VISIBILITY_S)

    def finish(self) -> list[Left]:
        """Wait until all have ended, and start those that still wait when there is room."""
        left = self.take_left()
        while self.busy:
            left += self.step()
        return left

    @property
    def busy(self) -> bool:
        """Whether any runs or waits."""
        return bool(self._running or self._waiting)

    def step(self) -> list[Left]:
        """Look after those under way, for half a second at most; return the messages that are left."""
        self._keep()
        if self._over() or self._draining():
            self._left += [kept(message) for message, _ in self._waiting]
            self._waiting = []
        self._return_late()
        self._waiting = [received for received in self._waiting if not self._start(*received)]
        if not self._running:
            self._runtime.clock.sleep(LOOK_MS / 1000)
        self._running = [running for running in self._running if not self._ended(running)]
        return self.take_left()

    def _return_late(self) -> None:
        """Return the messages of those that wait and for whose timeout this process has too little time left by now.

        Begun here, an attempt would end with the process, and count as failed.
        """
        late = [(message, job) for message, job in self._waiting if self._is_late(message, job)]
        self._waiting = [received for received in self._waiting if received not in late]
        for message, _ in late:
            self._give_back(message, "no_time")

    def _is_late(self, message: ReceivedMessage, job: Job) -> bool:
        left_ms = self._end_ms - self._runtime.clock.now_ms()
        # After the last time that it can be given back it takes what time there is.
        return message.receive_count <= len(NO_ROOM_VISIBILITY_S) and left_ms < 1000 * job.run_policy.timeout_s

    def take_left(self) -> list[Left]:
        """Return the messages that were left since the last call."""
        left, self._left = self._left, []
        return left

    def _keep(self) -> None:
        """Keep the messages of waiting jobs hidden: SQS counts receives, and gives up on a message after too many."""
        now_ms, visibility_s = self._runtime.clock.now_ms(), self._runtime.settings.visibility_s
        if now_ms >= self._keep_at_ms:
            self._keep_at_ms = now_ms + visibility_s * 1000 // 3
            for message, _ in self._waiting:
                self._hold(message, visibility_s)

    def _start(self, message: ReceivedMessage, job: Job) -> bool:
        if self._over() or self._draining():
            return False
        process = self._isolation.start(message, self._end_ms)
        if process:
            # A process that is stopped (SIGSTOP) ends neither by its timeout nor by an interrupt.
            allowed_ms = 1000 * (job.run_policy.timeout_s + ISOLATED_EXTRA_S)
            until_ms = min(self._end_ms, round(self._runtime.clock.now_ms() + allowed_ms))
            self._running.append(_Running(message, job, process, until_ms))
        return process is not None

    def _ended(self, running: _Running) -> bool:
        """Return whether a process has ended, and take over its result if so."""
        if not running.process.ended(LOOK_MS / 1000 / len(self._running)):
            if self._runtime.clock.now_ms() < running.until_ms:
                return False
            running.process.kill()
        worked = running.process.worked()
        if worked:
            self._left += [done(running.message, outcome) for outcome in worked.counts.elements()]
            self._left += [kept(running.message)] if worked.unsettled else []
        elif running.process.begun():
            # No worker may claim it before its lease has ended.
            self._hold(running.message, running.job.policy.lease_s + 1)
            self._left.append(kept(running.message, "process_lost"))
            self._killers.died_of(running.job, self._runtime.clock.now_ms())
        else:
            # The job had no part in it: another worker may be able to start a process.
            self._give_back(running.message, "process_failed")
        return True

    def _give_back(self, message: ReceivedMessage, outcome: str) -> None:
        """Let another worker have a message soon, later each time."""
        self._hold(message, NO_ROOM_VISIBILITY_S[min(message.receive_count, len(NO_ROOM_VISIBILITY_S)) - 1])
        self._left.append(kept(message, outcome))

    def _hold(self, message: ReceivedMessage, visibility_s: int) -> None:
        with suppress(UnavailableError), self._runtime.bulkhead.around("hold", message.id):
            self._runtime.queue.change_visibility(message.queue, [message.receipt], visibility_s)

    def _over(self) -> bool:
        return self._runtime.clock.now_ms() >= self._end_ms

    def _draining(self) -> bool:
        return self._drain_at is not None and self._drain_at() is not None


def split_suspects(
    runtime: Runtime, received: Sequence[Received], killers: KillerTypes
) -> tuple[list[Received], list[Received]]:
    """Split messages into those of jobs that may run together and suspects, the least suspicious first.

    A suspect is a job whose worker died, or may have died, or one of a tenant and type whose job killed its process. A
    message that was received a few times proves little: it may have been returned before its job began. The job as
    stored decides.
    """
    again = [entry for entry in received if 1 < entry[0].receive_count <= TRUSTED_RECEIVES]
    innocent, now_ms = _innocent(runtime, again), runtime.clock.now_ms()

    def is_suspect(entry: Received) -> bool:
        message, job = entry
        came_again = message.receive_count > 1 and job.id not in innocent
        return came_again or _was_lost(job) or killers.has(job, now_ms)

    suspects = [entry for entry in received if is_suspect(entry)]
    suspects.sort(key=lambda entry: (entry[1].lost, entry[0].receive_count))
    return [entry for entry in received if not is_suspect(entry)], suspects


def _innocent(runtime: Runtime, repeated: Sequence[Received]) -> set[str]:
    """Return the ids of the jobs that never lost a worker; no ids where the table does not answer."""

    def read(batch: Sequence[Received]) -> Sequence[bool]:
        items = runtime.store.get([job.key for _, job in batch])
        return [item is None or not _was_lost(from_item(item)) for item in items]

    try:
        known = runtime.bulkhead.batch(repeated, read, stage="suspects", name=_job_id) if repeated else []
    except UnavailableError:
        return set()
    return {job.id for (_, job), is_innocent in known if is_innocent is True}


def _was_lost(job: Job) -> bool:
    return job.state is State.RUNNING or job.lost > 0


def _job_id(received: Received) -> str:
    return received[1].id
