"""What the mutation gate guards, part by part: modules, the tests about them, the stories that they are tried on."""

from dataclasses import dataclass
from typing import Final

from tests.simulation.stories import (
    broken,
    dependencies,
    deploys,
    isolation,
    jobs,
    limits,
    notifications,
    pauses,
    profiles,
    schedules,
)
from tests.simulation.stories.base import Scenario


@dataclass(frozen=True, slots=True)
class Part:
    """Some modules that belong together.

    Args:
        modules: below `whendue`.
        tests: files below `tests`, the quick ones first.
        stories: of these every single fault is tried.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    stories: tuple[Scenario, ...]


JOBS: Final = Part(
    modules=(
        "adapters.attribute_values",
        "adapters.memory.store",
        "bulkhead",
        "jobs.due_index",
        "timer.lateness",
        "jobs.rescue_policy",
        "jobs.transition",
        "jobs.transitions",
        "table.writes",
        "worker.claimed_job",
        "engine.due_cursors",
        "worker.batch_runner",
        "worker.dead_letter_consumer",
        "worker.deadly",
        "worker.heartbeat",
        "timer.promote",
        "engine.commit",
        "timer.rescue",
        "worker.completer",
        "worker.suspects",
        "timer.tick",
        "engine.partition_scan",
        "worker.processor",
        "engine.apply",
    ),
    tests=(
        "unit/test_bulkhead.py",
        "unit/test_step.py",
        "unit/test_conditions.py",
        "unit/test_transitions.py",
        "unit/test_rescue.py",
        "unit/test_lateness.py",
        "functional/test_suspects.py",
        "unit/test_fresh.py",
        "property/test_profile_laws.py",
        "property/test_laws.py",
        "functional/test_control.py",
        "functional/test_work.py",
        "functional/test_guards_work.py",
        "functional/test_draining.py",
        "functional/test_timer.py",
        "functional/test_guards_timer.py",
        "functional/test_bulkheads_timer.py",
        "functional/api/test_numbers.py",
        # Limits, parents and parts are behind guards of a job's life, too.
        "functional/test_limits.py",
        "functional/test_guards_dependencies.py",
        "functional/test_guards_writing.py",
        "functional/test_guards_telling.py",
        "functional/test_guards_composites.py",
        "functional/test_dependencies.py",
        "functional/test_composites.py",
        "functional/notifications/test_ends.py",
        "functional/notifications/test_ssrf.py",
    ),
    stories=(*jobs.STORIES, *deploys.STORIES, *notifications.STORIES, *broken.STORIES),
)
LIMITS: Final = Part(
    modules=(
        "limits.rate_policy",
        "limits.overlap_policy",
        "limits.slot_model",
        "limits.deferral",
        "limits.limiter",
        "limits.overlap",
        "limits.rate_tokens",
        "limits.slots",
    ),
    tests=(
        "unit/test_slots.py",
        "property/test_limits.py",
        "functional/test_guards_limits.py",
        "functional/test_guards_line.py",
        "functional/test_guards_overlaps.py",
        "functional/test_overlaps.py",
        "functional/test_limits.py",
        "functional/test_explain.py",
    ),
    stories=(*limits.STORIES, *schedules.OVERLAPPING),
)
SCHEDULES: Final = Part(
    modules=(
        "schedules.backfill_model",
        "schedules.planning",
        "schedules.fires",
        "schedules.model",
        "schedules.backfill",
        "schedules.runner",
        "schedules.enqueuer",
        "schedules.history",
        "schedules.service",
        "schedules.cancel_planned",
    ),
    tests=(
        "unit/test_schedule_items.py",
        "functional/test_bulkheads_timer.py",
        "functional/test_guards_schedules.py",
        "functional/test_guards_firing.py",
        "functional/test_guards_ledger.py",
        "functional/test_guards_due.py",
        "functional/test_guards_backfills.py",
        "functional/api/test_schedules.py",
        "functional/test_overlaps.py",
        "property/test_firing_laws.py",
        "functional/test_schedules.py",
    ),
    stories=schedules.STORIES,
)
PAUSES: Final = Part(
    modules=("pauses.model", "pauses.service", "timer.resume"),
    tests=("functional/api/test_queues.py", "functional/test_pauses.py"),
    stories=pauses.STORIES,
)
PROFILES: Final = Part(
    modules=("profiles.model", "support.ttl_cache", "profiles.editor", "profiles.lookup"),
    tests=(
        "unit/test_fresh.py",
        "property/test_profile_laws.py",
        "functional/api/test_profiles.py",
        "functional/test_profiles.py",
    ),
    stories=profiles.STORIES,
)
DEPENDENCIES: Final = Part(
    modules=(
        "jobs.dependencies",
        "jobs.members",
        "jobs.dependency_transitions",
        "engine.cancel_members",
        "workflows.runner",
        "engine.release",
        "references.resolver",
        "submission.dependency_edges",
        "engine.reconcile",
        "workflows.expansion",
        "engine.fan_out",
    ),
    tests=(
        "unit/test_dependency.py",
        "unit/test_step.py",
        "unit/test_conditions.py",
        "functional/test_guards_dependencies.py",
        "functional/test_guards_writing.py",
        "functional/test_guards_telling.py",
        "functional/test_guards_composites.py",
        "functional/test_dependencies.py",
        "functional/test_composites.py",
    ),
    stories=dependencies.STORIES,
)
NOTIFICATIONS: Final = Part(
    modules=(
        "notifications.delivery_job",
        "notifications.events",
        "notifications.subscription",
        "notifications.delivery_log",
        "notifications.publisher",
        "notifications.sender",
        "notifications.subscriptions",
    ),
    tests=(
        "unit/test_stories.py",
        "functional/test_news.py",
        "functional/api/test_subscriptions.py",
        "functional/notifications/test_health.py",
        "functional/notifications/test_webhooks.py",
        "functional/notifications/test_ends.py",
    ),
    stories=notifications.STORIES,
)
WORKFLOWS: Final = Part(
    # `workflows.progress` only shows.
    modules=(
        "workflows.graph",
        "references.interpreter",
        "references.bounded_jmespath",
        "references.syntax",
        "workflows.canvas",
        "submission.plan",
        "workflows.service",
    ),
    tests=(
        "unit/test_graph.py",
        "unit/test_references.py",
        "functional/test_submit.py",
        "functional/test_guards_workflows.py",
        "functional/api/test_depends_on.py",
        "functional/api/test_workflows.py",
        "functional/api/test_jobs.py",
        "functional/api/test_subscriptions.py",
        "functional/api/test_profiles.py",
        "functional/test_composites.py",
        "property/test_graph_laws.py",
        "property/test_workflow_laws.py",
    ),
    stories=dependencies.STORIES,
)
ISOLATION: Final = Part(
    modules=(
        "bulkhead",
        "jobs.failures",
        "table.items",
        "jobs.retry_policy",
        "jobs.json_values",
        "worker.executor",
    ),
    tests=(
        "unit/test_values.py",
        "functional/api/test_what_tasks_give.py",
        "functional/test_work.py",
        "functional/test_bulkheads_records.py",
        "functional/test_bulkheads_worker.py",
    ),
    stories=isolation.STORIES,
)
LIFETIMES: Final = Part(
    modules=("jobs.lifetime", "operations.erase", "operations.purge"),
    tests=(
        "functional/test_lifetimes.py",
        "functional/test_dependencies.py",
        "functional/test_composites.py",
        "property/test_lifetime_laws.py",
    ),
    stories=(*jobs.STORIES, *dependencies.STORIES),
)
METRICS: Final = Part(
    # What is counted decides nothing: no story notices.
    modules=("metrics.model", "tracing.traceparent", "metrics.store", "inspection.gauges", "metrics.recorder"),
    tests=(
        "unit/test_counts.py",
        "unit/test_trace.py",
        "functional/metrics/test_counting.py",
        "functional/metrics/test_emf.py",
        "functional/metrics/test_traces.py",
        "functional/api/test_metrics.py",
    ),
    stories=(),
)
PARTS: Final = (
    JOBS,
    LIMITS,
    SCHEDULES,
    PAUSES,
    PROFILES,
    DEPENDENCIES,
    WORKFLOWS,
    NOTIFICATIONS,
    ISOLATION,
    LIFETIMES,
    METRICS,
)
PART_OF: Final = {f"whendue.{module}": part for part in PARTS for module in part.modules}
