"""The worker: receives messages of all its queues, and keeps its threads busy with their jobs.

Every stage has threads of its own, so that none waits for another: a receiver for each queue, claims, jobs, records,
leases, suspects, and messages that are done with. A stage that may be slow holds up no running job's lease.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from whendue.aws_quotas import DYNAMODB_MAX_STATEMENTS
from whendue.bootstrap.application import App
from whendue.containers.health import Liveness
from whendue.containers.job_threads import JobThreads
from whendue.containers.loop import Loop
from whendue.containers.prefetch import GROUP_WAIT_S, Prefetch
from whendue.containers.settler import Settler
from whendue.containers.suspect_runner import SuspectRunner
from whendue.engine.ports import ReceivedMessage
from whendue.settings import DEAD_LETTER_QUEUES
from whendue.worker.batch_runner import LOOK_MS, EndedJob

# Of the grace, what is kept to interrupt what still runs and to record that it is given back: half a second until it is
# noticed, one for the tasks to stop, the rest for the calls.
GIVE_BACK_S: Final = 5
# A thread with nothing to do looks this often whether the process stops.
LOOK_S: Final = LOOK_MS / 1000
# Receivers that help a queue's own one: a call brings ten messages at most.
HELPERS: Final = 3
# While the call of one group is under way, another thread makes the next one.
CLAIMERS: Final = 2
RECORDERS: Final = 2
# The threads of all stages but the jobs' own, rounded up: each may have a call to AWS under way.
STAGE_THREADS: Final = 18
# Ends that are not recorded yet, and messages that are not deleted yet: with more, no job is claimed.
UNRECORDED: Final = 4 * DYNAMODB_MAX_STATEMENTS
UNSETTLED: Final = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How a worker works.

    Args:
        queues: the queues that it receives from, by name.
        threads: the maximum number of jobs that run at once.
        wait_s: how long a receiver waits for the messages of an empty queue.
        grace_s: from the first signal to the end; more than `GIVE_BACK_S`.
    """

    queues: Sequence[str]
    threads: int
    wait_s: int
    grace_s: int


class Worker:
    """Threads that work until they are drained."""

    def __init__(self, app: App, options: Options, liveness: Liveness) -> None:
        """Make ready; nothing is received yet."""
        self._app = app
        self._options = options
        self._draining = threading.Event()
        self._end_ms = 0
        self._prefetch = Prefetch(options.queues, options.threads, options.wait_s, app.clock, app.settings.weights)
        self._threads = JobThreads(options.threads, self._prefetch.free)
        self._jobs = app.job_stream(self._threads, self._drain_at)
        self._suspects = SuspectRunner(app, self._jobs.killers, self._drain_at)
        self._settler = Settler(app, self._draining.is_set)
        # Jobs that did not stop when they were interrupted.
        self._abandoned: deque[EndedJob] = deque()
        # The groups whose calls are under way.
        self._recording: set[object] = set()

        def loop(name: str, step: Callable[[], None], over: Callable[[], bool]) -> Loop:
            return Loop(name, step, over, liveness)

        stops = self._draining.is_set
        self._receivers = [loop(f"receiver-{queue}", partial(self._receive, queue), stops) for queue in options.queues]
        helpers = [loop(f"receiver-{number}", partial(self._receive, None), stops) for number in range(HELPERS)]
        self._receivers += helpers
        self._claimers = [loop(f"claims-{number}", self._claim, stops) for number in range(CLAIMERS)]
        self._workers = [loop(f"records-{number}", self._record, self._jobs_have_ended) for number in range(RECORDERS)]
        self._workers.append(loop("leases", self._keep, self._jobs_have_ended))
        self._workers.append(loop("suspects", self._run_suspects, self._suspects_have_ended))
        self._settlers = [loop("messages", self._settler.step, self._all_others_have_ended)]

    # --- start and end ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all threads."""
        self._threads.start()
        for loop in self._loops():
            loop.start()

    def drain(self) -> None:
        """Take nothing more, return what has not begun; what still runs near the grace's end is given back, too."""
        self._end_ms = self._app.clock.now_ms() + self._options.grace_s * 1000
        self._draining.set()
        self._settler.return_now(self._prefetch.close())
        if self._app.isolation:
            self._app.isolation.drain(self._end_ms - GIVE_BACK_S * 1000)

    def join(self) -> bool:
        """Wait for the threads' ends, no longer than the grace; False if something is still under way."""
        ended = [loop.join(max(0, self._end_ms - self._app.clock.now_ms()) / 1000) for loop in self._loops()]
        if all(ended):
            self._settler.run(everything=True)
            self._settler.report(last=True)
        return all(ended)

    def _loops(self) -> list[Loop]:
        return [*self._claimers, *self._workers, *self._receivers, *self._settlers]

    def _jobs_have_ended(self) -> bool:
        return all(loop.ended for loop in self._claimers) and not self._jobs.jobs and not self._abandoned

    def _suspects_have_ended(self) -> bool:
        return all(loop.ended for loop in self._claimers) and not self._suspects.busy

    def _all_others_have_ended(self) -> bool:
        return all(loop.ended for loop in (*self._claimers, *self._workers, *self._receivers))

    def _drain_at(self) -> int | None:
        """Return when running jobs are given back, ms UTC."""
        return self._end_ms - GIVE_BACK_S * 1000 if self._draining.is_set() else None

    # --- the steps of each thread -----------------------------------------------------------------------------

    def _receive(self, queue: str | None) -> None:
        poll = self._prefetch.ask(queue, LOOK_S)
        if poll is None:
            return
        messages: Sequence[ReceivedMessage] = []
        try:
            messages = self._app.queue.receive(poll.queue, limit=poll.limit, wait_s=poll.wait_s)
        finally:
            self._settler.return_now(self._prefetch.answered(poll, messages))

    def _claim(self) -> None:
        if self._is_behind():
            self._draining.wait(GROUP_WAIT_S)
            return
        messages = self._prefetch.take(LOOK_S)
        if not messages:
            return
        dead_letters = [message for message in messages if message.queue in DEAD_LETTER_QUEUES]
        started = 0
        try:
            begun = self._jobs.begin([message for message in messages if message not in dead_letters])
            started = begun.started
        finally:
            # Before anything slow: the threads of those that do not run are free.
            self._prefetch.claimed(len(messages) - started)
        self._suspects.add(begun.suspects)
        self._settler.settle(begun.left)
        if dead_letters:
            self._settler.settle_batch(dead_letters, self._app.dead_letter.handle(dead_letters))

    def _is_behind(self) -> bool:
        """Return whether so much is left to record or to delete that nothing more is to begin."""
        return self._threads.ended.qsize() >= UNRECORDED or self._settler.backlog() >= UNSETTLED

    def _record(self) -> None:
        ended = self._ended(DYNAMODB_MAX_STATEMENTS, LOOK_S)
        if not ended:
            return
        if self._recording:
            self._app.clock.sleep(GROUP_WAIT_S)
            ended += self._ended(DYNAMODB_MAX_STATEMENTS - len(ended))
        self._recording.add(group := object())
        try:
            self._settler.settle(self._jobs.record(ended))
        finally:
            self._recording.discard(group)

    def _ended(self, limit: int, timeout_s: float = 0) -> list[EndedJob]:
        """Take jobs whose calls have ended, or were abandoned; of an interrupted one, the replaced thread is free."""
        ended: list[EndedJob] = []
        with suppress(IndexError):
            while len(ended) < limit:
                ended.append(self._abandoned.popleft())
        room = limit - len(ended)
        for call in self._threads.ended_calls(room, 0 if ended else timeout_s) if room else ():
            if job := self._jobs.jobs.end(call.number, call.outcome):
                ended.append(job)
                if call.interrupted:
                    self._prefetch.free()
        return ended

    def _keep(self) -> None:
        abandoned = self._jobs.jobs.end_all(self._jobs.keep())
        self._abandoned.extend(abandoned)
        self._prefetch.free(len(abandoned))
        self._settler.return_now(self._prefetch.held_too_long())
        now_ms = self._app.clock.now_ms()
        self._app.clock.sleep(max(0, self._jobs.jobs.wake_ms(now_ms) - now_ms) / 1000)

    def _run_suspects(self) -> None:
        self._settler.settle(self._suspects.step())
