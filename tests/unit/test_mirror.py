"""Tests mirror the packages: whoever changes a module finds its tests by its name, or in the table below.

A module `whendue.jobs.transitions` is tested in `tests/unit/jobs/test_transitions.py`, in
`tests/functional/jobs/test_transitions.py`, or in both; a further aspect has a file beside it, as
`test_transitions_conditions.py`. Modules of `functions` have their folders there, too; those of
`functions/api` may also be tested over HTTP, by feature, in `tests/functional/api/test_<feature>.py`.
A module without a file of its own has a line in COVERED.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PACKAGE = ROOT / "layers/core/python/whendue"
FUNCTIONS = ROOT / "functions"
LINES_MAX = 600
# Module -> files that cover it, below tests. Each imports the module; one that reaches it in another way says by what
# word of its text, behind the colon: a route of the API, a service of the application, a task.
COVERED: Final[dict[str, tuple[str, ...]]] = {
    # Starts an emulator.
    "whendue.project.services": ("e2e/test_project.py:services",),
    # --- whendue --------------------------------------------------------------------------------------------------
    "whendue.aws_errors": (
        "functional/tasks/test_aws_tasks.py:what_lambda_says",
        "functional/channels/test_email.py:sns",
    ),
    "whendue.aws_quotas": ("contract/test_queue.py", "contract/test_unstorable.py"),
    "whendue.bootstrap.application": ("functional/profiles/test_lookup.py",),
    "whendue.bootstrap.process": ("functional/localstack/test_build.py:bootstrap",),
    "whendue.errors": ("functional/api/test_errors.py", "functional/api/test_openapi.py"),
    "whendue.mail": ("unit/tasks/test_payloads.py", "unit/declarations/test_resources.py"),
    "whendue.metrics_export": (
        "functional/metrics/test_metrics_export.py:run_visible",
        "functional/tracing/test_spans.py",
    ),
    "whendue.quotas": ("unit/infra/test_topology.py", "functional/api/test_errors.py"),
    "whendue.schedule_quotas": ("functional/api/test_response_size.py", "functional/schedules/test_planning.py"),
    "whendue.task_quotas": ("functional/tasks/test_http.py", "functional/tasks/test_aws_tasks.py"),
    "whendue.version": ("functional/tasks/test_http.py:User-Agent", "functional/channels/test_webhook.py:user-agent"),
    # --- adapters -------------------------------------------------------------------------------------------------
    "whendue.adapters.dynamodb.store": (
        "contract/test_faults.py",
        "contract/test_writes.py:store",
        "contract/test_sleeps.py",
    ),
    "whendue.adapters.memory.blobs": ("contract/test_blobs.py:blobs",),
    "whendue.adapters.memory.queue": ("contract/test_queue.py:queue", "functional/engine/test_fairness.py:MemoryQueue"),
    "whendue.adapters.memory.runner": ("functional/worker/test_processor.py:World",),
    "whendue.adapters.memory.store": (
        "contract/test_machine.py:MemoryStore",
        "contract/test_unstorable.py:MemoryStore",
    ),
    "whendue.adapters.dynamodb.partiql": ("contract/test_writes.py:apply", "contract/test_faults.py:batches"),
    "whendue.adapters.s3": ("contract/test_blobs.py:blobs",),
    "whendue.adapters.sqs": ("contract/test_queue.py:queue", "contract/test_faults.py"),
    "whendue.adapters.throttle": ("contract/test_faults.py", "functional/cli/test_processes.py"),
    # --- bulk -----------------------------------------------------------------------------------------------------
    "whendue.bulk.decisions": ("functional/bulk/test_service_undo.py:undone",),
    "whendue.bulk.notes": ("functional/bulk/test_carrying.py:changed_again",),
    "whendue.bulk.quotas": ("functional/bulk/test_service.py",),
    "whendue.bulk.selection": (
        "functional/bulk/test_service.py:submitted_later",
        "functional/api/test_response_size.py",
    ),
    # --- channels, containers, tasks ------------------------------------------------------------------------------
    "whendue.channels.sns": ("functional/channels/test_email.py:sns",),
    "whendue.containers.http_server.bounds": ("functional/containers/http_server/test_protocol.py",),
    "whendue.containers.isolated": ("e2e/test_killers.py:kill",),
    "whendue.containers.log": ("functional/cli/test_processes.py:message",),
    "whendue.containers.loop": ("functional/containers/test_worker.py:survives",),
    "whendue.containers.process": ("functional/cli/test_processes.py:terminate",),
    "whendue.containers.queue_selector": ("property/test_queue_selector_laws.py",),
    "whendue.containers.suspect_runner": ("functional/containers/test_worker.py:suspect",),
    "whendue.tasks.email": ("unit/tasks/test_payloads.py", "functional/tasks/test_aws_tasks.py:email"),
    "whendue.tasks.lambda_": ("functional/tasks/test_aws_tasks.py",),
    "whendue.tasks.workflow": ("functional/workflows/test_runner.py:flow",),
    # --- cli ------------------------------------------------------------------------------------------------------
    "whendue.cli.__main__": ("functional/cli/test_application.py:whendue.cli",),
    "whendue.cli.commands.arguments": ("functional/cli/commands/test_jobs.py:--payload",),
    "whendue.cli.doctor.api_checks": ("functional/cli/commands/test_doctor.py:api_checks",),
    "whendue.cli.doctor.aws_checks": ("functional/cli/commands/test_doctor.py:queue_missing",),
    # --- client ---------------------------------------------------------------------------------------------------
    "whendue.client.async_client": ("functional/client/test_operations.py:AsyncClient",),
    "whendue.client.actions": ("functional/client/test_wire.py",),
    "whendue.client.errors": ("functional/client/flows/test_sending.py:NotFoundError",),
    "whendue.client.inputs.definitions": ("unit/client/test_schemas.py",),
    "whendue.client.inputs.jobs": ("unit/client/test_schemas.py",),
    "whendue.client.inputs.workflows": ("unit/client/test_schemas.py",),
    "whendue.client.models.bulk": ("unit/client/test_schemas.py",),
    "whendue.client.models.common": ("unit/client/test_schemas.py", "unit/client/test_json_values.py"),
    "whendue.client.models.dead_letters": ("unit/client/test_schemas.py",),
    "whendue.client.models.jobs": ("unit/client/test_schemas.py",),
    "whendue.client.models.schedules": ("unit/client/test_schemas.py",),
    "whendue.client.models.subscriptions": ("unit/client/test_schemas.py",),
    "whendue.client.models.tenant": ("unit/client/test_schemas.py",),
    "whendue.client.models.workflows": ("unit/client/test_schemas.py",),
    "whendue.client.requests.bulk": ("functional/client/test_operations.py:scenario",),
    "whendue.client.requests.jobs": ("unit/client/test_messages.py", "functional/client/test_operations.py:scenario"),
    "whendue.client.requests.schedules": (
        "unit/client/test_messages.py",
        "functional/client/test_operations.py:scenario",
    ),
    "whendue.client.requests.subscriptions": ("functional/client/test_operations.py:scenario",),
    "whendue.client.requests.tenant": ("functional/client/test_operations.py:scenario",),
    "whendue.client.requests.workflows": ("functional/client/test_operations.py:scenario",),
    "whendue.client.sync_client": ("functional/client/test_operations.py:Client",),
    # --- declarations ---------------------------------------------------------------------------------------------
    "whendue.declarations.context": ("functional/api/test_what_tasks_give.py", "functional/tasks/test_http.py"),
    "whendue.declarations.definitions": ("unit/declarations/test_declaring.py:task",),
    "whendue.declarations.outcomes": (
        "functional/worker/test_processor.py:Retry",
        "functional/tasks/test_aws_tasks.py:GiveUp",
    ),
    "whendue.declarations.registry": ("unit/declarations/test_declaring.py", "unit/declarations/test_discovery.py"),
    "whendue.declarations.schema": ("unit/tasks/test_payloads.py:TASKS",),
    "whendue.declarations.validation": (
        "functional/api/test_endless_validators.py:validator",
        "unit/tasks/test_payloads.py",
    ),
    # --- engine ---------------------------------------------------------------------------------------------------
    "whendue.engine.message": ("functional/worker/test_processor.py", "property/test_laws.py"),
    "whendue.engine.payload_store": (
        "functional/notifications/test_publisher.py",
        "functional/submission/test_submit.py:payload",
    ),
    "whendue.engine.ports": (
        "contract/test_writes.py",
        "contract/test_queue.py",
        "contract/test_due_index.py",
        "contract/test_newest_first.py",
    ),
    "whendue.engine.readable": ("functional/api/test_list_bulkheads.py:/jobs",),
    "whendue.engine.runtime": ("functional/worker/test_processor_bulkheads.py",),
    # --- inspection -----------------------------------------------------------------------------------------------
    "whendue.inspection.causes": ("docs/test_docs.py", "simulation/test_explain.py:causes"),
    "whendue.inspection.explain_rules": (
        "unit/inspection/test_explain_end_rules.py",
        "functional/inspection/test_explain.py",
    ),
    "whendue.inspection.gauges": ("functional/api/test_metrics.py",),
    "whendue.inspection.health": ("functional/api/test_broken_modules.py:/health",),
    "whendue.inspection.queues": ("functional/api/test_queues.py:/queues",),
    "whendue.inspection.surroundings": ("functional/inspection/test_explain.py:explain",),
    # --- jobs -----------------------------------------------------------------------------------------------------
    "whendue.jobs.dependency_transitions": ("unit/jobs/test_transition.py", "unit/jobs/test_transitions_conditions.py"),
    "whendue.jobs.limit_spec": ("property/test_limits.py", "functional/limits/test_limiter.py"),
    "whendue.jobs.members": ("unit/jobs/test_transition.py",),
    "whendue.jobs.model": ("unit/jobs/test_transitions.py", "property/test_laws.py"),
    "whendue.jobs.outcomes": (
        "functional/worker/test_processor.py:State",
        "functional/worker/test_batch_runner_draining.py:State",
    ),
    # --- limits ---------------------------------------------------------------------------------------------------
    "whendue.limits.admission": ("functional/limits/test_limiter.py:work",),
    "whendue.limits.deferral": ("functional/limits/test_limiter_races.py",),
    "whendue.limits.overlap_policy": ("functional/limits/test_overlap.py:overlap",),
    "whendue.limits.rate_policy": ("property/test_limits.py",),
    "whendue.limits.rate_tokens": (
        "functional/limits/test_limiter.py:rate",
        "functional/worker/test_processor_bulkheads.py",
    ),
    # --- metrics, notifications, operations -----------------------------------------------------------------------
    "whendue.metrics.consumption": ("functional/metrics/test_usage.py:consumption",),
    "whendue.metrics.prices": ("docs/test_cost_page.py",),
    "whendue.metrics.store": ("functional/metrics/test_recorder.py:counters", "contract/test_counters.py:counters"),
    "whendue.migration.migrated": ("functional/migration/test_migration.py",),
    "whendue.notifications.delivery_job": ("unit/notifications/test_events.py",),
    "whendue.notifications.delivery_log": (
        "functional/channels/test_webhook.py:deliveries",
        "functional/api/test_subscriptions.py:/deliveries",
    ),
    "whendue.notifications.subscription": (
        "unit/notifications/test_events.py",
        "functional/notifications/test_subscriptions.py",
    ),
    "whendue.operations.attempts": ("functional/api/test_attempts.py:/attempts",),
    "whendue.operations.migration_state": ("functional/migration/test_migration.py",),
    "whendue.operations.reader": ("functional/operations/test_commands.py:view", "functional/api/test_jobs.py:/jobs"),
    "whendue.operations.revision": ("functional/api/test_http_promises.py:If-Match",),
    # --- pauses, profiles, references -----------------------------------------------------------------------------
    "whendue.pauses.events": ("functional/api/test_subscriptions.py:/pause",),
    "whendue.pauses.model": ("functional/pauses/test_service.py", "functional/timer/test_tick_bulkheads.py"),
    "whendue.profiles.editor": (
        "functional/api/test_profiles.py:/profiles",
        "functional/profiles/test_lookup.py:Profile",
    ),
    "whendue.profiles.model": ("property/test_profile_laws.py", "functional/profiles/test_lookup.py"),
    "whendue.references.interpreter": ("unit/references/test_bounded_jmespath.py", "unit/references/test_syntax.py"),
    # --- schedules ------------------------------------------------------------------------------------------------
    "whendue.schedules.definition_checks": ("functional/api/test_schedule_refusals.py:/schedules",),
    "whendue.schedules.backfills.model": (
        "unit/schedules/test_model.py",
        "functional/schedules/backfills/test_service.py",
    ),
    "whendue.schedules.calendar.cron": (
        "unit/schedules/calendar/test_recurrence.py",
        "property/test_recurrence_laws.py",
    ),
    "whendue.schedules.calendar.cron_fields": ("unit/schedules/calendar/test_recurrence.py",),
    "whendue.schedules.calendar.durations": (
        "functional/api/test_schedule_refusals.py:PT",
        "property/test_growth_of_schedules.py",
    ),
    "whendue.schedules.calendar.exclusions": (
        "property/test_growth_of_schedules.py",
        "property/test_recurrence_laws.py:exclu",
    ),
    "whendue.schedules.calendar.intervals": (
        "property/test_recurrence_laws.py:first_hit",
        "unit/schedules/calendar/test_recurrence_dst.py:every_s",
    ),
    "whendue.schedules.events": (
        "functional/notifications/test_publisher.py",
        "functional/api/test_subscriptions.py:schedule",
    ),
    "whendue.schedules.fire_entries": ("functional/schedules/test_enqueuer.py:enter_fire",),
    "whendue.schedules.lookup": ("unit/schedules/test_model.py:lookup",),
    "whendue.schedules.fires": ("unit/schedules/test_model.py:fires", "functional/schedules/test_history.py"),
    # --- submission, support, table -------------------------------------------------------------------------------
    "whendue.submission.request": ("functional/submission/test_submit.py", "property/test_laws.py"),
    "whendue.support.clock": ("unit/adapters/test_key_set.py", "contract/test_sleeps.py"),
    "whendue.support.text": ("functional/api/test_stored_text.py",),
    "whendue.support.time_limit": ("functional/api/test_endless_validators.py",),
    "whendue.support.timestamps": ("unit/api/http/test_times.py:written",),
    "whendue.table.index": ("contract/test_newest_first.py", "functional/operations/test_newest_first.py"),
    "whendue.table.keys": ("property/test_laws.py", "contract/test_query_range.py"),
    "whendue.table.preconditions": ("unit/api/http/test_etags.py", "contract/test_profiles.py"),
    "whendue.table.writes": ("contract/test_writes.py", "unit/jobs/test_transitions_conditions.py"),
    # --- timer, worker, workflows ---------------------------------------------------------------------------------
    "whendue.timer.open_scans": (
        "functional/timer/test_tick_bulkheads.py:open_scans",
        "functional/engine/test_fairness.py:tick",
    ),
    "whendue.timer.resume": ("functional/pauses/test_service.py:resume",),
    "whendue.worker.claimer": (
        "functional/worker/test_processor_claims.py:claim",
        "functional/worker/test_processor_bulkheads.py",
        "functional/worker/test_processor_expiry.py:claim",
    ),
    "whendue.workflows.canvas": ("unit/workflows/test_graph.py",),
    "whendue.workflows.progress": ("unit/workflows/test_graph.py", "property/test_workflow_laws.py"),
    "whendue.workflows.validation": ("functional/api/test_workflows.py:/workflows",),
    # --- functions ------------------------------------------------------------------------------------------------
    "functions.dead_letter.handler": ("e2e/test_jobs.py:dead_letter",),
    "functions.log": ("functional/api/test_security.py:logged", "functional/metrics/test_metrics_export.py:logged"),
    "functions.notifier.handler": ("e2e/test_notifications.py:deliveries",),
    "functions.timer.handler": ("functional/metrics/test_metrics_export.py:handled_tick",),
    "functions.worker.handler": ("e2e/test_jobs.py:submit",),
    "functions.worker.tasks.demo": ("functional/localstack/test_build.py:demo", "e2e/test_jobs.py:demo"),
    # --- functions/api --------------------------------------------------------------------------------------------
    "functions.api.app": ("functional/api/test_http_promises.py", "functional/api/test_hostile.py"),
    "functions.api.dashboard.files": ("functional/api/test_dashboard.py",),
    "functions.api.dashboard.one_time_links": ("functional/api/test_dashboard.py:links",),
    "functions.api.dashboard.routes": ("functional/api/test_dashboard.py",),
    "functions.api.handler": ("e2e/test_jobs.py:http",),
    "functions.api.http.body": ("functional/api/test_hostile.py",),
    "functions.api.http.caller": ("functional/api/test_security.py:tenant",),
    "functions.api.http.cors": ("functional/api/test_http_promises.py",),
    "functions.api.http.gateway_event": ("functional/api/test_flavors.py",),
    "functions.api.http.json_text": ("functional/api/test_hostile.py",),
    "functions.api.http.openapi_problems": ("functional/api/test_openapi.py:problem",),
    "functions.api.http.problems": ("functional/api/test_errors.py", "functional/api/test_openapi.py"),
    "functions.api.http.routing": ("functional/api/test_openapi.py:/", "functional/api/test_http_promises.py:/"),
    "functions.api.http.scopes": ("functional/api/test_security.py:scope",),
    "functions.api.routes.dead_letters": (
        "functional/api/test_security.py:/dead-letters",
        "functional/api/test_numbers.py:dead",
    ),
    "functions.api.routes.health": (
        "functional/api/test_broken_modules.py:/health",
        "functional/api/test_flavors.py:/health",
    ),
    "functions.api.routes.pauses": ("functional/api/test_queues.py:/pauses",),
    "functions.api.schemas.base": (
        "functional/api/test_did_you_mean.py:/jobs",
        "functional/api/test_stored_text.py:/",
    ),
    "functions.api.schemas.effective": ("functional/api/test_profiles.py:effective",),
    "functions.api.schemas.job_replies": ("functional/api/test_jobs.py:/jobs", "functional/api/test_openapi.py:/jobs"),
    "functions.api.schemas.job_requests": ("functional/api/test_jobs.py:/jobs", "functional/api/test_errors.py:/jobs"),
    "functions.api.schemas.pauses": ("functional/api/test_queues.py:/pauses",),
    "functions.api.schemas.reply": ("functional/api/test_openapi.py:/",),
    "functions.api.schemas.schedule.definitions": (
        "functional/api/test_schedule_refusals.py:/schedules",
        "functional/api/test_schedule_lifetimes.py:removeAfterSeconds",
    ),
    "functions.api.schemas.schedule.runs": (
        "functional/api/test_schedules.py:/trigger",
        "functional/api/test_backfills.py:backfill",
    ),
    "functions.api.schemas.schedule.replies": ("functional/api/test_schedules.py:/schedules",),
    "functions.api.schemas.shared.redrive": ("functional/api/test_job_lists.py:dead-letters/redrive",),
    "functions.api.schemas.shared.list_parameters": ("functional/api/test_cursors.py:cursor",),
    "functions.api.schemas.shared.policy": ("functional/api/test_profiles.py:/profiles",),
    "functions.api.schemas.schedule.templates": (
        "functional/api/test_schedules.py:/schedules",
        "functional/api/test_workflows.py:/schedules",
    ),
}


def _modules() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return each module, and its place below its package, or below `functions`."""
    for base, prefix in ((PACKAGE, "whendue"), (FUNCTIONS, "functions")):
        for path in sorted(base.rglob("*.py")):
            if path.name != "__init__.py":
                names = path.relative_to(base).with_suffix("").parts
                yield ".".join((prefix, *names)), names


PLACES = dict(_modules())
FILES = sorted(TESTS.rglob("*.py"))


def mirrored(module: str) -> list[Path]:
    """List the test files that are named after a module."""
    *folders, name = PLACES[module]
    inside = [Path(kind, *folders) for kind in ("unit", "functional")]
    if folders[:1] == ["api"]:
        inside.append(Path("functional", "api"))
    # `test_slot_model.py` is about `slot_model`, not an aspect of `slot`.
    longer = {names[-1] for names in PLACES.values() if names[:-1] == tuple(folders) and len(names[-1]) > len(name)}
    found = [path for folder in inside for path in (TESTS / folder).glob(f"test_{name}*.py")]
    aspects = [path.stem.removeprefix(f"test_{name}") for path in found]
    return [
        path
        for path, aspect in zip(found, aspects, strict=True)
        if not aspect or (aspect[0] == "_" and not any(f"{name}{aspect}".startswith(other) for other in longer))
    ]


@cache
def imports_of(path: Path) -> set[str]:
    """Name what a file imports: modules, and what it takes from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("module", sorted(PLACES))
def test_every_module_has_a_test_file_or_a_line_that_says_which_covers_it(module: str) -> None:
    """And one of the two alone: a line beside a file of its own would soon be wrong."""
    assert bool(mirrored(module)) != (module in COVERED), (module, mirrored(module))


@pytest.mark.parametrize("module", sorted(COVERED))
def test_every_line_is_of_a_module_and_names_files_that_reach_it(module: str) -> None:
    """By an import, or by the word that the line gives."""
    assert module in PLACES
    for line in COVERED[module]:
        name, _, word = line.partition(":")
        path = TESTS / name
        assert path.name.startswith("test_")
        assert path.is_file(), f"{module}: there is no {name}"
        reached = word in path.read_text() if word else module in imports_of(path)
        assert reached, f"{module}: {name} does not name {word or module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_file_imports_from_a_test_file(path: Path) -> None:
    """What tests share lives in tests/builders; a conftest takes from there, or from the harness in its own folder."""
    ours = [name for name in imports_of(path) if name.startswith("tests.")]
    assert not [name for name in ours if re.search(r"\.(test_\w+|conftest)(\.|$)", name)]
    if path.name == "conftest.py":
        folder = ".".join(path.relative_to(ROOT).parent.parts)
        own = () if folder == "tests" else (f"{folder}.",)
        foreign = [name for name in ours if not name.startswith(("tests.builders", *own))]
        assert [name for name in foreign if name != folder] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_files_of_tests_stay_small(path: Path) -> None:
    """A reader looks for one behaviour, not through a thousand lines."""
    assert len(path.read_text().splitlines()) <= LINES_MAX
