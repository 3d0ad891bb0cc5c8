"""The composition root: which adapters and services make up a process, built once and cached."""

import os
import sys
from dataclasses import replace
from functools import cache, cached_property

from whendue.adapters.cursors import SealedCursors
from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, USER_TASKS, Registry, discover
from whendue.declarations.resources import TaskSettings, provide
from whendue.engine.payload_store import Documents
from whendue.engine.ports import BlobStore, Isolation, JobQueue, JobStore, Runner
from whendue.engine.runtime import Ports
from whendue.inspection.explain import Explainer
from whendue.inspection.gauges import Gauges
from whendue.inspection.health import Health
from whendue.inspection.queues import Queues
from whendue.inspection.surroundings import Around
from whendue.limits.limiter import Limits
from whendue.metrics.recorder import Tally
from whendue.metrics.store import Counters
from whendue.notifications.delivery_log import Deliveries
from whendue.notifications.publisher import News
from whendue.notifications.sender import Notify
from whendue.notifications.subscriptions import Subscriptions
from whendue.operations.attempts import Attempts
from whendue.operations.commands import Control
from whendue.operations.dead_letters import DeadLetters
from whendue.operations.erase import Erasing
from whendue.operations.reader import Query
from whendue.pauses.service import Pauses
from whendue.profiles.editor import ProfileEditor
from whendue.profiles.lookup import Profiles
from whendue.quotas import ISOLATED_AT_ONCE
from whendue.schedules.backfill import Backfills
from whendue.schedules.enqueuer import Firing
from whendue.schedules.history import Ledger
from whendue.schedules.runner import Due
from whendue.schedules.service import Schedules
from whendue.settings import Settings
from whendue.submission.submit import Submit
from whendue.support.clock import Effects, system
from whendue.table.ids import Ids
from whendue.timer.resume import Resume
from whendue.timer.tick import Tick
from whendue.tracing.spans import Tracing
from whendue.worker.dead_letter_consumer import DeadLetter
from whendue.worker.processor import Work
from whendue.workflows.runner import Composites
from whendue.workflows.service import Workflows
from whendue.workflows.validation import check_workflow


class App:
    """Everything that handlers call. A service is put together when it is first asked for: no function needs all."""

    def __init__(self, ports: Ports, news: News, tally: Tally) -> None:
        """Stand on these ports; `news` and `tally` are theirs."""
        self._ports = ports
        self.news = news
        self.settings = ports.settings
        self.effects = ports.effects
        self.registry = ports.registry
        self.tally = tally
        self.tracing = ports.tracing
        self.queue = ports.queue
        self.bulkhead = ports.bulkhead
        self.isolation = ports.isolation

    @property
    def runtime(self) -> Ports:
        """The ports that all services share; for tests of a single service."""
        return self._ports

    # --- what others stand on ---------------------------------------------------------------------------------

    @cached_property
    def profiles(self) -> Profiles:
        """Find profiles; known once in a process."""
        return Profiles(self._ports)

    @cached_property
    def pauses(self) -> Pauses:
        """Begin, end and show pauses; known once in a process."""
        return Pauses(self._ports, self.news)

    @cached_property
    def submit(self) -> Submit:
        """Accept jobs."""
        return Submit(self._ports, self.profiles, self.news, {"workflow": check_workflow})

    @cached_property
    def fire_enqueuer(self) -> Firing:
        """Make the jobs of fires."""
        return Firing(self._ports, self.submit, self.news)

    @cached_property
    def counters(self) -> Counters:
        """Keep and show what all processes have counted."""
        return Counters(self._ports)

    @cached_property
    def gauges(self) -> Gauges:
        """Measure how things stand."""
        return Gauges(self._ports, self.pauses, self.queues)

    # --- the API's --------------------------------------------------------------------------------------------

    @cached_property
    def attempts(self) -> Attempts:
        """List failed attempts."""
        return Attempts(self._ports)

    @cached_property
    def query(self) -> Query:
        """Show jobs."""
        return Query(self._ports)

    @cached_property
    def explainer(self) -> Explainer:
        """Say why jobs have not run yet."""
        limits = Limits(self._ports, self.profiles)
        return Explainer(self._ports, Around(self._ports, self.pauses, limits, self.counters))

    @cached_property
    def control(self) -> Control:
        """Cancel, reschedule and redrive jobs."""
        return Control(self._ports)

    @cached_property
    def erasing(self) -> Erasing:
        """Erase jobs."""
        return Erasing(self._ports)

    @cached_property
    def workflows(self) -> Workflows:
        """Show and change workflows."""
        return Workflows(self._ports, self.control)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Group and redrive dead letters."""
        return DeadLetters(self._ports)

    @cached_property
    def health(self) -> Health:
        """Say whether the outside answers."""
        return Health(self._ports)

    @cached_property
    def queues(self) -> Queues:
        """Show queues."""
        return Queues(self._ports, self.pauses)

    @cached_property
    def resume(self) -> Resume:
        """End pauses."""
        return Resume(self._ports, self.pauses)

    @cached_property
    def profile_editor(self) -> ProfileEditor:
        """Change profiles."""
        return ProfileEditor(self._ports, self.profiles, self.news)

    @cached_property
    def schedules(self) -> Schedules:
        """Change schedules."""
        return Schedules(self._ports, self.submit, self.fire_enqueuer)

    @cached_property
    def ledger(self) -> Ledger:
        """Show how fires ended."""
        return Ledger(self._ports)

    @cached_property
    def backfills(self) -> Backfills:
        """Make jobs for past fires."""
        return Backfills(self._ports, self.submit, self.fire_enqueuer)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """Change subscriptions."""
        return Subscriptions(self._ports, self.news)

    @cached_property
    def deliveries(self) -> Deliveries:
        """Show and repeat deliveries."""
        return Deliveries(self._ports, self.news, self.query, self.control)

    # --- the other functions' ---------------------------------------------------------------------------------

    @cached_property
    def schedule_runner(self) -> Due:
        """Let schedules fire."""
        return Due(self._ports, self.fire_enqueuer, self.schedules, self.backfills)

    @cached_property
    def tick(self) -> Tick:
        """Do the timer's work."""
        return Tick(self._ports, self.pauses, self.schedule_runner)

    @cached_property
    def work(self) -> Work:
        """Do the worker's work."""
        return Work(self._ports, self.profiles, self.pauses, Composites(self._ports, self.submit))

    @cached_property
    def notify(self) -> Notify:
        """Deliver; what the tasks of channels call."""
        return Notify(self._ports, self.news)

    @cached_property
    def dead_letter(self) -> DeadLetter:
        """Settle what SQS gave up on."""
        return DeadLetter(self._ports)


def build(
    settings: Settings,
    effects: Effects,
    store: JobStore,
    queue: JobQueue,
    blobs: BlobStore,
    runner: Runner,
    registry: Registry,
    tracing: Tracing | None = None,
    *,
    isolation: Isolation | None = None,
) -> App:
    """Put the application on the given ports; tests hand in memory adapters."""
    documents = Documents(store, blobs)
    tally = Tally()
    ids, cursors = Ids(settings.secret.id_key), SealedCursors(settings.secret)
    ports = Ports(
        store,
        queue,
        documents,
        runner,
        registry,
        effects,
        settings,
        ids,
        cursors,
        tally,
        tracing=tracing or Tracing(),
        isolation=isolation,
    )
    news = News(ports)
    return App(replace(ports, news=news), news, tally)


@cache
def app(*, listen_s: int = 0, isolated: bool = False) -> App:
    """Give this process's application, on AWS as its environment says.

    Args:
        isolated: this process was started for one suspect, and runs it itself.
        listen_s: how long a call to SQS may wait for a message.

    Raises:
        ConfigurationError: a setting is not right. A module of tasks that cannot be imported is logged, and left out.
    """
    from whendue.adapters.aws import READ_TIMEOUT_S, client, parameter
    from whendue.adapters.child_processes import ChildProcesses
    from whendue.adapters.dynamodb import DynamoStore
    from whendue.adapters.s3 import S3Blobs
    from whendue.adapters.ses import sender
    from whendue.adapters.sqs import SqsQueue
    from whendue.adapters.threads import ThreadRunner

    # Tasks' own calls are tried again by their jobs, not behind their backs; a function may run for 15 minutes.
    once = {"retries": {"total_max_attempts": 1}}
    allowed = TaskSettings.from_env(os.environ)
    provide("settings", lambda: allowed)
    provide("sesv2", lambda: sender(os.environ, **once))
    provide("sns", lambda: client("sns", **once))
    provide("lambda", lambda: client("lambda", **once, read_timeout=900))
    settings, effects = Settings.from_env(os.environ, parameter), system()
    made = build(
        settings,
        effects,
        DynamoStore(client("dynamodb"), settings.table, effects),
        SqsQueue(
            client("sqs", read_timeout=READ_TIMEOUT_S + listen_s),
            {**settings.queues, **settings.dead_letter_queues},
            effects,
        ),
        S3Blobs(client("s3"), settings.bucket),
        ThreadRunner(),
        discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, *os.environ.get("WHENDUE_TASKS", USER_TASKS).split(",")),
        Tracing.from_env(os.environ),
        isolation=None if isolated else ChildProcesses(ISOLATED_AT_ONCE),
    )
    for failed in made.registry.failures:
        sys.stdout.write(f"{failed.log_line()}\n")
    provide("notify", lambda: made.notify)
    return made
