"""The composition root: which adapters and services make up a process, built once and cached."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from whendue.adapters.cursors import SealedCursors
from whendue.declarations.registry import Registry
from whendue.engine.payload_store import PayloadStore
from whendue.engine.pool import InlinePool
from whendue.engine.ports import BlobStore, Isolation, JobQueue, JobStore, Pool, Runner, TimerInvoker
from whendue.engine.runtime import Runtime, TransitionObserver
from whendue.metrics.consumption import Consumption
from whendue.metrics.recorder import MetricsRecorder
from whendue.notifications.publisher import NotificationPublisher
from whendue.settings import Settings
from whendue.support.clock import Clock
from whendue.table.ids import Ids
from whendue.tracing.spans import Tracing

if TYPE_CHECKING:
    # Each is imported by the process that asks for the service.
    from whendue.bulk.dead_letters import DeadLetterRedrive
    from whendue.bulk.service import BulkService
    from whendue.history.reader import JobHistory
    from whendue.inspection.explain import Explainer
    from whendue.inspection.gauges import Gauges
    from whendue.inspection.health import Health
    from whendue.inspection.queues import QueueInspector
    from whendue.metrics.store import MetricsStore
    from whendue.migration.migration import Migration
    from whendue.notifications.delivery_log import DeliveryLog
    from whendue.notifications.sender import NotificationSender
    from whendue.notifications.subscriptions import Subscriptions
    from whendue.operations.attempts import Attempts
    from whendue.operations.commands import JobCommands
    from whendue.operations.dead_letters import DeadLetterService
    from whendue.operations.erase import JobEraser
    from whendue.operations.job_logs import JobLogs
    from whendue.operations.listing import Listing
    from whendue.operations.reader import JobReader
    from whendue.pauses.service import PauseService
    from whendue.profiles.editor import ProfileEditor
    from whendue.profiles.lookup import ProfileLookup
    from whendue.schedules.backfills.service import BackfillService
    from whendue.schedules.enqueuer import FireEnqueuer
    from whendue.schedules.history import FireHistory
    from whendue.schedules.service import ScheduleService
    from whendue.schedules.ticks.runner import ScheduleRunner
    from whendue.submission.submit import Submit
    from whendue.timer.resume import Resume
    from whendue.timer.tick import Tick
    from whendue.worker.batch_runner import DrainAt
    from whendue.worker.dead_letter_consumer import DeadLetterConsumer
    from whendue.worker.job_stream import Calls, JobStream
    from whendue.worker.processor import BatchProcessor
    from whendue.worker.suspects import KillerTypes, Suspects
    from whendue.workflows.service import WorkflowService


class App:
    """Everything that handlers call. A service is put together when it is first asked for: no function needs all."""

    def __init__(self, runtime: Runtime, notifications: NotificationPublisher, metrics: MetricsRecorder) -> None:
        """Use this runtime; `notifications` and `metrics` are theirs."""
        self._runtime = runtime
        self.notifications = notifications
        self.settings = runtime.settings
        self.clock = runtime.clock
        self.registry = runtime.registry
        self.metrics = metrics
        self.tracing = runtime.tracing
        self.queue = runtime.queue
        self.bulkhead = runtime.bulkhead
        self.isolation = runtime.isolation

    @property
    def runtime(self) -> Runtime:
        """The ports that all services share; for what is no service, and for tests of a single one."""
        return self._runtime

    # --- what others stand on ---------------------------------------------------------------------------------

    @cached_property
    def profiles(self) -> "ProfileLookup":
        """Find profiles; known once in a process."""
        from whendue.profiles.lookup import ProfileLookup

        return ProfileLookup(self._runtime)

    @cached_property
    def pauses(self) -> "PauseService":
        """Begin, end and show pauses; known once in a process."""
        from whendue.pauses.service import PauseService

        return PauseService(self._runtime, self.notifications)

    @cached_property
    def submit(self) -> "Submit":
        """Accept jobs."""
        from whendue.submission.submit import Submit
        from whendue.workflows.validation import check_workflow

        return Submit(self._runtime, self.profiles, self.notifications, {"workflow": check_workflow})

    @cached_property
    def fire_enqueuer(self) -> "FireEnqueuer":
        """Make the jobs of fires."""
        from whendue.schedules.enqueuer import FireEnqueuer

        return FireEnqueuer(self._runtime, self.submit, self.notifications)

    @cached_property
    def counters(self) -> "MetricsStore":
        """Keep and show what all processes have counted."""
        from whendue.metrics.store import MetricsStore

        return MetricsStore(self._runtime)

    @cached_property
    def gauges(self) -> "Gauges":
        """Measure how things stand."""
        from whendue.inspection.gauges import Gauges

        return Gauges(self._runtime, self.pauses, self.queues)

    # --- the API's --------------------------------------------------------------------------------------------

    @cached_property
    def attempts(self) -> "Attempts":
        """List failed attempts."""
        from whendue.operations.attempts import Attempts

        return Attempts(self._runtime)

    @cached_property
    def query(self) -> "JobReader":
        """Show jobs."""
        from whendue.operations.reader import JobReader

        return JobReader(self._runtime)

    @cached_property
    def listing(self) -> "Listing":
        """List jobs."""
        from whendue.operations.listing import Listing

        return Listing(self._runtime)

    @cached_property
    def migration(self) -> "Migration":
        """Upgrade the table."""
        from whendue.migration.migration import Migration

        return Migration(self._runtime)

    @cached_property
    def job_logs(self) -> "JobLogs":
        """Show what attempts have logged."""
        from whendue.operations.job_logs import JobLogs

        return JobLogs(self._runtime)

    @cached_property
    def history(self) -> "JobHistory":
        """Show what happened to jobs."""
        from whendue.history.reader import JobHistory

        return JobHistory(self._runtime)

    @cached_property
    def explainer(self) -> "Explainer":
        """Say why jobs have not run yet."""
        from whendue.inspection.explain import Explainer
        from whendue.inspection.surroundings import Surroundings
        from whendue.limits.limiter import Limiter

        limits = Limiter(self._runtime, self.profiles)
        return Explainer(self._runtime, Surroundings(self._runtime, self.pauses, limits, self.counters))

    @cached_property
    def control(self) -> "JobCommands":
        """Cancel, reschedule and redrive jobs."""
        from whendue.operations.commands import JobCommands

        return JobCommands(self._runtime)

    @cached_property
    def erasing(self) -> "JobEraser":
        """Erase jobs."""
        from whendue.operations.erase import JobEraser

        return JobEraser(self._runtime)

    @cached_property
    def workflows(self) -> "WorkflowService":
        """Show and change workflows."""
        from whendue.workflows.service import WorkflowService

        return WorkflowService(self._runtime, self.control)

    @cached_property
    def dead_letters(self) -> "DeadLetterService":
        """Group dead letters."""
        from whendue.operations.dead_letters import DeadLetterService

        return DeadLetterService(self._runtime)

    @cached_property
    def bulk(self) -> "BulkService":
        """Change many jobs with one request."""
        from whendue.bulk.service import BulkService

        return BulkService(self._runtime)

    @cached_property
    def dead_letter_redrive(self) -> "DeadLetterRedrive":
        """Run dead letters again."""
        from whendue.bulk.dead_letters import DeadLetterRedrive

        return DeadLetterRedrive(self._runtime, self.bulk)

    @cached_property
    def health(self) -> "Health":
        """Check the services that whendue depends on."""
        from whendue.inspection.health import Health

        return Health(self._runtime)

    @cached_property
    def queues(self) -> "QueueInspector":
        """Show queues."""
        from whendue.inspection.queues import QueueInspector

        return QueueInspector(self._runtime, self.pauses)

    @cached_property
    def resume(self) -> "Resume":
        """End pauses."""
        from whendue.timer.resume import Resume

        return Resume(self._runtime, self.pauses)

    @cached_property
    def profile_editor(self) -> "ProfileEditor":
        """Change profiles."""
        from whendue.profiles.editor import ProfileEditor

        return ProfileEditor(self._runtime, self.profiles, self.notifications)

    @cached_property
    def schedules(self) -> "ScheduleService":
        """Change schedules."""
        from whendue.schedules.service import ScheduleService

        return ScheduleService(self._runtime, self.submit, self.fire_enqueuer)

    @cached_property
    def fire_history(self) -> "FireHistory":
        """Show how fires ended."""
        from whendue.schedules.history import FireHistory

        return FireHistory(self._runtime)

    @cached_property
    def backfills(self) -> "BackfillService":
        """Make jobs for past fires."""
        from whendue.schedules.backfills.service import BackfillService

        return BackfillService(self._runtime, self.submit, self.fire_enqueuer)

    @cached_property
    def subscriptions(self) -> "Subscriptions":
        """Change subscriptions."""
        from whendue.notifications.subscriptions import Subscriptions

        return Subscriptions(self._runtime, self.notifications)

    @cached_property
    def deliveries(self) -> "DeliveryLog":
        """Show and repeat deliveries."""
        from whendue.notifications.delivery_log import DeliveryLog

        return DeliveryLog(self._runtime, self.notifications, self.query, self.listing, self.control)

    # --- the other functions' ---------------------------------------------------------------------------------

    @cached_property
    def schedule_runner(self) -> "ScheduleRunner":
        """Let schedules fire."""
        from whendue.schedules.ticks.runner import ScheduleRunner

        return ScheduleRunner(self._runtime, self.fire_enqueuer, self.schedules, self.backfills, self.bulk)

    @cached_property
    def tick(self) -> "Tick":
        """Do the timer's work."""
        from whendue.timer.tick import Tick

        return Tick(self._runtime, self.pauses, self.schedule_runner)

    @cached_property
    def work(self) -> "BatchProcessor":
        """Do the worker's work."""
        from whendue.worker.processor import BatchProcessor
        from whendue.workflows.runner import CompositeRunner

        composites = CompositeRunner(self._runtime, self.submit)
        return BatchProcessor(self._runtime, self.profiles, self.pauses, composites, self.submit)

    def job_stream(self, calls: "Calls", drain_at: "DrainAt") -> "JobStream":
        """Do the worker's work in a process that keeps running; its jobs run where `calls` says."""
        from whendue.worker.job_stream import JobStream
        from whendue.workflows.runner import CompositeRunner

        composites = CompositeRunner(self._runtime, self.submit)
        return JobStream(self._runtime, self.profiles, self.pauses, composites, self.submit, calls, drain_at)

    def suspects(self, killers: "KillerTypes", deadline_ms: int, drain_at: "DrainAt") -> "Suspects | None":
        """Run suspects in processes of their own; None where none can be started."""
        from whendue.worker.suspects import Suspects

        isolation = self._runtime.isolation
        return Suspects(self._runtime, isolation, killers, deadline_ms, drain_at) if isolation else None

    @cached_property
    def notify(self) -> "NotificationSender":
        """Deliver; what the tasks of channels call."""
        from whendue.notifications.sender import NotificationSender

        return NotificationSender(self._runtime, self.notifications)

    @cached_property
    def dead_letter(self) -> "DeadLetterConsumer":
        """Settle what SQS gave up on."""
        from whendue.worker.dead_letter_consumer import DeadLetterConsumer

        return DeadLetterConsumer(self._runtime)


def build(
    settings: Settings,
    clock: Clock,
    store: JobStore,
    queue: JobQueue,
    blobs: BlobStore,
    runner: Runner,
    registry: Registry,
    tracing: Tracing | None = None,
    *,
    isolation: Isolation | None = None,
    pool: Pool | None = None,
    consumption: Consumption | None = None,
    timers: TimerInvoker | None = None,
) -> App:
    """Put the application on the given ports; tests hand in memory adapters. Without a pool, calls run one by one."""
    payloads = PayloadStore(store, blobs)
    metrics = MetricsRecorder(consumption)
    ids, cursors = Ids(settings.secret.id_key), SealedCursors(settings.secret)
    runtime = Runtime(
        store,
        queue,
        payloads,
        runner,
        registry,
        clock,
        settings,
        ids,
        cursors,
        _with_log(metrics) if settings.log_failures else metrics,
        tracing=tracing or Tracing(),
        isolation=isolation,
        pool=pool or InlinePool(),
        timers=timers,
    )
    notifications = NotificationPublisher(runtime)
    return App(replace(runtime, notifications=notifications), notifications, metrics)


def _with_log(metrics: MetricsRecorder) -> TransitionObserver:
    # No function of a deployment needs it.
    from whendue.metrics.failure_log import FailureLog

    return FailureLog(metrics)
