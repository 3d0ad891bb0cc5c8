"""What the mutation gate guards, part by part: modules, the tests about them, the scenarios that they are tried on."""

from dataclasses import dataclass
from typing import Final

from tests.simulation.scenarios import (
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
from tests.simulation.scenarios.base import Scenario


@dataclass(frozen=True, slots=True)
class Area:
    """Some modules that belong together.

    Args:
        modules: below `whendue`.
        tests: files below `tests`, the quick ones first.
        scenarios: of these every single fault is tried.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    scenarios: tuple[Scenario, ...]


JOBS: Final = Area(
    modules=(
        "adapters.dynamodb.attribute_values",
        "adapters.dynamodb.indexes",
        "adapters.memory.store",
        "bulkhead",
        "support.conflicts",
        "jobs.due_index",
        "timer.lateness",
        "jobs.rescue_policy",
        "jobs.transition",
        "jobs.transitions",
        "table.writes",
        "worker.claimed_job",
        "timer.due_cursors",
        "worker.batch_runner",
        "worker.dead_letter_consumer",
        "worker.heartbeat",
        "timer.promote",
        "engine.commit",
        "timer.rescue",
        "worker.completer",
        "worker.suspects",
        "timer.tick",
        "timer.open_scans",
        "timer.partition_scan",
        "timer.turns",
        "timer.current_jobs",
        "worker.processor",
        "worker.claimer",
        "worker.ended_attempt",
        "engine.stage",
        "engine.apply",
        "operations.migrated",
        "operations.migration",
        "operations.newest_first",
    ),
    tests=(
        "unit/test_bulkhead.py",
        "unit/adapters/dynamodb/test_attribute_values.py",
        "contract/test_unstorable.py",
        "contract/test_writes.py",
        "contract/test_steps.py",
        "contract/test_due_index.py",
        "contract/test_newest_first.py",
        "contract/test_query_range.py",
        "contract/test_profiles.py",
        "contract/test_counters.py",
        "unit/support/test_conflicts.py",
        "unit/jobs/test_transition.py",
        "unit/jobs/test_transitions_conditions.py",
        "unit/jobs/test_transitions.py",
        "unit/jobs/test_rescue_policy.py",
        "unit/jobs/test_lifetime.py",
        "unit/timer/test_lateness.py",
        "unit/timer/test_turns.py",
        "unit/timer/test_partition_scan.py",
        "functional/worker/test_suspects.py",
        "unit/worker/test_ended_attempt.py",
        "unit/engine/test_stage.py",
        "functional/worker/test_processor_decode.py",
        "unit/support/test_ttl_cache.py",
        "property/test_profile_laws.py",
        "property/test_laws.py",
        "functional/operations/test_commands.py",
        "functional/operations/test_listing.py",
        "functional/operations/test_dead_letters.py",
        "functional/operations/test_migration.py",
        "functional/operations/test_newest_first.py",
        "functional/worker/test_dead_letter_consumer.py",
        "functional/inspection/test_explain.py",
        "functional/worker/test_processor.py",
        "functional/worker/test_processor_claims.py",
        "functional/worker/test_claimed_job.py",
        "functional/worker/test_batch_runner_draining.py",
        "functional/tracing/test_spans.py",
        "functional/timer/test_promote.py",
        "functional/timer/test_current_jobs.py",
        "functional/timer/test_due_cursors.py",
        "functional/timer/test_tick.py",
        "functional/timer/test_rescue.py",
        "functional/timer/test_tick_bulkheads.py",
        "functional/api/test_numbers.py",
        # Limits, dependencies and parts are behind guards of a job's life, too.
        "functional/limits/test_limiter.py",
        "functional/engine/test_release.py",
        "functional/engine/test_commit.py",
        "functional/references/test_resolver.py",
        "functional/submission/test_dependency_edges_notes.py",
        "functional/engine/test_apply.py",
        "functional/engine/test_fan_out.py",
        "functional/engine/test_reconcile.py",
        "functional/engine/test_cancel_members.py",
        "functional/workflows/test_expansion.py",
        "functional/submission/test_dependency_edges.py",
        "functional/workflows/test_runner.py",
        "functional/notifications/test_publisher_ends.py",
        "functional/channels/test_webhook_ssrf.py",
    ),
    scenarios=(*jobs.SCENARIOS, *deploys.SCENARIOS, *notifications.SCENARIOS, *broken.SCENARIOS),
)
LIMITS: Final = Area(
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
        "unit/limits/test_slot_model.py",
        "property/test_limits.py",
        "functional/limits/test_limiter_races.py",
        "functional/limits/test_slots.py",
        "functional/limits/test_overlap_races.py",
        "functional/limits/test_overlap.py",
        "functional/limits/test_limiter.py",
        "functional/inspection/test_explain.py",
    ),
    scenarios=(*limits.SCENARIOS, *schedules.OVERLAPPING),
)
SCHEDULES: Final = Area(
    modules=(
        "schedules.backfill_model",
        "schedules.planning",
        "schedules.fires",
        "schedules.model",
        "schedules.backfill",
        "schedules.runner",
        "schedules.due",
        "schedules.auto_pause",
        "schedules.enqueuer",
        "schedules.fire_entries",
        "schedules.history",
        "schedules.service",
        "schedules.cancel_planned",
    ),
    tests=(
        "unit/schedules/test_model.py",
        "functional/support/test_conflicts.py",
        "functional/timer/test_tick_bulkheads.py",
        "functional/schedules/test_cancel_planned.py",
        "functional/schedules/test_planning.py",
        "functional/schedules/test_enqueuer.py",
        "functional/schedules/test_history.py",
        "functional/schedules/test_due.py",
        "functional/schedules/test_auto_pause.py",
        "functional/schedules/test_service.py",
        "functional/schedules/test_backfill.py",
        "functional/api/test_schedules.py",
        "functional/limits/test_overlap.py",
        "property/test_firing_laws.py",
        "functional/schedules/test_runner.py",
    ),
    scenarios=schedules.SCENARIOS,
)
PAUSES: Final = Area(
    modules=("pauses.model", "pauses.service", "timer.resume"),
    tests=(
        "functional/support/test_conflicts.py",
        "functional/api/test_queues.py",
        "functional/pauses/test_service.py",
    ),
    scenarios=pauses.SCENARIOS,
)
PROFILES: Final = Area(
    modules=("profiles.model", "support.ttl_cache", "profiles.editor", "profiles.lookup"),
    tests=(
        "unit/support/test_ttl_cache.py",
        "property/test_profile_laws.py",
        "functional/support/test_conflicts.py",
        "functional/api/test_profiles.py",
        "functional/profiles/test_lookup.py",
    ),
    scenarios=profiles.SCENARIOS,
)
DEPENDENCIES: Final = Area(
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
        "unit/jobs/test_dependencies.py",
        "unit/jobs/test_transition.py",
        "unit/jobs/test_transitions_conditions.py",
        "functional/engine/test_release.py",
        "functional/engine/test_commit.py",
        "functional/references/test_resolver.py",
        "functional/submission/test_dependency_edges_notes.py",
        "functional/engine/test_apply.py",
        "functional/engine/test_fan_out.py",
        "functional/engine/test_reconcile.py",
        "functional/engine/test_cancel_members.py",
        "functional/workflows/test_expansion.py",
        "functional/submission/test_dependency_edges.py",
        "functional/workflows/test_runner.py",
    ),
    scenarios=dependencies.SCENARIOS,
)
NOTIFICATIONS: Final = Area(
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
        "unit/notifications/test_events.py",
        "functional/support/test_conflicts.py",
        "functional/notifications/test_publisher.py",
        "functional/api/test_subscriptions.py",
        "functional/notifications/test_subscriptions.py",
        "functional/channels/test_webhook.py",
        "functional/notifications/test_publisher_ends.py",
    ),
    scenarios=notifications.SCENARIOS,
)
WORKFLOWS: Final = Area(
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
        "unit/workflows/test_graph.py",
        "unit/references/test_syntax.py",
        "unit/references/test_bounded_jmespath.py",
        "functional/submission/test_submit.py",
        "functional/workflows/test_service.py",
        "functional/api/test_depends_on.py",
        "functional/api/test_workflows.py",
        "functional/api/test_jobs.py",
        "functional/api/test_subscriptions.py",
        "functional/api/test_profiles.py",
        "functional/workflows/test_runner.py",
        "property/test_graph_laws.py",
        "property/test_workflow_laws.py",
    ),
    scenarios=dependencies.SCENARIOS,
)
ISOLATION: Final = Area(
    modules=(
        "bulkhead",
        "jobs.failures",
        "table.items",
        "jobs.retry_policy",
        "jobs.json_values",
        "worker.executor",
    ),
    tests=(
        "unit/jobs/test_json_values.py",
        "functional/api/test_what_tasks_give.py",
        "functional/worker/test_processor.py",
        "functional/test_sqs_batch_bulkheads.py",
        "functional/worker/test_processor_bulkheads.py",
    ),
    scenarios=isolation.SCENARIOS,
)
LIFETIMES: Final = Area(
    modules=("jobs.lifetime", "operations.erase", "operations.purge"),
    tests=(
        "functional/operations/test_purge.py",
        "unit/jobs/test_lifetime.py",
        "functional/submission/test_dependency_edges.py",
        "functional/workflows/test_runner.py",
        "property/test_lifetime_laws.py",
    ),
    scenarios=(*jobs.SCENARIOS, *dependencies.SCENARIOS),
)
METRICS: Final = Area(
    # What is counted decides nothing: no scenario notices.
    modules=("metrics.model", "tracing.traceparent", "metrics.store", "inspection.gauges", "metrics.recorder"),
    tests=(
        "unit/metrics/test_model.py",
        "unit/tracing/test_traceparent.py",
        "functional/metrics/test_recorder.py",
        "functional/metrics/test_metrics_export.py",
        "functional/tracing/test_traceparent.py",
        "functional/api/test_metrics.py",
    ),
    scenarios=(),
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
AREA_OF: Final = {f"whendue.{module}": part for part in PARTS for module in part.modules}
