"""Calls every operation of a client once or more, on the real API, and looks at what it returns."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.builders.world import World
from whendue.client import (
    BatchJob,
    Chord,
    DeadLetterFilter,
    Dependency,
    Edge,
    EventFilter,
    InitialPause,
    JobFilter,
    Limits,
    NewJob,
    NewProfile,
    NewSchedule,
    NewSubscription,
    NewWorkflow,
    Node,
    Step,
    Unique,
)
from whendue.client.inputs.jobs import JobTemplate

# Calls an operation by its name; lists are read to their ends.
Call = Callable[..., Any]


def now(world: World) -> datetime:
    return datetime.fromtimestamp(world.clock.now_ms() / 1000, UTC)


def jobs(call: Call, world: World) -> None:
    job = call("submit_job", NewJob("ok", {"é": [1, None]}, delay_seconds=60, tags={"team": "a:b"}))
    assert (job.type, job.state, job.due_at.tzinfo, job.replayed) == ("ok", "scheduled", UTC, False)
    assert (job.effective.max_attempts.value, job.effective.backoff.factor.source) == (4, "default")
    read = call("get_job", job.id)
    assert read.payload == call("get_job_payload", job.id) == {"é": [1, None]}
    changed = call("update_job", job.id, queue="low", due_at=now(world) + timedelta(seconds=5), if_match=read.etag)
    assert changed.due_at < job.due_at
    assert changed.etag != read.etag
    assert call("explain_job", job.id).reasons[0].code == "not_due"
    unique = Unique(by_payload=["n"], on_conflict="replace")
    first, second = (call("submit_job", NewJob("ok", {"n": 1}, delay_seconds=900, unique=unique)) for _ in range(2))
    assert (first.outcome, second.outcome, second.unique.replaced_id) == ("created", "replaced", first.id)
    assert call("find_unique_holder", "ok", unique, {"n": 1}).job.id == second.id
    assert call("find_unique_holder", "ok", unique, {"n": 2}).job is None
    call("cancel_job", second.id)
    ended = call("wait_for_job", job.id)
    assert (ended.state, ended.ended, ended.result["é"]) == ("succeeded", True, [1, None])
    assert ended.attempts[0].started_at is not None
    assert call("get_job_result", job.id) == ended.result
    other = call("schedule_task", NewJob("ok", delay_seconds=900, limits=Limits(concurrency=1, key="k")))
    assert other.limits == Limits(concurrency=1, key="k")
    assert call("cancel_job", other.id).state == "cancelled"
    done = call("list_job_events", other.id, limit=1)
    assert [event.type for event in done] == ["cancelled", "cancel_requested", "submitted"]
    assert call("erase_job", other.id) is None
    found = call("list_jobs", tags={"team": "a:b"}, created_after=now(world) - timedelta(hours=1), limit=1)
    assert [each.id for each in found] == [job.id]


def logs(call: Call, world: World) -> None:
    def run(payload: Any, ctx: Any) -> None:
        ctx.log.info("attempt %s", ctx.attempt)
        if ctx.attempt == 1:
            raise RuntimeError("no")

    world.task("logs", run)
    job = call("submit_job", NewJob("logs"))
    call("wait_for_job", job.id)
    second, first = call("list_job_logs", job.id, limit=1)
    assert (first.attempt, first.dropped, first.dropped_after) == (1, 0, None)
    [line] = second.lines
    assert (line.level, line.logger, line.message, line.at.tzinfo) == ("INFO", "whendue.task", "attempt 2", UTC)
    assert [log.attempt for log in call("list_job_logs", job.id, attempt=1)] == [1]


def batches(call: Call, world: World) -> None:
    wanted = [BatchJob("ok", ref="first"), NewJob("ok", depends_on=[Dependency(ref="first", as_="x")]), NewJob("none")]
    first, second, refused = call("submit_jobs", wanted)
    assert (first.status, second.job.state, refused.job) == (202, "waiting", None)
    assert refused.problem.code == "unknown_task"
    assert call("wait_for_job", second.job.id).state == "succeeded"


def dead_letters(call: Call, world: World) -> None:
    job = call("submit_job", NewJob("bad", max_attempts=1))
    assert call("wait_for_job", job.id).state == "dead"
    [attempt] = call("list_job_attempts", job.id)
    assert attempt.error.where == attempt.error.stack[-1]
    assert attempt.error.causes == ()
    [group] = call("list_dead_letters", type="bad")
    assert (group.count, group.fingerprint, group.sample) == (1, attempt.error.fingerprint, (job.id,))
    [tenant] = call("list_dead_letters_by_tenant", type="bad", fingerprint=group.fingerprint)
    assert (tenant.tenant, tenant.jobs, tenant.groups[0].sample) == ("acme", 1, (job.id,))
    found = {"queue": "normal", "fingerprint": group.fingerprint, "finished_after": now(world) - timedelta(hours=1)}
    assert [each.id for each in call("list_jobs", **found, order="oldest", limit=1)] == [job.id]
    assert call("list_jobs", finished_before=now(world) - timedelta(hours=1)) == []
    assert call("redrive_dead_letters", DeadLetterFilter(type="bad"), dry_run=True).matched == 1
    assert call("redrive_job", job.id).state in ("queued", "scheduled")
    call("wait_for_job", job.id)
    result = call("redrive_all_dead_letters", DeadLetterFilter(fingerprint=group.fingerprint))
    assert (result.redriven, result.failed, result.cursor) == ((job.id,), (), None)
    call("wait_for_job", job.id)


def operations(call: Call, world: World) -> None:
    job = call("submit_job", NewJob("ok", delay_seconds=600, tags={"bulk": "yes"}))
    wanted = JobFilter(tags={"bulk": "yes"})
    found = call("start_operation", "cancel", wanted, dry_run=True)
    assert (found.id, found.counts.matched, found.examples, found.exact) == (None, 1, (job.id,), True)
    assert call("start_operation", "reprioritise", ids=[job.id, "no-job"], priority="low").counts.changed == 1
    begun = call("start_operation", "cancel", wanted, idempotency_key="once")
    assert call("start_operation", "cancel", wanted, idempotency_key="once").id == begun.id
    assert begun.id in [each.id for each in call("list_operations", state="finished")]
    ended = call("wait_for_operation", begun.id)
    assert (ended.state, ended.counts.changed, ended.filter) == ("finished", 1, {"tags": {"bulk": "yes"}})
    redriven = call("start_operation", "redrive", JobFilter(state="cancelled", tags={"bulk": "yes"}), rate_per_second=1)
    undone = call("undo_operation", redriven.id)
    assert (undone.action, undone.undoes) == ("undo", redriven.id)
    assert undone.counts.changed + undone.counts.failed == 1
    slow = [call("submit_job", NewJob("ok", delay_seconds=600)).id for _ in range(2)]
    operation = call("start_operation", "cancel", ids=slow, rate_per_second=0.001)
    assert call("cancel_operation", operation.id).cancelled_by == operation.by
    assert call("get_operation", operation.id).state == "cancelled"
    assert operation.id in [listed.id for listed in call("list_operations")]


def workflows(call: Call, world: World) -> None:
    nodes = {"a": Node("ok"), "b": Node("bad", max_attempts=1, depends_on=[Edge(node="a")])}
    workflow = call("submit_workflow", NewWorkflow(nodes=nodes, tags={"x": "y"}))
    ended = call("wait_for_workflow", workflow.id)
    assert (ended.state, {node.name: node.state for node in ended.nodes}) == ("dead", {"a": "succeeded", "b": "dead"})
    assert [(edge.from_, edge.to, edge.on) for edge in ended.edges] == [("a", "b", "success")]
    assert call("retry_workflow", workflow.id).retries == 1
    assert call("get_workflow", workflow.id).critical_path == ended.critical_path
    assert ended.progress
    chord = NewWorkflow(chord=Chord(group=[Step("ok"), Step("ok")], body=Step("ok")), delay_seconds=600)
    later = call("submit_workflow", chord)
    assert call("cancel_workflow", later.id).state == "cancelled"
    assert {each.id for each in call("list_workflows", limit=1)} == {workflow.id, later.id}


def schedules(call: Call, world: World) -> None:
    wanted = NewSchedule(every="PT1M", start=now(world) - timedelta(days=40), job=JobTemplate("ok"))
    made = call("put_schedule", "s", wanted, only_create=True)
    assert (made.state, made.every, made.misfire.policy) == ("active", "PT60S", "fire_once")
    assert call("get_schedule", "s").etag == made.etag
    assert call("put_schedule", "s", wanted, if_match=made.etag).name == "s"
    assert len(call("preview_schedule", "s", limit=2).items) == 2
    assert call("preview_unsaved_schedule", wanted, limit=1).items[0].local
    start = now(world) + timedelta(days=9)
    assert call("preview_schedule", "s", start=start, limit=1).items[0].nominal_at >= start
    several = NewSchedule(crons=["0 0 * * *", "0 */12 * * *"], job=JobTemplate("ok"))
    assert len(call("preview_unsaved_schedule", several, start=start, limit=3).items) == 3
    triggered = call("trigger_schedule", "s")
    assert call("wait_for_job", triggered.id).schedule == "s"
    other = call("trigger_schedule", "s", payload={"n": 7}, queue="high", tags={"by": "hand"}, idempotency_key="k")
    assert (other.priority, other.tags, call("wait_for_job", other.id).payload) == ("high", {"by": "hand"}, {"n": 7})
    world.pass_time(120)
    [fire, *_] = call("list_fires", "s", start=now(world) - timedelta(hours=1), limit=1)
    assert fire.nominal_at.tzinfo is UTC
    begun = call("backfill_schedule", "s", now(world) - timedelta(minutes=30), now(world) - timedelta(minutes=1))
    assert call("get_backfill", "s", begun.id).from_ == begun.from_
    assert call("wait_for_backfill", "s", begun.id).state == "finished"
    long = call("backfill_schedule", "s", now(world) - timedelta(days=30), now(world) - timedelta(hours=2))
    assert call("pause_backfill", "s", long.id).state == "paused"
    assert call("resume_backfill", "s", long.id).state == "running"
    assert call("cancel_backfill", "s", long.id).state == "cancelled"
    assert call("wait_for_backfill", "s", long.id).created_jobs == long.created_jobs
    assert [each.id for each in call("list_backfills", "s", limit=1)] == [long.id, begun.id]
    until = now(world) + timedelta(hours=1)
    assert call("pause_schedule", "s", reason="why", until=until).paused.until == until
    assert call("pause_schedule", "s", reason="why").paused.reason == "why"
    read = call("get_schedule", "s")
    assert call("put_schedule", "s", read) == read
    other = NewSchedule(cron="* * * * *", job=JobTemplate("ok"), paused=InitialPause(reason="later"), max_runs=3)
    made = call("put_schedule", "t", other)
    assert (made.state, made.max_runs, made.remaining_runs) == ("paused", 3, 3)
    assert call("delete_schedule", "t") is None
    assert call("resume_schedule", "s").paused is None
    assert [each.name for each in call("list_schedules", limit=1)] == ["s"]
    assert call("delete_schedule", "s") is None


def pauses(call: Call, world: World) -> None:
    assert call("pause_queue", "low", "why", expires_at=now(world) + timedelta(hours=1)).reason == "why"
    [low] = [queue for queue in call("list_queues") if queue.name == "low"]
    assert low.paused is not None
    assert call("resume_queue", "low") is None
    assert call("pause_tenant", "all").type is None
    assert call("pause_tenant", "some", type="ok").type == "ok"
    assert {pause.type for pause in call("list_pauses")} == {None, "ok"}
    assert call("resume_tenant") is None
    assert call("resume_task_type", "ok") is None


def tasks(call: Call, world: World) -> None:
    assert [task.name for task in call("list_tasks")] == world.registry.names()
    found = call("get_task", "ok")
    assert (found.name, found.policy.max_attempts, found.policy.backoff.base_seconds) == ("ok", None, None)
    assert found.payload_schema["type"] == "object"


def profiles(call: Call, world: World) -> None:
    made = call("put_profile", "p", NewProfile(retries=1, never_retry=["E"]), only_create=True)
    assert (made.version, made.max_attempts, made.never_retry) == (1, 2, ("E",))
    assert call("put_profile", "p", NewProfile(retries=2), if_match=made.etag).version == 2
    assert call("get_profile_version", "p", 1).max_attempts == 2
    assert "p" in [profile.name for profile in call("list_profiles")]
    assert call("delete_profile", "p", if_match=call("get_profile", "p").etag) is None


def subscriptions(call: Call, world: World) -> None:
    config = {"url": "https://hooks.example.com/x"}
    wanted = NewSubscription(channel="webhook", config=config, events=["dead"], filter=EventFilter(types=("ok",)))
    made = call("put_subscription", "w", wanted, only_create=True)
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert call("get_subscription", "w").filter.types == ("ok",)
    assert call("rotate_subscription_secret", "w").secret != made.secret
    assert call("enable_subscription", "w").active
    delivery = call("test_subscription", "w")
    [listed] = call("list_deliveries", "w", limit=1)
    assert (listed.id, listed.subscription, listed.event) == (delivery.id, "w", "subscription.test")
    call("cancel_job", delivery.id)
    assert call("replay_delivery", "w", delivery.id).id == delivery.id
    assert [each.name for each in call("list_subscriptions")] == ["w"]
    assert call("delete_subscription", "w") is None


def operating(call: Call, world: World) -> None:
    assert call("get_usage").total.submitted > 0
    assert "whendue_" in call("get_metrics")
    assert call("get_health").status == "UP"
    assert call("get_readiness") == call("get_actuator_health")
    assert call("get_readiness").components["table"]["status"] == "UP"


STEPS = (
    jobs,
    logs,
    batches,
    dead_letters,
    operations,
    workflows,
    schedules,
    pauses,
    tasks,
    profiles,
    subscriptions,
    operating,
)
